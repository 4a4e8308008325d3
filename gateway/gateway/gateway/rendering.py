"""Pages from templates: every value escaped, nothing fetched from elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

_templates = Environment(
    loader=PackageLoader("gateway"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(template: str, **values: Any) -> str:
    """Return a page."""
    return _templates.get_template(template).render(**values)


def _words(name: str) -> str:
    """Turn a dotted kind into words: `clinical.lens_specification` becomes lens specification."""
    return name.rpartition(".")[2].replace("_", " ")


def _kind_of(schema: dict[str, Any]) -> str:
    """Say in one word what a schema takes."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if schema.get("type") == "array":
        return f"{_kind_of(schema['items'])}[]"
    if "allOf" in schema:
        return " + ".join(_kind_of(one) for one in schema["allOf"])
    return str(schema.get("format") or schema.get("type", "any"))


def duration(ms: int) -> str:
    """Return a time as people say it: `320 ms`, `4.2 s`, `12 min`, `3 h 5 min`, `2 d 4 h`."""
    seconds = ms / 1000
    if ms < 1000:
        return f"{ms} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h"


def _instant(value: datetime | str) -> str:
    """Return an instant, or the text of one in JSON, to the second in UTC."""
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


_templates.filters |= {
    "words": _words,
    "kind_of": _kind_of,
    "duration": duration,
    "instant": _instant,
}
