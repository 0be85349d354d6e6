"""OpenAPI 3.1 out of the route table: the structs that decode requests also describe them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from assay.http.errors import ErrorBody
from assay.server.routing import Body, Empty, Route, path_fields
from assay.version import __version__

_REF_START = "#/components/schemas/"
_REF = _REF_START + "{name}"
_TEMPLATE = re.compile(r"\{(\w+)(:path)?\}")


def describe(routes: Iterable[Route]) -> dict[str, Any]:
    """The whole API as an OpenAPI document. Twins are left out: they are the same routes."""
    routes = list(routes)
    types = _types_of(routes)
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    known = dict(zip(types, schemas, strict=True))
    names = _short_names(components)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        path = _TEMPLATE.sub(r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, known, components)
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "Assay", "version": __version__, "license": {"name": "Apache-2.0"}},
        "paths": paths,
        "components": {"schemas": components},
    }
    renamed: dict[str, Any] = _renamed(document, names)
    return renamed


def _types_of(routes: Iterable[Route]) -> list[Any]:
    types: dict[Any, None] = {ErrorBody: None}
    for route in routes:
        types[route.request] = None
        if route.response is not None:
            types[route.response] = None
    return list(types)


def _short_names(components: Mapping[str, Any]) -> dict[str, str]:
    """Names of schemas: ``RunsCreate`` where msgspec needs the whole module path to tell two
    apart.
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for full in sorted(components):
        *modules, name = re.split(r"[._](?=[A-Z])|\.", full)
        room = re.split(r"[._]", ".".join(modules))[-1] if modules else ""
        short = room.capitalize() + name if room else name
        while short in taken:
            short += "_"
        taken.add(short)
        names[full] = short
    return names


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, str) and value.startswith(_REF_START):
        # In "$ref", and in the mapping of a discriminator.
        return _REF_START + names[value.removeprefix(_REF_START)]
    if isinstance(value, dict):
        out: dict[str, Any] = {}
        for key, item in value.items():
            if key == "schemas":
                out[key] = {names[name]: _renamed(schema, names) for name, schema in item.items()}
            else:
                out[key] = _renamed(item, names)
        return out
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    return value


def _operation(
    route: Route, known: Mapping[Any, Any], components: Mapping[str, Any]
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": operation_id(route),
        "summary": route.summary,
        "tags": [route.group],
        "x-permission": route.permission.value,
        "responses": {
            "200": _response(route, known),
            "4XX": {
                "description": "Refused; nothing was changed.",
                "content": {"application/json": {"schema": known[ErrorBody]}},
            },
        },
    }
    parameters = _parameters(route, known, components)
    if parameters:
        operation["parameters"] = parameters
    body = _body(route, known)
    if body is not None:
        operation["requestBody"] = body
    return operation


def operation_id(route: Route) -> str:
    """A name that no other route has: method and path in words."""
    words = re.findall(r"\w+", route.path)
    return "_".join([route.method.lower(), *words]).replace("-", "_")


def _response(route: Route, known: Mapping[Any, Any]) -> dict[str, Any]:
    if route.response is None:
        return {"description": "Bytes, text or a page."}
    schema = known[route.response]
    return {"description": "Done.", "content": {route.response_kind: {"schema": schema}}}


def _fields(route: Route, known: Mapping[Any, Any], components: Mapping[str, Any]) -> Any:
    schema = known[route.request]
    while "$ref" in schema:
        schema = components[schema["$ref"].rpartition("/")[2]]
    return schema


def _parameters(
    route: Route, known: Mapping[Any, Any], components: Mapping[str, Any]
) -> list[dict[str, Any]]:
    in_path = path_fields(route.path)
    schema = _fields(route, known, components)
    properties = schema.get("properties", {})
    required = set(schema.get("required", ()))
    parameters = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": properties.get(name, {"type": "string"}),
        }
        for name in in_path
    ]
    if route.body_kind in (Body.NONE, Body.STREAM):
        parameters += [
            {"name": name, "in": "query", "required": name in required, "schema": inner}
            for name, inner in properties.items()
            if name not in in_path
        ]
    return parameters


def _body(route: Route, known: Mapping[Any, Any]) -> dict[str, Any] | None:
    kind = route.body_kind
    if kind is Body.STREAM:
        octets = {"schema": {"type": "string", "format": "binary"}}
        return {"required": True, "content": {"application/octet-stream": octets}}
    if kind is Body.NONE or route.request is Empty:
        return None
    content = {"application/json": {"schema": known[route.request]}}
    if kind is Body.MSGPACK:
        content["application/msgpack"] = {"schema": known[route.request]}
    return {"required": True, "content": content}
