"""One request and who makes it: the only place that proves a caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote, urlsplit

from fastapi import Depends, Request

from signoff.access import caller_of, session_account, token_caller
from signoff.console.home import Home
from signoff.console.problems import ForgedError, LoginNeededError, NotAllowedError
from signoff.core.account import Caller

API = "/api/v1"
CSRF_FIELD, CSRF_HEADER = "csrf", "x-csrf-token"
PASSWORD_PAGE = "/account/password"
UNFINISHED = (PASSWORD_PAGE, "/logout")
"""Where somebody may go whose one-time password has not been changed."""


@dataclass(frozen=True)
class Visit:
    """A request with its caller; `caller` is None for nobody."""

    request: Request
    home: Home
    caller: Caller | None = None
    session: str | None = None
    """The session's id; None with a token and for nobody."""

    @property
    def api(self) -> bool:
        """Whether a script asks, which gets JSON whatever happens."""
        return self.request.url.path.startswith(f"{API}/")

    def proven(self) -> Caller:
        """The caller.

        Raises:
            LoginNeededError: nobody has logged in.
            NotAllowedError: the one-time password has to be changed first.
        """
        if self.caller is None:
            raise LoginNeededError(
                "log in first",
                where=self.request.url.path,
                allowed="a session, or Authorization: Bearer TOKEN under /api/v1",
                next_step="signoff user token NAME --scope SCOPE prints a token",
            )
        if self.caller.account.one_time and self.caller.via == "session" and not self._changing_password():
            raise NotAllowedError("the one-time password has to be changed first", next_step=f"open {PASSWORD_PAGE}")
        return self.caller

    def token(self) -> str:
        """The form token of this session; empty for nobody."""
        return self.home.seal.token("session", self.session) if self.session else ""

    def check_form(self, token: str | None) -> None:
        """Refuse a request that was not made by a page of this session.

        Raises:
            ForgedError: the token is missing or another session's, or another site sent the form.
        """
        refuse_foreign(self.request)
        if self.session is None or not self.home.seal.fits(token, "session", self.session):
            raise ForgedError(
                "the form was not sent by a page of this session",
                where=self.request.url.path,
                next_step="load the page again and send it once more",
            )

    def _changing_password(self) -> bool:
        return self.request.url.path in UNFINISHED


def home_of(request: Request) -> Home:
    """The console's home."""
    home: Home = request.app.state.home
    return home


def visit_of(request: Request) -> Visit:
    """Who asks: a token under /api/v1, else a session's cookie, else nobody.

    Raises:
        LoginNeededError: a token was sent and is not valid; a session beside it does not help.
    """
    home = home_of(request)
    sent = request.headers.get("authorization")
    if sent is not None and request.url.path.startswith(f"{API}/"):
        kind, _, text = sent.partition(" ")
        caller = token_caller(home.accounts, text.strip()) if kind.lower() == "bearer" else None
        if caller is None:
            raise LoginNeededError(
                "the token is not valid: unknown, expired or revoked",
                where="Authorization",
                next_step="signoff user token NAME --scope SCOPE",
            )
        return _known(Visit(request, home, caller))
    session = home.seal.read("session", request.cookies.get(cookie_name(home, "session")))
    account = session_account(home.accounts, session) if session else None
    if account is None or session is None:
        return Visit(request, home)
    return _known(Visit(request, home, caller_of(home.accounts, account), session))


def _known(visit: Visit) -> Visit:
    """The access log names who asked."""
    visit.request.state.actor = visit.caller.name if visit.caller else "-"
    return visit


def cookie_name(home: Home, kind: str) -> str:
    """__Host- binds a cookie to this host, to TLS and to the whole site (RFC 6265bis 4.1.3.2)."""
    return f"{'__Host-' if home.secure else ''}signoff-{kind}"


def refuse_foreign(request: Request) -> None:
    """Refuse what a page of another origin sends; browsers name the origin of every form they post.

    Raises:
        ForgedError: the origin is not ours.
    """
    origin = request.headers.get("origin")
    if origin is None:
        return
    home = home_of(request)
    ours = {request.headers.get("host", ""), urlsplit(home.settings.public_url or "").netloc}
    if urlsplit(origin).netloc not in ours - {""}:
        raise ForgedError("the request comes from another site", where="Origin", got=origin[:100])


def safe_next(text: str | None) -> str:
    """A path of ours to go to after log-in; '/' for whatever could lead elsewhere.

    Browsers read a backslash as a slash and drop control characters, so '/\\host' and '/<tab>/host' lead away too.
    """
    if not text or not text.startswith("/") or text.startswith("//") or "\\" in text:
        return "/"
    if any(ord(sign) < 33 or ord(sign) == 127 for sign in text):
        return "/"
    parts = urlsplit(text)
    return "/" if parts.scheme or parts.netloc else text


def login_address(request: Request) -> str:
    """The log-in page, which leads back to the page that was asked for."""
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    back = safe_next(asked) if request.method in ("GET", "HEAD") else "/"
    return "/login" if back == "/" else f"/login?next={quote(back, safe='/')}"


VisitDep = Annotated[Visit, Depends(visit_of)]
HomeDep = Annotated[Home, Depends(home_of)]
