"""What an attacker tries first: forged forms, kept cookies, doubtful addresses, odd bytes, guesses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from signoff.console.seal import Seal, open_seal
from signoff.console.shields import MOST_BYTES
from signoff.console.visit import safe_next
from signoff.core.account import Grant
from signoff.core.decision import ReviewState
from tests.consoles import PASSWORD, Browser, Consoled, a_console

SCRIPT = "<script>alert(1)</script>"
INJECTIONS = (
    "' OR 1=1 --",
    "'; DROP TABLE signoff_reviews; --",
    '" OR ""="',
    "%' UNION SELECT record FROM signoff_accounts --",
)


@pytest.fixture
def console(database: str | None, tmp_path: Path) -> Iterator[Consoled]:
    made = a_console(tmp_path, database, projects=("demo", "other"))
    made.person("root", "admin")
    made.person("ana", "reviewer")
    yield made
    made.home.close()


def test_a_form_needs_the_token_of_its_own_session(console: Consoled) -> None:
    review = console.review()
    ana, root = console.browser("ana"), console.browser("root")
    form = {"verdict": "approve", "reasons": "fine", "digest": review.digest}
    path = f"/reviews/{review.id}/decide"
    tokens = {"none": None, "empty": "", "other session": root.csrf(), "log-in": console.browser().csrf("/login")}
    tokens["not base64"] = "ü" * 40
    for what, token in tokens.items():
        sent = form if token is None else {**form, "csrf": token}
        answer = ana.client.post(path, data=sent)
        assert answer.status_code == 403, what
        assert "was not sent by a page of this session" in answer.text
    foreign = ana.client.post(path, data={**form, "csrf": ana.csrf()}, headers={"Origin": "https://evil.example"})
    assert (foreign.status_code, "another site" in foreign.text) == (403, True)
    assert console.desk().store.review(review.id).state is ReviewState.OPEN
    own = ana.client.post(path, data={**form, "csrf": ana.csrf()}, headers={"Origin": "http://testserver"})
    assert own.status_code == 303
    assert console.desk().store.review(review.id).state is ReviewState.APPROVED


def test_a_session_posts_json_only_with_its_token(console: Consoled) -> None:
    review = console.review()
    ana = console.browser("ana")
    path = f"/api/v1/reviews/{review.id}/decisions"
    body = {"verdict": "approve", "reasons": "fine", "digest": review.digest}
    assert ana.client.post(path, json=body).status_code == 403
    assert ana.client.post(path, json=body, headers={"X-CSRF-Token": "x"}).status_code == 403
    as_text = {"X-CSRF-Token": ana.csrf(), "Content-Type": "text/plain"}
    assert ana.client.post(path, content=review.model_dump_json(), headers=as_text).status_code == 422
    assert ana.client.post(path, json=body, headers={"X-CSRF-Token": ana.csrf()}).status_code == 201


def test_a_log_in_form_of_another_browser_is_refused(console: Consoled) -> None:
    token = console.browser().csrf("/login")
    victim = console.browser()
    form = {"name": "ana", "password": PASSWORD, "csrf": token}
    assert victim.client.post("/login", data=form).status_code == 403
    victim.get("/login")
    assert victim.client.post("/login", data=form).status_code == 403
    assert "signoff-session" not in victim.client.cookies


def test_a_log_in_never_keeps_the_session_it_was_brought(console: Consoled) -> None:
    browser = console.browser()
    planted = console.home.seal.sign("session", "a" * 43)
    plant(browser, planted)
    given = session_of(browser.log_in("ana"))
    assert given != planted
    second = console.browser()
    plant(second, given)
    assert second.get("/api/v1/account").status_code == 200
    # Logged in, there is no log-in form: a new log-in begins with another browser, and a new session.
    assert second.get("/login").headers["location"] == "/"
    assert session_of(console.browser().log_in("ana")) != given


def plant(browser: Browser, value: str) -> None:
    browser.client.cookies.clear()
    browser.client.cookies.set("signoff-session", value)


def session_of(answer: httpx.Response) -> str:
    found = re.search(r"signoff-session=([^;]+);", answer.headers["set-cookie"])
    assert found is not None
    return found[1]


def test_a_kept_cookie_opens_nothing_after_the_log_out(console: Consoled) -> None:
    browser = console.browser()
    kept = session_of(browser.log_in("ana"))
    assert browser.post("/logout", page="/account").headers["location"] == "/login"
    assert "signoff-session" not in browser.client.cookies
    plant(browser, kept)
    assert browser.get("/account").headers["location"] == "/login?next=/account"
    assert browser.get("/api/v1/account").status_code == 401


@pytest.mark.parametrize("what", ["disabled", "other roles", "new password"])
def test_sessions_end_with_what_they_stood_on(console: Consoled, what: str) -> None:
    browser, admin = console.browser("ana"), console.browser("root")
    forms = {
        "disabled": ("/people/state", {"name": "ana", "do": "disable"}),
        "other roles": ("/people/roles", {"name": "ana", "do": "grant", "role": "operator"}),
        "new password": ("/people/reset", {"name": "ana"}),
    }
    assert admin.post(*forms[what], page="/people").status_code in (200, 303)
    assert browser.get("/account").headers["location"].startswith("/login")


def test_cookies_are_out_of_reach_and_bound_to_tls(tmp_path: Path) -> None:
    console = a_console(tmp_path, console={"public_url": "https://signoff.example"})
    console.person("ana", "reviewer")
    browser = console.browser(base_url="https://testserver")
    answer = browser.log_in("ana")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-signoff-session=")
    for part in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"):
        assert part in cookie
    assert "Domain" not in cookie
    assert answer.headers["strict-transport-security"].startswith("max-age=")


def test_a_changed_or_foreign_cookie_is_nobody(console: Consoled, tmp_path: Path) -> None:
    browser = console.browser("ana")
    good = browser.client.cookies["signoff-session"]
    assert browser.get("/api/v1/account").status_code == 200
    text, _, signature = good.rpartition(".")
    for bad in (f"{text}x.{signature}", f"{text}.{signature[:-2]}aa", text, Seal(b"k" * 32).sign("session", "x"), ""):
        plant(browser, bad)
        assert browser.get("/api/v1/account").status_code == 401
    other = console.home.seal.sign("flash", good)
    plant(browser, other)
    assert browser.get("/api/v1/account").status_code == 401
    browser.client.cookies.set("signoff-flash", b"Buy here".hex())
    assert "Buy here" not in browser.get("/login").text


def test_the_seal_s_key_is_its_owner_s_and_is_made_anew_when_a_kill_cut_it(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "console.key"
    token = open_seal(path).token("session", "s")
    assert path.stat().st_mode & 0o077 == 0
    assert open_seal(path).fits(token, "session", "s")
    path.write_bytes(b"")
    assert not open_seal(path).fits(token, "session", "s")
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "to",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "javascript:x",
        "evil.example",
        "",
        "/\n/evil",
        "http:/evil",
        " //evil.example",
        "/%0d%0aSet-Cookie:x\r\ny",
    ],
)
def test_next_leads_only_to_pages_of_ours(console: Consoled, to: str) -> None:
    assert safe_next(to) == "/"
    answer = console.browser().log_in("ana", next=to)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_next_keeps_what_was_asked_for(console: Consoled) -> None:
    asked = console.browser().get("/reviews?state=open&project=demo").headers["location"]
    assert asked == "/login?next=/reviews%3Fstate%3Dopen%26project%3Ddemo"
    assert console.browser().log_in("ana", next="/reviews?state=open").headers["location"] == "/reviews?state=open"


def test_large_bodies_are_refused_before_anybody_reads_them(console: Consoled) -> None:
    headers = console.bearer("ana", "decide")
    client = console.browser().client
    path = "/api/v1/reviews/release-1/decisions"
    stated = client.post(path, content=b"x" * (MOST_BYTES + 1), headers=headers)
    chunked = client.post(path, content=iter([b"x" * 300_000] * 4), headers=headers)
    lying = client.post(path, content=b"{}", headers={**headers, "Content-Length": "abc"})
    assert [answer.status_code for answer in (stated, chunked, lying)] == [413, 413, 413]
    assert stated.json()["what"] == "the body is too large"
    assert stated.headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("path", ["/login", "/", "/nowhere", "/api/v1/inbox", "/api/v1/nowhere", "/static/console.css"])
def test_every_answer_bears_the_headers(console: Consoled, path: str) -> None:
    headers = console.browser().get(path).headers
    policy = headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-frame-options"] == "DENY"
    if not path.startswith("/static/"):
        assert headers["cache-control"] == "private, no-store"


def test_static_files_are_kept_by_their_digest_and_nothing_else_is_served(console: Consoled) -> None:
    browser = console.browser()
    page = browser.get("/login").text
    address = re.search(r'href="(/static/console.css[^"]+)"', page)
    assert address is not None
    assert "immutable" in browser.get(address[1]).headers["cache-control"]
    stale = browser.get("/static/console.css?v=old")
    assert stale.headers["cache-control"] == "no-cache"
    again = browser.get("/static/console.css", headers={"If-None-Match": stale.headers["etag"]})
    assert again.status_code == 304
    for name in (
        "..%2fapp.py",
        "%2e%2e/app.py",
        "nothing.css",
        "%2fetc%2fpasswd",
        "console.css%00",
        ".." + "%5capp.py",
    ):
        # A NUL is refused at the door, before anything is looked for.
        assert browser.get(f"/static/{name}").status_code == (422 if "%00" in name else 404), name


def test_no_page_holds_a_script_or_a_handler_of_its_own(console: Consoled) -> None:
    console.review()
    browser = console.browser("root")
    for path in ("/login", "/account", "/account/password", "/people", "/access", "/", "/nowhere"):
        text = browser.get(path).text
        assert not re.search(r"<script(?![^>]*(src=|application/json))[^>]*>", text), path
        assert not re.search(r"\son[a-z]+\s*=", text), path
        assert "javascript:" not in text, path


def test_script_in_names_and_addresses_stays_text(console: Consoled) -> None:
    admin = console.browser("root")
    assert admin.post("/people", {"name": SCRIPT, "role": "viewer"}, page="/people").status_code == 200
    assert SCRIPT not in admin.get("/people").text
    assert "&lt;script&gt;" in admin.get("/people").text
    assert SCRIPT not in admin.get(f"/{SCRIPT}").text
    assert SCRIPT not in admin.get("/reviews", params={"project": SCRIPT}).text
    assert SCRIPT not in admin.get("/search", params={"q": SCRIPT}).text
    assert SCRIPT not in admin.get(f"/reviews/{SCRIPT}").text
    failed = console.browser().log_in(SCRIPT, "wrong")
    assert SCRIPT not in failed.text
    assert "&lt;script&gt;" in failed.text


def test_a_nul_in_an_address_is_refused_whatever_the_database(console: Consoled) -> None:
    browser = console.browser("ana")
    for path in (
        "/runs/a%00b",
        "/reviews/%00",
        "/alerts/demo/%00",
        "/ledger?actor=%00",
        "/ledger?%00=a",
        "/runs/%2500",
    ):
        assert browser.get(path).status_code == 422, path
        assert browser.get(f"/api/v1{path}").json()["got"] == "NUL"


@pytest.mark.parametrize("text", INJECTIONS)
def test_sql_in_what_is_asked_for_is_only_text(console: Consoled, text: str) -> None:
    console.review()
    browser = console.browser("ana")
    before = browser.get("/api/v1/reviews").json()
    for path in ("/reviews", "/runs", "/search", "/versions", "/alerts", "/"):
        for field in ("q", "project", "state", "gate", "offset", "limit"):
            answer = browser.get(path, params={field: text})
            assert answer.status_code < 500, (path, field)
            assert "argon2" not in answer.text
    assert browser.get(f"/reviews/{text}").status_code in (404, 422)
    assert console.browser().log_in(text, text).status_code in (401, 403)
    assert browser.get("/api/v1/reviews").json() == before


def test_guessing_a_password_is_locked_out_and_an_admin_unlocks(console: Consoled) -> None:
    admin, thief = console.browser("root"), console.browser()
    answers = [thief.log_in("ana", f"wrong password {number}") for number in range(15)]
    assert all(answer.status_code in (401, 403, 429) for answer in answers)
    assert answers[-1].status_code == 429
    locked = thief.log_in("ana")
    assert locked.status_code == 429
    assert "set-cookie" not in locked.headers or "session" not in locked.headers["set-cookie"]
    admin.post("/people/state", {"name": "ana", "do": "unlock"}, page="/people")
    log = admin.get("/access").text
    assert "wrong password" not in log
    assert "account unlocked" in log


def test_an_unknown_name_is_told_like_a_wrong_password(console: Consoled) -> None:
    unknown, wrong = console.browser().log_in("nobody-here", "x" * 14), console.browser().log_in("ana", "x" * 14)
    assert unknown.status_code == wrong.status_code
    hide = r'(value|content)="[^"]*"'
    assert re.sub(hide, "", unknown.text) == re.sub(hide, "", wrong.text)


def test_a_one_time_password_opens_only_the_page_that_changes_it(console: Consoled) -> None:
    admin = console.browser("root")
    told = admin.post("/people", {"name": "zoe", "role": "reviewer"}, page="/people").text
    password = re.search(r'id="told-password">([^<]+)<', told)
    assert password is not None
    assert password[1] not in admin.get("/people").text
    zoe = console.browser()
    assert zoe.log_in("zoe", password[1]).headers["location"] == "/account/password"
    for path in ("/", "/account", "/reviews"):
        assert zoe.get(path).headers["location"] == "/account/password"
    assert zoe.get("/api/v1/inbox").status_code == 403
    before = zoe.client.cookies["signoff-session"]
    fresh = "quite another long one"
    wrong = zoe.post(
        "/account/password", {"old": password[1], "new": fresh, "again": "x" * 12}, page="/account/password"
    )
    assert (wrong.status_code, "differ" in wrong.text) == (422, True)
    form = {"old": password[1], "new": fresh, "again": fresh}
    assert zoe.post("/account/password", form, page="/account/password").headers["location"] == "/"
    assert zoe.client.cookies["signoff-session"] != before
    assert zoe.get("/").status_code == 200
    assert console.browser().log_in("zoe", password[1]).status_code != 303


def test_a_token_is_shown_once_and_ends_at_once_when_revoked(console: Consoled) -> None:
    ana = console.browser("ana")
    form = {"scopes": ["read"], "days": "2"}
    # A token outlives the session that makes it, and a change of the password too: a session alone is not enough.
    for wrong in ({}, {"password": "not her password at all"}):
        refused = ana.post("/account/tokens", {**form, **wrong}, page="/account")
        assert (refused.status_code, "sgn_" in refused.text) == (422, False)
    assert console.home.accounts.tokens_of("ana") == ()
    shown = ana.post("/account/tokens", {**form, "password": PASSWORD}, page="/account")
    token = re.search(r"sgn_[A-Za-z0-9_-]+", shown.text)
    assert token is not None
    identity = re.search(r'name="id" value="([^"]+)"', ana.get("/account").text)
    assert identity is not None
    assert token[0] not in ana.get("/account").text
    bearer = {"Authorization": f"Bearer {token[0]}"}
    client = console.browser().client
    assert client.get("/api/v1/inbox", headers=bearer).status_code == 200
    assert client.get("/api/v1/inbox", headers={"Authorization": f"Basic {token[0]}"}).status_code == 401
    # A bad token beside a good session is refused: nobody falls back to other rights than were asked for.
    assert ana.get("/api/v1/inbox", headers={"Authorization": "Bearer sgn_x"}).status_code == 401
    other = console.browser("root")
    assert other.post("/account/tokens/revoke", {"id": identity[1]}, page="/account").status_code == 404
    assert ana.post("/account/tokens/revoke", {"id": identity[1]}, page="/account").status_code == 303
    assert client.get("/api/v1/inbox", headers=bearer).status_code == 401


def test_a_reviewer_of_one_project_decides_nothing_in_another(console: Consoled) -> None:
    console.person("oda", "reviewer", project="other")
    review = console.review(project="demo")
    oda = console.browser("oda")
    form = {"verdict": "approve", "reasons": "fine", "digest": review.digest}
    assert oda.post("/reviews/demo:release-1/decide", form).status_code == 404
    body = console.browser().client.post(
        "/api/v1/reviews/demo:release-1/decisions", json=form, headers=console.bearer("oda", "decide")
    )
    assert body.status_code == 404
    assert console.desk("demo").store.review("release-1").state is ReviewState.OPEN


def test_the_last_admin_stays_and_an_admin_of_one_project_rules_no_accounts(console: Consoled) -> None:
    admin = console.browser("root")
    kept = admin.post("/people/state", {"name": "root", "do": "disable"}, page="/people")
    assert (kept.status_code, "last admin" in kept.text) == (403, True)
    console.person("local", "admin", project="demo")
    local = console.browser("local")
    assert local.get("/people").status_code == 403
    promote = {"name": "local", "do": "grant", "role": "admin"}
    assert local.post("/people/roles", promote, page="/account").status_code == 403
    assert console.home.accounts.account("local").grants == (Grant(role="admin", project="demo"),)


def test_an_error_of_ours_shows_no_traceback(console: Consoled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(console.home), "seen_by", lambda *_: 1 / 0)
    browser = console.browser("ana")
    page, body = browser.get("/reviews"), browser.get("/api/v1/reviews")
    assert page.status_code == body.status_code == 500
    assert "Traceback" not in page.text + body.text
    assert "division" not in page.text + body.text
    assert body.json()["what"] == "the console met a defect of its own"
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
