"""The roles of the chain, the same list as `optichain.auth.v1.Role` (a contract test compares
them)."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """Who somebody is at work. What a role may do stands on the RPCs, not here."""

    RECEPTION = "reception"
    TECHNICIAN = "technician"
    OPTOMETRIST = "optometrist"
    OPHTHALMOLOGIST = "ophthalmologist"
    CONTACT_LENS_FITTER = "contact_lens_fitter"
    TRAINER = "trainer"
    OPTICIAN = "optician"
    FRAME_CONTROLLER = "frame_controller"
    CASHIER = "cashier"
    PHARMACIST = "pharmacist"
    LAB_CLERK = "lab_clerk"
    LAB_TECHNICIAN = "lab_technician"
    QC_INSPECTOR = "qc_inspector"
    COURIER = "courier"
    STOREKEEPER = "storekeeper"
    RECEIVER = "receiver"
    ACCEPTOR = "acceptor"
    PURCHASER = "purchaser"
    PURCHASING_MANAGER = "purchasing_manager"
    QUALITY_MANAGER = "quality_manager"
    ALLOCATOR = "allocator"
    ACCOUNTS = "accounts"
    BRANCH_MANAGER = "branch_manager"
    HEAD_OFFICE = "head_office"
    AUDITOR = "auditor"
    ON_CALL = "on_call"
    PARTNER_LAB = "partner_lab"
    INSTRUMENT = "instrument"
    SYSTEM = "system"


STAFF = tuple(
    role
    for role in Role
    if role not in (Role.ON_CALL, Role.PARTNER_LAB, Role.INSTRUMENT, Role.SYSTEM)
)
"""Everybody who works on cases."""

ACTING_STAFF = tuple(role for role in STAFF if role is not Role.AUDITOR)
"""Everybody who acts on cases: auditors read and add nothing."""
