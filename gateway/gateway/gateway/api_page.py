"""The API as a page for people: the OpenAPI document as one list, without a script."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from gateway.openapi import Document
from gateway.rendering import page

_CSP = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'"


def render(openapi: Document) -> str:
    """Return the page."""
    subjects = [{**tag, "operations": _operations(openapi, tag["name"])} for tag in openapi["tags"]]
    schemas = sorted(openapi["components"]["schemas"].items())
    return page("api.html", info=openapi["info"], subjects=subjects, schemas=schemas)


def response(text: str) -> Response:
    """Return it as an HTTP response."""
    return Response(text, media_type="text/html", headers={"Content-Security-Policy": _CSP})


def _operations(openapi: Document, subject: str) -> list[dict[str, Any]]:
    return [
        {
            **operation,
            "method": method.upper(),
            "path": path,
            "body": _body(operation),
            "answer": operation["responses"]["200"]["content"]["application/json"]["schema"],
        }
        for path, methods in openapi["paths"].items()
        for method, operation in methods.items()
        if subject in operation["tags"]
    ]


def _body(operation: Document) -> Document | None:
    content = operation.get("requestBody", {}).get("content", {})
    schema: Document | None = content.get("application/json", {}).get("schema")
    return schema
