"""The console's cookies: the session, the form before the log-in, and what is said once."""

from __future__ import annotations

import secrets

from fastapi import Request, Response

from signoff.console.home import Home
from signoff.console.visit import cookie_name

FLASH_SECONDS = 60
BEFORE_SECONDS = 3600


def set_session(home: Home, response: Response, session: str) -> None:
    """Hand out a session's id: signed, out of reach of scripts, never sent by other sites' forms."""
    _set(home, response, "session", home.seal.sign("session", session), int(home.settings.session_hours * 3600))


def drop_session(home: Home, response: Response) -> None:
    """Forget the session in the browser; the store forgets it too."""
    _drop(home, response, "session")


def set_flash(home: Home, response: Response, text: str) -> None:
    """Say something on the next page. It is signed, so that nobody else can put words on our pages."""
    _set(home, response, "flash", home.seal.sign("flash", text[:600].encode().hex()), FLASH_SECONDS)


def read_flash(home: Home, request: Request) -> str:
    """What the page before wanted to be said; empty mostly."""
    found = home.seal.read("flash", request.cookies.get(cookie_name(home, "flash")), FLASH_SECONDS)
    return bytes.fromhex(found).decode() if found else ""


def drop_flash(home: Home, response: Response) -> None:
    """It was said."""
    _drop(home, response, "flash")


def before_login(home: Home, request: Request) -> tuple[str, str | None]:
    """The secret that stands for a browser without a session, and the cookie to set where it has none."""
    known = home.seal.read("before", request.cookies.get(cookie_name(home, "before")), BEFORE_SECONDS)
    if known:
        return known, None
    # Made once a request: the page's token and the cookie that goes with it are made at different places.
    secret: str = getattr(request.state, "before", None) or secrets.token_hex(32)
    request.state.before = secret
    return secret, home.seal.sign("before", secret)


def set_before(home: Home, response: Response, signed: str) -> None:
    """Let the log-in form be tied to this browser."""
    _set(home, response, "before", signed, BEFORE_SECONDS)


def set_state(home: Home, response: Response, text: str) -> None:
    """What has to come back from the identity provider."""
    _set(home, response, "oidc", home.seal.sign("oidc", text.encode().hex()), 600)


def read_state(home: Home, request: Request) -> str | None:
    """What was kept by `set_state` in this browser within ten minutes."""
    found = home.seal.read("oidc", request.cookies.get(cookie_name(home, "oidc")), 600)
    return bytes.fromhex(found).decode() if found else None


def drop_state(home: Home, response: Response) -> None:
    """A log-in by the identity provider is answered once."""
    _drop(home, response, "oidc")


def _set(home: Home, response: Response, kind: str, value: str, seconds: int) -> None:
    # Lax: a link in an announcement must find its reader logged in; forms of other sites bring no cookie.
    response.set_cookie(
        cookie_name(home, kind), value, max_age=seconds, path="/", secure=home.secure, httponly=True, samesite="lax"
    )


def _drop(home: Home, response: Response, kind: str) -> None:
    response.delete_cookie(cookie_name(home, kind), path="/", secure=home.secure, httponly=True, samesite="lax")
