"""Notices: what happened and who still has to hear of it. Written in the transaction of what they tell of."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from signoff.core.record import Moment, Record

NoticeKind = Literal["opened", "reminded", "decided", "expired", "released", "freeze", "drill-told"]
NoticeState = Literal["new", "spread", "waiting", "claimed", "done", "given-up", "dropped"]
"""new, spread: what happened, before and after it became one notice an address. The others are of one address:
waiting for its next try, claimed by a sender, done, given up after too many tries, dropped with its address."""


class Notice(Record):
    """Something that happened or, with `to`, the duty to tell it to one address. Holds no address and no secret."""

    id: str = Field(max_length=160, description="what it tells, and to whom: kept once, so nothing is told twice")
    project: str
    kind: NoticeKind
    review: str | None = None
    about: str = Field("", description="what else it names: the hash of a decision's entry, the tag of a release")
    text: str = Field("", description="one sentence more, for people")
    made: Moment
    due: Moment = Field(description="when it is to be tried next; of a claimed one, when the claim ends")
    state: NoticeState = "new"
    to: str = Field("", description="the address as it may be shown")
    address: str = Field("", description="key of the address in the project's settings")
    attempts: int = 0
    claim: str = Field("", description="of the sender that holds it")
    error: str = Field("", description="what the last try came to")


def notice_id(kind: NoticeKind, review: str | None, about: str = "", address: str = "") -> str:
    """The id under which a notice is kept once: 'decided:release-3:8a0f...>mail-1'."""
    parts = [kind, review or "", about[:40]]
    return ":".join(part for part in parts if part) + (f">{address}" if address else "")
