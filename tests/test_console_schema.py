"""Schemathesis over the whole OpenAPI document: no 5xx, and every answer is what the document says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.consoles import Consoled, a_console

EXAMPLES = 12
"""A route; bounded, so that `make test` stays quick."""
FORMLESS = {"/api/v1/runs/{ref}/events"}
"""A stream of events has no JSON to compare."""


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consoled]:
    made = a_console(tmp_path_factory.mktemp("schema"))
    made.person("ana", "reviewer", "admin")
    made.review("a")
    made.review("b")
    yield made
    made.home.close()


def test_every_answer_is_what_the_document_says(console: Consoled) -> None:
    headers = console.bearer("ana", "read", "comment", "decide", "run", "admin")
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", console.app)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 10
    for operation in operations:
        ask(operation, headers)


def ask(operation: Any, headers: dict[str, str]) -> None:
    """Some requests to one operation, made from the document."""
    checks = [not_a_server_error, status_code_conformance]
    if operation.path not in FORMLESS:
        checks += [content_type_conformance, response_schema_conformance]

    @given(case=operation.as_strategy())
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def once(case: schemathesis.Case) -> None:
        answer = case.call(headers={**(case.headers or {}), **headers})
        case.validate_response(answer, checks=checks)

    once()


def test_the_document_names_every_json_route_and_how_to_prove_who_asks(console: Consoled) -> None:
    document = console.browser().client.get("/api/v1/openapi.json").json()
    routes = {
        (method, route.path)
        for route in console.app.routes
        for method in route.methods  # type: ignore[attr-defined]
        if route.path.startswith("/api/v1/")  # type: ignore[attr-defined]
    }
    found = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert found == routes
    proofs = [{"token": []}, {"session": []}]
    for path, item in document["paths"].items():
        for operation in item.values():
            assert operation.get("security") == proofs or path.endswith("openapi.json")
            assert operation["summary"]
    assert set(document["components"]["securitySchemes"]) == {"token", "session"}
