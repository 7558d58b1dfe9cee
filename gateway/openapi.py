"""The OpenAPI 3.1 file: what the framework knows of the routes, completed with what it does not.

Added for every operation: error answers as ``application/problem+json``, the security of its scope, the
``Idempotency-Key`` header; and ``additionalProperties: false`` on every structure that a body may hold, as the parser
refuses unknown names.

The page at ``/schema`` is a small one of our own that renders the file. The bundles of Swagger UI, Redoc and Scalar are
in no locked package and weigh megabytes; loading them from an outside host is out of the question.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from litestar import Litestar, Request, Router
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, OpenAPIRenderPlugin
from litestar.routes import HTTPRoute

from gateway.middleware.authentication import NONE
from gateway.problems import MEDIA_TYPE, PROBLEMS

VERSION = "1.0.0"
PAGE = Path(__file__).parent / "openapi.html"
_PROBLEM = {
    "type": "object",
    "description": "RFC 9457 problem document; further members name what it is about.",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:partner-benefits-gateway:problem:insufficient_funds"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "enum": sorted(PROBLEMS)},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["detail"],
                "properties": {
                    "detail": {"type": "string"},
                    "pointer": {"type": "string", "examples": ["#/amount/currency"]},
                    "parameter": {"type": "string"},
                },
            },
        },
    },
}
_TITLES = {
    400: "Malformed",
    401: "No valid access token",
    403: "The token lacks the scope",
    404: "Not found, or not the caller's",
    408: "The body took too long to arrive",
    409: "The state does not allow this",
    413: "The body is too large",
    415: "The media type is not taken",
    422: "A rule is broken",
    500: "Internal error",
    502: "The partner gave no usable answer",
    503: "Not available now",
}
_ALWAYS = (400, 404, 409, 422, 500, 502, 503)
_KEY_HEADER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "1 to 255 visible ASCII characters, quoted or bare. The same key with the same request is safe.",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,255}$", "minLength": 1, "maxLength": 255},
}
_REPLAYED_HEADER = {
    "description": "Set when the key was known: nothing was done again.",
    "schema": {"type": "string", "enum": ["true"]},
}


class _File(JsonRenderPlugin):
    """Serves the completed file."""

    def __init__(self) -> None:
        super().__init__()
        self._document: dict[str, Any] | None = None

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        if self._document is None:
            self._document = document(request.app)
        return self.render_json(request, self._document)


class _Page(OpenAPIRenderPlugin):
    """Serves the page that renders the file."""

    def __init__(self) -> None:
        super().__init__(path="/")

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        return PAGE.read_bytes()


def openapi_config() -> OpenAPIConfig:
    """Make the framework's configuration: file at /schema/openapi.json, page at /schema, both open to anybody."""
    return OpenAPIConfig(
        title="Partner Benefits Gateway",
        version=VERSION,
        description="One API between a membership club and its partners. Amounts are minor units, points are integers.",
        operation_id_creator=_operation_id,
        use_handler_docstrings=True,
        render_plugins=[_Page(), _File()],
        openapi_router=Router(
            "/schema",
            route_handlers=[],
            include_in_schema=False,
            opt={"scope": NONE, "reason": "documentation"},
        ),
    )


def document(app: Litestar) -> dict[str, Any]:
    """Give the completed OpenAPI file of an application."""
    file = app.openapi_schema.to_schema()
    components = file.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    _mend_tuples(file)
    components["responses"] = {f"Problem{status}": _response(status) for status in _TITLES}
    components["securitySchemes"] = {"access_token": _security(app)}
    handlers = {(path, method): handler for path, method, handler in operations(app)}
    for path, item in file.get("paths", {}).items():
        for method, operation in item.items():
            handler = handlers.get((path, method.upper()))
            if handler is not None:
                _complete(operation, handler)
                _close(operation.get("requestBody", {}), schemas, set())
    schemas["Problem"] = _PROBLEM
    return file


