"""Log events with fields, one JSON line each on standard error, with the trace they belong to.

Callers pass ids, counts and reasons; never names, phone numbers, birthdays or clinical values.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import MutableMapping
from functools import partial
from typing import Any

import structlog
from opentelemetry import trace

_DEEPEST = 20
"""How many of the innermost places of an error are logged."""


def set_up(process: str, level: str = "INFO") -> None:
    """Make every logger of this process write JSON lines under its name."""
    structlog.configure(
        processors=[
            partial(_of_process, process),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            _with_trace,
            structlog.processors.ExceptionRenderer(_places),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(
        level="WARNING", stream=sys.stderr, format="%(levelname)s %(name)s %(message)s"
    )


def _of_process(
    process: str, _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Name the process: not in a context variable, which the threads that serve do not inherit."""
    event["process"] = process
    return event


def _with_trace(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = f"{context.trace_id:032x}"
    return event


def _places(exc_info: Any) -> str:
    """Tell what went wrong and where, never the error's text: it may hold what was typed."""
    kind, _error, trace_back = exc_info
    frames = traceback.extract_tb(trace_back)[-_DEEPEST:]
    return "\n".join(
        [kind.__name__, *(f"{one.filename}:{one.lineno} {one.name}" for one in frames)]
    )


def logger() -> Any:
    """Return the logger of this process."""
    return structlog.get_logger()
