"""The tables of the API, one module per journey: which address names which RPC."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType

from gateway.route import Route
from gateway.routes import chain, clinic, devices, lab, people, records, retail, stock

_MODULES: Mapping[str, ModuleType] = {
    "chain": chain,
    "people": people,
    "clinic": clinic,
    "stock": stock,
    "retail": retail,
    "lab": lab,
    "devices": devices,
    "records": records,
}

TABLES: Mapping[str, tuple[Route, ...]] = {name: one.ROUTES for name, one in _MODULES.items()}
SUBJECTS: Mapping[str, str] = {name: one.ABOUT for name, one in _MODULES.items()}
