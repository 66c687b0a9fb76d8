"""The OpenAPI document, made of the endpoints and the structs that they take and give."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import msgspec

from salacia_db.gateway.http.bodies import Failure
from salacia_db.gateway.http.calls import Endpoint
from salacia_db.web import is_secret

_REASONS = {
    200: "It was done.",
    201: "It was made.",
    204: "It was done; there is nothing to say.",
    400: "What was asked for can't be.",
    401: "The token is missing or wrong.",
    403: "This isn't asked of a local name.",
    404: "There is none.",
    409: "It conflicts with what is there.",
    413: "The body is too large.",
    415: "The body isn't JSON.",
    500: "Something went wrong.",
    503: "It isn't possible now.",
}


def document(endpoints: Sequence[Endpoint], *, secured: bool) -> dict[str, Any]:
    """The description of the endpoints. `secured`: a token is needed."""
    types: list[Any] = [Failure]
    for endpoint in endpoints:
        types += [endpoint.query, endpoint.body, endpoint.answer]
    types = [kind for kind in dict.fromkeys(types) if kind is not None and kind != str(kind)]
    made, components = msgspec.json.schema_components(
        types, schema_hook=_schema_of_secret, ref_template="#/components/schemas/{name}"
    )
    schemas = dict(zip(types, made, strict=True))
    paths: dict[str, Any] = {}
    for endpoint in endpoints:
        described = _operation(endpoint, schemas, components, secured=secured)
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = described
    told: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "Salacia gateway", "version": version("salacia-db")},
        "paths": paths,
        "components": {"schemas": components},
    }
    if secured:
        told["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        told["security"] = [{"token": []}]
    return told


def _operation(
    endpoint: Endpoint, schemas: dict[Any, Any], components: dict[str, Any], *, secured: bool
) -> dict[str, Any]:
    taken = endpoint.query is not None or endpoint.body is not None or "{id}" in endpoint.path
    statuses = {*endpoint.errors, 400, 401 if secured else 403, 500, 503}
    statuses |= {413, 415} if endpoint.body is not None else set()
    failures = {
        str(status): _response(status, schemas[Failure])
        for status in sorted(statuses - ({404} if not taken else set()))
    }
    described: dict[str, Any] = {
        "operationId": endpoint.function.__name__,
        "summary": (endpoint.function.__doc__ or "").partition("\n")[0],
        "responses": {str(endpoint.status): _success(endpoint, schemas), **failures},
    }
    if endpoint.path == "/api/health":
        described["responses"]["503"] = _response(503, schemas[endpoint.answer])
        described["security"] = []
    parameters = _parameters(endpoint, schemas, components)
    if parameters:
        described["parameters"] = parameters
    if endpoint.body is not None:
        content = {"application/json": {"schema": schemas[endpoint.body]}}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _success(endpoint: Endpoint, schemas: dict[Any, Any]) -> dict[str, Any]:
    if endpoint.answer is None:
        return {"description": _REASONS[endpoint.status]}
    if isinstance(endpoint.answer, str):
        content = {endpoint.answer: {"schema": {"type": "string"}}}
        return {"description": _REASONS[endpoint.status], "content": content}
    return _response(endpoint.status, schemas[endpoint.answer])


def _response(status: int, schema: Any) -> dict[str, Any]:
    return {"description": _REASONS[status], "content": {"application/json": {"schema": schema}}}


def _parameters(
    endpoint: Endpoint, schemas: dict[Any, Any], components: dict[str, Any]
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if "{id}" in endpoint.path:
        schema = {"type": "string", "format": "uuid"}
        found.append({"name": "id", "in": "path", "required": True, "schema": schema})
    if endpoint.query is not None:
        name = schemas[endpoint.query]["$ref"].rpartition("/")[2]
        # Its fields are told one by one.
        properties: dict[str, Any] = components.pop(name)["properties"]
        for field, schema in properties.items():
            found.append({"name": field, "in": "query", "schema": _given(schema)})
    return found


def _given(schema: dict[str, Any]) -> dict[str, Any]:
    """What a parameter is where it is given: not null."""
    options = [option for option in schema.get("anyOf", []) if option != {"type": "null"}]
    return options[0] if len(options) == 1 else schema


def _schema_of_secret(kind: Any) -> dict[str, Any]:
    if is_secret(kind):
        return {"type": "string", "writeOnly": True}
    raise NotImplementedError(f"{kind} has no schema")
