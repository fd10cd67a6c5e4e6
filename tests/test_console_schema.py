"""Schemathesis over the whole OpenAPI document: no 5xx, and every answer is what the document says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.chain import WHOLE
from tests.consoles import Consoled, a_console

EXAMPLES = 40 if WHOLE else 8
"""A route and mode; bounded, so that `make test` stays quick."""
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


@pytest.mark.timeout(900)
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_answer_is_what_the_document_says(console: Consoled, mode: GenerationMode) -> None:
    """To what the document allows, and to what it forbids: wrong types, missing and unknown fields, odd paths."""
    headers = console.bearer("ana", "read", "comment", "decide", "run", "admin")
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", console.app)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 10
    asked = 0
    for operation in operations:
        if mode is GenerationMode.NEGATIVE and not can_be_wrong(operation):
            continue
        ask(operation, headers, mode)
        asked += 1
    assert asked > 10


def can_be_wrong(operation: Any) -> bool:
    """Whether a request can say anything at all that the document forbids."""
    return bool(operation.body or operation.query or operation.path_parameters or operation.headers)


def ask(operation: Any, headers: dict[str, str], mode: GenerationMode) -> None:
    """Some requests to one operation, made from the document."""
    checks = [not_a_server_error, status_code_conformance]
    if operation.path not in FORMLESS:
        checks += [content_type_conformance, response_schema_conformance]

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def once(case: schemathesis.Case) -> None:
        # What is sent is wrong, and who sends it is not: else each request would only be asked to log in.
        own = {name: value for name, value in (case.headers or {}).items() if name.lower() != "authorization"}
        answer = case.call(headers={**own, **headers})
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
