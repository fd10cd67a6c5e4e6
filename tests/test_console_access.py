"""Every route by every role and by nobody, by every token scope, and from another project."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import httpx
import pytest

from signoff.access import caller_of
from signoff.core.account import PERMISSIONS, PROJECT_ROLE, SCOPES, Permission, Scope
from signoff.core.decision import ReviewState
from signoff.core.record import now
from signoff.core.run import Cause, Run, RunState
from tests.conftest_postgres import new_database
from tests.console_routes import ROUTES
from tests.consoles import Consoled, a_console
from tests.oidc_provider import CLIENT, small_provider

ROLES = {**PERMISSIONS, "business owner": PROJECT_ROLE}
FORBIDDEN = (401, 403)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def console(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consoled]:
    server = request.getfixturevalue("postgres_server") if request.param == "postgres" else None
    with small_provider() as provider, new_database(server) if server else nullcontext() as address:
        oidc = {"issuer": provider.issuer, "client_id": CLIENT}
        folder = tmp_path_factory.mktemp("access")
        made = a_console(folder, address, projects=("demo", "other"), console={"oidc": oidc})
        fill(made)
        yield made
        made.home.close()


def fill(made: Consoled) -> None:
    for role in ROLES:
        made.person(role.replace(" ", "-"), role)
    made.person("elsewhere", "reviewer", "admin", project="other")
    made.person("nothing")
    made.review(project="demo")
    run = Run(id="run-1", flow="retrain", cause=Cause(actor="x"), state=RunState.DONE, started=now())
    made.home.store_of("demo").start_run(run)
    made.home.store_of("demo").finish_run("run-1", RunState.DONE)


def filled(path: str) -> str:
    found = path.replace("{slug}", "holdout").replace("{digest}", "a" * 64).replace("{alert_id}", "a1")
    found = found.replace("{name}", "console.css" if "/static/" in path else "c1")
    found = found.replace("{project}", "demo").replace("{tag}", "v1").replace("{sequence}", "1")
    return found.replace("{ref}", "demo:run-1" if "/runs/" in path else "demo:release-1")


def ask(
    console: Consoled, method: str, path: str, name: str | None, token: dict[str, str] | None = None
) -> httpx.Response:
    """One request with the rights of that person, its form token included; its body says nothing."""
    browser = console.browser()
    more: dict[str, Any] = {"headers": dict(token or {})}
    if name is not None:
        session = console.enter(browser, name)
        csrf = console.home.seal.token("session", session)
        if path.startswith("/api/"):
            more["headers"]["X-CSRF-Token"] = csrf
        elif method == "POST":
            more["data"] = {"csrf": csrf}
    if method == "POST" and path.startswith("/api/"):
        more["json"] = {}
    if path.endswith("/events"):
        more["headers"]["Last-Event-ID"] = "999999"
    return browser.client.request(method, path, **more)


def let_in(answer: httpx.Response) -> bool:
    sent_away = answer.headers.get("location", "").startswith("/login") and answer.request.url.path != "/logout"
    return answer.status_code not in FORBIDDEN and not sent_away


def may(asks: str, granted: frozenset[Permission]) -> bool:
    word = asks.split()[0]
    return word in ("public", "own") or Permission(word) in granted


def test_every_route_is_written_down(console: Consoled) -> None:
    found = {(method, route.path) for route in console.app.routes for method in route.methods}  # type: ignore[attr-defined]
    assert found == set(ROUTES), "add the route to tests/console_routes.py, with what it asks"


@pytest.mark.parametrize(("method", "path"), sorted(ROUTES))
def test_nobody_comes_in_without_a_log_in(console: Consoled, method: str, path: str) -> None:
    answer = ask(console, method, filled(path), None)
    if ROUTES[method, path] == "public":
        # A log-in form without its token is forged; nobody comes back from a provider who was not sent there.
        assert answer.status_code != 401
        assert path != "/login/oidc" or "/authorize?" in answer.headers["location"]
        assert path != "/login/oidc/back" or answer.status_code == 404
        assert "signoff-session" not in answer.headers.get("set-cookie", "")
    elif path.startswith("/api/"):
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
    else:
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/login")


@pytest.mark.parametrize("role", ROLES)
def test_each_role_is_let_in_where_its_permissions_say(console: Consoled, role: str) -> None:
    for (method, path), asks in ROUTES.items():
        if (method, path) == ("POST", "/login"):
            continue
        answer = ask(console, method, filled(path), role.replace(" ", "-"))
        assert answer.status_code < 500, (method, path, answer.text)
        assert let_in(answer) == may(asks, ROLES[role]) or path == "/login", (role, method, path, answer.status_code)


def test_an_account_without_roles_sees_itself_and_nothing_else(console: Consoled) -> None:
    for (method, path), asks in ROUTES.items():
        if path != "/login":
            answer = ask(console, method, filled(path), "nothing")
            assert let_in(answer) == (asks in ("public", "own")), (method, path, answer.status_code)


def test_a_reviewer_and_admin_of_another_project_meets_nothing_of_this_one(console: Consoled) -> None:
    for (method, path), asks in ROUTES.items():
        if path == "/login" or asks in ("public", "own"):
            continue
        answer = ask(console, method, filled(path), "elsewhere")
        if "{" in path:
            assert answer.status_code == 404, (method, path, answer.status_code)
        elif "everywhere" in asks:
            assert answer.status_code == 403, (method, path)
        else:
            assert "demo" not in answer.text, (method, path)
            narrowed = ask(console, method, f"{filled(path)}?project=demo", "elsewhere")
            assert narrowed.status_code in (404, 422) or "Will demo" not in narrowed.text, (method, path)
    assert console.home.store_of("demo").review("release-1").state is ReviewState.OPEN


@pytest.mark.parametrize("scope", Scope)
def test_a_token_opens_what_its_scope_says_and_never_a_page(console: Consoled, scope: Scope) -> None:
    tokens = {role: console.bearer(role.replace(" ", "-"), scope) for role in ("reviewer", "admin")}
    for (method, path), asks in ROUTES.items():
        if asks == "public" or path == "/login":
            continue
        for role, token in tokens.items():
            answer = ask(console, method, filled(path), None, token)
            if not path.startswith("/api/"):
                assert answer.headers["location"].startswith("/login"), (method, path)
            else:
                granted = ROLES[role] & SCOPES[scope]
                assert let_in(answer) == may(asks, granted), (role, scope, method, path, answer.status_code)


def test_a_token_for_one_project_shows_no_other(console: Consoled) -> None:
    token = console.bearer("reviewer", "read", project="other")
    client = console.browser().client
    assert client.get("/api/v1/reviews/demo:release-1", headers=token).status_code == 404
    listing = client.get("/api/v1/reviews", headers=token)
    assert listing.status_code == 200
    assert "demo" not in listing.text


def test_the_same_words_for_what_is_not_there_and_what_may_not_be_seen(console: Consoled) -> None:
    hidden = ask(console, "GET", "/api/v1/reviews/demo:release-1", "elsewhere")
    absent = ask(console, "GET", "/api/v1/reviews/nosuch:release-1", "elsewhere")
    assert hidden.status_code == absent.status_code == 404
    assert hidden.text.replace("demo", "") == absent.text.replace("nosuch", "")


def test_the_first_admin_alone_may_review_and_no_longer_once_somebody_is_named(tmp_path: Path) -> None:
    console = a_console(tmp_path)
    first = console.person("admin", "admin", bootstrap=True)
    assert caller_of(console.home.accounts, first).may(Permission.DECIDE, "demo")
    console.person("ana", "reviewer")
    assert not caller_of(console.home.accounts, first).may(Permission.DECIDE, "demo")
