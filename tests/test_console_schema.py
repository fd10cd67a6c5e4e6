"""Schemathesis over the whole OpenAPI document: no 5xx, and every answer is what the document says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.consoles import Consoled, a_console

EXAMPLES = 12
"""A route; bounded, so that `make test` stays quick. `make test-slow` asks more."""
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


@pytest.fixture
def api(console: Consoled) -> object:
    return schemathesis.openapi.from_asgi("/api/v1/openapi.json", console.app)


schema = schemathesis.pytest.from_fixture("api")


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_what_the_document_says(case: schemathesis.Case, console: Consoled) -> None:
    headers = console.bearer("ana", "read", "comment", "decide", "run", "admin")
    answer = case.call(headers={**(case.headers or {}), **headers})
    checks = [not_a_server_error, status_code_conformance]
    if case.operation.path not in FORMLESS:
        checks += [content_type_conformance, response_schema_conformance]
    case.validate_response(answer, checks=checks)


def test_the_document_names_every_json_route_and_how_to_prove_who_asks(console: Consoled, tmp_path: Path) -> None:
    document = console.browser().client.get("/api/v1/openapi.json").json()
    routes = {
        (method, route.path)
        for route in console.app.routes
        for method in route.methods  # type: ignore[attr-defined]
        if route.path.startswith("/api/v1/")  # type: ignore[attr-defined]
    }
    found = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert found == routes
    for path, item in document["paths"].items():
        for operation in item.values():
            assert operation["security"] == [{"token": []}, {"session": []}] or path.endswith("openapi.json")
            assert operation["summary"]
    assert set(document["components"]["securitySchemes"]) == {"token", "session"}
