"""What the OpenAPI document promises is what happens, whatever is sent."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)
from serving import served

from salacia_db.gateway.http.calls import Endpoint
from salacia_db.gateway.http.endpoints import ENDPOINTS, STREAM
from salacia_db.postgres.scratch import ScratchDatabases

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]


PLAIN = [endpoint for endpoint in ENDPOINTS if endpoint.answer != STREAM]


@pytest.fixture(scope="module")
def document(databases: ScratchDatabases, template: str) -> Iterator[Any]:
    with served(databases.create(template=template)) as address:
        yield schemathesis.openapi.from_url(f"{address}/api/openapi.json")


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("endpoint", PLAIN, ids=lambda endpoint: endpoint.function.__name__)
def test_an_endpoint_keeps_its_promise(
    document: Any, endpoint: Endpoint, mode: GenerationMode
) -> None:
    """With what the document allows, and with what it forbids."""
    if mode == GenerationMode.NEGATIVE and not (endpoint.query or endpoint.body):
        return  # there is nothing to get wrong
    operation = document[endpoint.path][endpoint.method]

    @given(operation.as_strategy(generation_mode=mode))
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    def kept(case: schemathesis.Case) -> None:
        case.call_and_validate(checks=CHECKS)

    kept()