def operations(app: Litestar) -> Iterator[tuple[str, str, HTTPRouteHandler]]:
    """List every operation as (path with ``{parameters}``, method, handler); the framework's OPTIONS are left out."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                for method in handler.http_methods:
                    if method != "OPTIONS":
                        yield route.path_format, str(method), handler


def _complete(operation: dict[str, Any], handler: HTTPRouteHandler) -> None:
    scope = handler.opt.get("scope")
    statuses = {*_ALWAYS, *(() if scope == NONE else (401, 403)), *handler.opt.get("also", ())}
    if "file" in handler.opt:
        content = {media_type: {"schema": {"type": "string"}} for media_type in handler.opt["file"]}
        operation["requestBody"] = {"required": True, "description": "The file as it is.", "content": content}
    if "requestBody" in operation:
        operation["requestBody"]["required"] = True
        _add_examples(operation["requestBody"], handler.opt.get("examples", {}))
        statuses |= {408, 413, 415}
    responses = operation.setdefault("responses", {})
    _complete_success(responses, handler)
    if handler.opt.get("not_modified"):
        responses["304"] = {"description": "Nothing changed since the entity tag of If-None-Match"}
    operation["parameters"] = [_without_null(one) for one in operation.get("parameters", [])]
    for status in sorted(statuses):
        if str(status) not in responses or status >= 400:
            responses[str(status)] = {"$ref": f"#/components/responses/Problem{status}"}
    operation["security"] = [] if scope == NONE else [{"access_token": [scope]}]
    if handler.opt.get("idempotent"):
        operation.setdefault("parameters", []).append(_KEY_HEADER)


def _complete_success(responses: dict[str, Any], handler: HTTPRouteHandler) -> None:
    """Describe every way of success (``opt["success"]``: status to sentence), and the mark of a replay."""
    first: dict[str, Any] = next((answer for status, answer in responses.items() if status.startswith("2")), {})
    for status, sentence in handler.opt.get("success", {}).items():
        responses[str(status)] = {**first, "description": sentence}
    if handler.opt.get("idempotent"):
        for status, answer in responses.items():
            if status.startswith("2"):
                answer["headers"] = {**answer.get("headers", {}), "Idempotent-Replayed": _REPLAYED_HEADER}


def _add_examples(body: dict[str, Any], examples: dict[str, Any]) -> None:
    """Show the examples of a route (``opt["examples"]``: name to value) in its body."""
    for content in body.get("content", {}).values():
        if examples:
            content["examples"] = {name: {"value": value} for name, value in examples.items()}


def _without_null(parameter: dict[str, Any]) -> dict[str, Any]:
    """Take null out of an optional parameter: in a query or a header there is no such value, only absence."""
    schema = dict(parameter.get("schema", {}))
    kinds = [one for one in schema.pop("oneOf", []) if one != {"type": "null"}]
    for kind in kinds:
        schema = {**kind, **schema}
    if isinstance(schema.get("type"), list):
        schema["type"] = next(one for one in schema["type"] if one != "null")
    if "enum" in schema:
        schema["enum"] = [one for one in schema["enum"] if one is not None]
    _printable(schema)
    return {**parameter, "schema": schema}


def _response(status: int) -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": _TITLES[status], "content": content}


def _security(app: Litestar) -> dict[str, Any]:
    scopes = sorted({str(handler.opt.get("scope")) for _, _, handler in operations(app)} - {NONE, "None"})
    flow = {"tokenUrl": "/oauth/token", "scopes": {scope: scope for scope in scopes}}
    return {"type": "oauth2", "flows": {"clientCredentials": flow}}


def _close(node: Any, schemas: dict[str, Any], seen: set[str]) -> None:
    """Say of everything a request body can hold what the parser does: no unknown names, no control characters."""
    if isinstance(node, list):
        for item in node:
            _close(item, schemas, seen)
        return
    if not isinstance(node, dict):
        return
    name = str(node.get("$ref", "")).rpartition("/")[2]
    if name and name not in seen and name in schemas:
        seen.add(name)
        _close(schemas[name], schemas, seen)
    if node.get("type") == "object" and "properties" in node:
        node.setdefault("additionalProperties", False)
    _printable(node)
    for value in node.values():
        _close(value, schemas, seen)


def _printable(schema: dict[str, Any]) -> None:
    """Exclude control characters from a free text."""
    if schema.get("type") == "string" and not {"pattern", "format", "enum", "const"} & set(schema):
        schema["pattern"] = r"^[^\x00-\x1f\x7f]*$"


def _mend_tuples(node: Any) -> None:
    """Give arrays their item type back: the framework describes ``tuple[T, ...]`` as items of T or of anything."""
    if isinstance(node, list):
        for item in node:
            _mend_tuples(item)
    elif isinstance(node, dict):
        items = node.get("items")
        if isinstance(items, dict) and {} in items.get("oneOf", []):
            kinds = [kind for kind in items["oneOf"] if kind != {}]
            node["items"] = kinds[0] if len(kinds) == 1 else {"oneOf": kinds}
        for value in node.values():
            _mend_tuples(value)


def _operation_id(handler: HTTPRouteHandler, _method: Any, _path: Any) -> str:
    return str(handler.handler_name)
