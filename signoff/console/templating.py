"""Templates: always escaped, and a name that is misspelt is an error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import jinja2
from fastapi import Response
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from signoff.console.cookies import before_login, drop_flash, read_flash
from signoff.console.files import address
from signoff.console.review.words import marked
from signoff.console.visit import API, Visit
from signoff.console.wording import lasted
from signoff.core.account import EVERYWHERE, Permission
from signoff.core.numbers import signed
from signoff.core.record import now
from signoff.report import filters


@dataclass(frozen=True)
class Link:
    """An entry of the navigation."""

    to: str
    text: str
    here: bool


@dataclass(frozen=True)
class Page:
    """What every template knows beside its context."""

    title: str
    path: str
    query: str
    csrf: str
    """For the hidden field `csrf` of each form."""
    flash: str
    links: tuple[Link, ...]
    twin: str
    """The same page as JSON."""
    now: datetime
    static: Callable[[str], str]


LINKS: tuple[tuple[str, str, Permission | None], ...] = (
    ("/", "Inbox", Permission.SEE),
    ("/reviews", "Reviews", Permission.SEE),
    ("/runs", "Runs", Permission.SEE),
    ("/versions", "Versions", Permission.SEE),
    ("/alerts", "Alerts", Permission.SEE),
    ("/projects", "Projects", Permission.SEE),
    ("/ledger", "Ledger", Permission.SEE),
    ("/policy", "Policy", Permission.SEE),
    ("/people", "People", Permission.ADMIN),
)


@cache
def environment() -> jinja2.Environment:
    """The console's templates: the dossier's filters, and what pages alone need."""
    found = filters.environment(autoescape=True, package="signoff.console")
    found.filters.update(
        moment=moment,
        short=short,
        capitalize_first=capitalize_first,
        lasted=lasted,
        difference=signed,
        marked=marked,
    )
    found.globals.update(static=address)
    return found


def moment(value: datetime | None) -> Markup:
    """A point in time that machines and people read alike."""
    if value is None:
        return Markup("–")  # noqa: RUF001
    return Markup('<time datetime="{}">{}</time>').format(value.isoformat(), f"{value:%Y-%m-%d %H:%M} UTC")


def capitalize_first(text: str) -> str:
    """A sentence as it begins; the rest of it, names above all, stays as it is."""
    return text[:1].upper() + text[1:].rstrip(".")


def short(digest: str | None) -> str:
    """The beginning of a digest, enough to tell it from others."""
    return (digest or "")[:12]


def page_of(visit: Visit, title: str) -> Page:
    """The frame of a page for this visit."""
    request = visit.request
    path = request.url.path
    token = visit.token() or visit.home.seal.token("before", before_login(visit.home, request)[0])
    return Page(
        title=title,
        path=path,
        query=request.url.query,
        csrf=token,
        flash=read_flash(visit.home, request),
        links=tuple(Link(to, text, _leads(path, to)) for to, text, needs in LINKS if _may(visit, needs, to)),
        twin=f"{API}{path if path != '/' else '/inbox'}",
        now=now(),
        static=address,
    )


def render(visit: Visit, template: str, context: Any, title: str, status: int = 200) -> Response:
    """A page. `context` is the record that its JSON twin answers."""
    frame = page_of(visit, title)
    text = environment().get_template(template).render(context=context, caller=visit.caller, page=frame)
    response = HTMLResponse(text, status)
    if frame.flash:
        drop_flash(visit.home, response)
    return response


def _leads(path: str, to: str) -> bool:
    return path == to or (to != "/" and path.startswith(f"{to}/"))


def _may(visit: Visit, needs: Permission | None, to: str) -> bool:
    if visit.caller is None or visit.caller.account.one_time:
        return False
    if to == "/people":
        return visit.caller.may(Permission.ADMIN, EVERYWHERE)
    return needs is None or visit.caller.may_anywhere(needs)
