"""The description of a scoring server as OpenAPI 3.1, made from the signatures of its models.

``/openapi.json`` has every model that is served, each with the paths under its own name;
``/models/<name>/openapi.json`` has one of them. A route's canaries are held to be asked as its main
version is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote

import msgspec

from assay.http.replies import JSON, Reply
from assay.models.input_example import load_serving_example
from assay.serving.lane import Lane
from assay.serving.page.json_schemas import Json, answer_schema, body_forms
from assay.serving.protocols.bodies import CSV, PARQUET
from assay.serving.protocols.tensors import BYTES, DTYPES
from assay.serving.protocols.v2 import facts_of
from assay.serving.request import Request
from assay.serving.traffic import Traffic
from assay.version import __version__

_ERRORS: Final = {
    "400": "The body can't be read or doesn't fit the model.",
    "401": "The server's token is missing.",
    "403": "This Host or Origin isn't allowed, or the server was started without this.",
    "404": "No such model or version is served.",
    "408": "The body didn't arrive in time.",
    "413": "The body is too large.",
    "415": "A body of this type isn't read.",
    "500": "The model failed; the id in the message is in the server's log.",
    "503": "Too many predictions are asked for at once.",
    "504": "The prediction took too long.",
}
_BEARER: Final = "bearer"


async def openapi(request: Request) -> Reply:
    """What this server answers, as OpenAPI."""
    host = request.host
    name = request.path_name
    routes = host.routes() if name is None else [host.traffic(name)]
    described = describe(routes, needs_token=host.settings.token is not None)
    return Reply(json.dumps(described, ensure_ascii=False).encode("utf-8", "replace"), JSON)


def describe(routes: Iterable[Traffic], *, needs_token: bool = False) -> Json:
    """The description of a server with these routes.

    Args:
        routes: what is served.
        needs_token: whether only those with a token are answered.
    """
    found = list(routes)
    paths: dict[str, Json] = _fixed_paths()
    for traffic in found:
        name = traffic.route.name
        place = f"/models/{quote(name, safe='')}"
        asked = _invocations(traffic)
        paths[f"{place}/invocations"] = {"post": {"operationId": f"invoke {name}", **asked}}
        if len(found) == 1:
            paths["/invocations"] = {"post": {"operationId": "invoke", **asked}}
        paths |= _inference_paths(traffic)
    components: Json = {"schemas": _SCHEMAS, "responses": _responses()}
    described: Json = {
        "openapi": "3.1.0",
        "info": {
            "title": "Predictions of " + (", ".join(one.route.name for one in found) or "nothing"),
            "version": __version__,
            "description": "MLflow's scoring protocol and the Open Inference Protocol.",
        },
        "paths": paths,
        "components": components,
    }
    if needs_token:
        components["securitySchemes"] = {_BEARER: {"type": "http", "scheme": "bearer"}}
        described["security"] = [{_BEARER: []}]
    return described


def _invocations(traffic: Traffic) -> Json:
    lane = traffic.lanes[0]
    model = lane.served.model
    content: Json = {"schema": {"oneOf": body_forms(model.input_schema, model.params_schema)}}
    example = serving_example(lane)
    if example is not None:
        content["example"] = example
    answers: Json = {
        "description": "Predictions, one for each row.",
        "headers": {
            "x-assay-model": {"description": "Who answered.", "schema": {"type": "string"}},
            "x-assay-version": {"description": "Its version.", "schema": {"type": "string"}},
        },
        "content": {"application/json": {"schema": answer_schema(model.output_schema)}},
    }
    if lane.served.streams:
        answers["content"]["text/event-stream"] = {"schema": {"type": "string"}}
        for form in content["schema"]["oneOf"]:
            form["properties"]["stream"] = {
                "type": "boolean",
                "default": False,
                "description": "Send the answer piece by piece, as server-sent events.",
            }
    return {
        "summary": f"Predictions of {traffic.route.name}",
        "tags": ["MLflow"],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": content,
                CSV: {"schema": {"type": "string", "description": "Rows under a header."}},
                PARQUET: {"schema": {"contentMediaType": PARQUET}},
            },
        },
        "responses": {"200": answers, **_errors()},
    }


def serving_example(lane: Lane) -> Any:
    """The input example as the JSON of a request; ``None`` where there is none that JSON has."""
    text = load_serving_example(lane.served.model.path, lane.served.model.metadata)
    try:
        # NaN and infinities, which a JSON example can't have, are left to the general road.
        return None if text is None else msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None


def _inference_paths(traffic: Traffic) -> dict[str, Json]:
    name = traffic.route.name
    inputs = facts_of(traffic.lanes[0].served.model.input_schema, unnamed="input")
    body: Json = {"$ref": "#/components/schemas/InferRequest"}
    if inputs:
        told = "; ".join(f"{one.name}: {one.datatype} {one.shape}" for one in inputs)
        body = {**body, "description": f"Inputs: {told}."}
    paths: dict[str, Json] = {}
    place = f"/v2/models/{quote(name, safe='')}"
    versions = ["", *(f"/versions/{quote(one.version.label, safe='')}" for one in traffic.lanes)]
    for at, version in enumerate(dict.fromkeys(versions)):
        which = f"{name} {at}" if at else name
        paths[f"{place}{version}"] = _get(f"Inputs and outputs of {which}", "ModelMetadata")
        paths[f"{place}{version}/ready"] = _get(f"Whether {which} answers", "ModelReady")
        paths[f"{place}{version}/infer"] = {
            "post": {
                "operationId": f"infer {which}",
                "summary": f"Predictions of {which} for tensors",
                "tags": ["Open Inference Protocol"],
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": body}},
                },
                "responses": {
                    "200": _json("Predictions.", {"$ref": "#/components/schemas/InferResponse"}),
                    **_errors("InferenceError"),
                },
            }
        }
    return paths


def _fixed_paths() -> dict[str, Json]:
    plain: dict[str, Json] = {
        "/v2": _get("What serves", "ServerMetadata"),
        "/v2/health/live": _get("Whether the process answers", is_open=True),
        "/v2/health/ready": _get("Whether predictions would be answered", is_open=True),
        "/models": _get("What is served, and how it goes"),
        "/signatures": _get("What each model takes and gives"),
    }
    for path in ("/ping", "/health"):
        plain[path] = _get("Whether predictions would be answered", is_open=True, kind="")
    plain["/version"] = _get("MLflow's version that is matched", is_open=True, kind="text/plain")
    plain["/metrics"] = _get("Figures for Prometheus", kind="text/plain")
    plain["/openapi.json"] = _get("This description")
    plain["/models/{name}/openapi.json"] = _named_get("This description, of one model")
    return plain | _repository_paths()


def _repository_paths() -> dict[str, Json]:
    place = "/v2/repository"
    uri = {"type": "object", "properties": {"uri": {"type": "string"}}}
    asked = {"type": "object", "properties": {"parameters": uri}}
    entries = {"type": "array", "items": {"$ref": "#/components/schemas/RepositoryEntry"}}
    summaries = {
        "load": "Load a version of the registry, with --allow-load",
        "unload": "Answer with a model no more, with --allow-load",
    }
    return {
        f"{place}/index": _post("What is loaded, with --allow-load", {"type": "object"}, entries),
        **{
            f"{place}/models/{{name}}/{verb}": {
                "parameters": [_NAME],
                **_post(summary, asked, {"type": "object"}),
            }
            for verb, summary in summaries.items()
        },
    }


def _post(summary: str, asked: Json, answered: Json) -> Json:
    return {
        "post": {
            "summary": summary,
            "tags": ["Open Inference Protocol"],
            "requestBody": {"content": {"application/json": {"schema": asked}}},
            "responses": {
                "200": _json("Done.", answered),
                **_errors("InferenceError"),
            },
        }
    }


def _named_get(summary: str) -> Json:
    return {"parameters": [_NAME], **_get(summary)}


def _get(
    summary: str, schema: str = "", *, is_open: bool = False, kind: str = "application/json"
) -> Json:
    content = {"$ref": f"#/components/schemas/{schema}"} if schema else {}
    # /ping answers a line that is no JSON, though it is called so for the sake of MLflow's clients.
    answered = {"content": {kind: {"schema": content}}} if kind else {}
    described: Json = {
        "summary": summary,
        "responses": {
            "200": {"description": summary + ".", **answered},
            "default": {"$ref": "#/components/responses/Error"},
        },
    }
    return {"get": {**described, "security": []} if is_open else described}


def _errors(schema: str = "Error") -> Json:
    return {status: {"$ref": f"#/components/responses/{schema}{status}"} for status in _ERRORS}


def _responses() -> Json:
    made: Json = {"Error": _json("An error.", {"$ref": "#/components/schemas/Error"})}
    for schema in ("Error", "InferenceError"):
        for status, text in _ERRORS.items():
            made[f"{schema}{status}"] = _json(text, {"$ref": f"#/components/schemas/{schema}"})
    return made


def _json(description: str, schema: Json) -> Json:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


_TEXT: Final[Json] = {"type": "string"}
_NAME: Final[Json] = {"name": "name", "in": "path", "required": True, "schema": _TEXT}
_SHAPE: Final[Json] = {"type": "array", "items": {"type": "integer"}}
_TENSOR_FACTS: Final[Json] = {
    "type": "object",
    "required": ["name", "datatype", "shape"],
    "properties": {"name": _TEXT, "datatype": _TEXT, "shape": _SHAPE},
}
_SCHEMAS: Final[Json] = {
    "Error": {
        "type": "object",
        "required": ["error_code", "message"],
        "properties": {"error_code": _TEXT, "message": _TEXT, "error_class": _TEXT},
    },
    "InferenceError": {
        "type": "object",
        "required": ["error"],
        "properties": {"error": _TEXT},
    },
    "ServerMetadata": {
        "type": "object",
        "required": ["name", "version", "extensions"],
        "properties": {
            "name": _TEXT,
            "version": _TEXT,
            "extensions": {"type": "array", "items": _TEXT},
        },
    },
    "ModelMetadata": {
        "type": "object",
        "required": ["name", "platform", "inputs", "outputs"],
        "properties": {
            "name": _TEXT,
            "versions": {"type": "array", "items": _TEXT},
            "platform": _TEXT,
            "inputs": {"type": "array", "items": _TENSOR_FACTS},
            "outputs": {"type": "array", "items": _TENSOR_FACTS},
        },
    },
    "RepositoryEntry": {
        "type": "object",
        "required": ["name", "version", "state", "reason"],
        "properties": {"name": _TEXT, "version": _TEXT, "state": _TEXT, "reason": _TEXT},
    },
    "ModelReady": {
        "type": "object",
        "required": ["name", "ready"],
        "properties": {"name": _TEXT, "ready": {"type": "boolean"}},
    },
    "Tensor": {
        "type": "object",
        "required": ["name", "shape", "datatype", "data"],
        "properties": {
            "name": _TEXT,
            "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
            "datatype": {"enum": [*DTYPES, BYTES]},
            "parameters": {"type": "object"},
            "data": {"type": "array", "description": "Nested by the shape, or flat."},
        },
    },
    "InferRequest": {
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "id": _TEXT,
            "parameters": {"type": "object"},
            "inputs": {
                "type": "array",
                "minItems": 1,
                "items": {"$ref": "#/components/schemas/Tensor"},
            },
            "outputs": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {"name": _TEXT, "parameters": {"type": "object"}},
                },
            },
        },
    },
    "InferResponse": {
        "type": "object",
        "required": ["model_name", "outputs"],
        "properties": {
            "model_name": _TEXT,
            "model_version": _TEXT,
            "id": _TEXT,
            "outputs": {"type": "array", "items": {"$ref": "#/components/schemas/Tensor"}},
        },
    },
}
