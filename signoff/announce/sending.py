"""Empty the outbox: each notice becomes one duty an address, each duty is tried until it is done or given up."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from signoff.announce.addresses import Address, addressees, addresses_of
from signoff.announce.message import WAITING, DeliveryError, Message, link_to, message_of
from signoff.core.decision import ReviewState
from signoff.core.errors import SignoffError
from signoff.core.notice import Notice, notice_id
from signoff.core.policy import expires
from signoff.core.record import Record, now
from signoff.core.settings import Project

if TYPE_CHECKING:
    from signoff.store import Store

FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=10), timedelta(hours=1)
BUDGET_SECONDS = 5.0
"""A run or a decision waits no longer than this for its announcements; a sweep sends the rest."""


class Sent(Record):
    """What one sweep did."""

    done: int = 0
    failed: int = 0
    given_up: int = 0


class Tried(Record):
    """What came of a test message to one address."""

    to: str
    channel: str
    done: bool
    answer: str


def send_due(
    store: Store, project: Project, moment: datetime | None = None, *, seconds: float = BUDGET_SECONDS
) -> Sent:
    """Tell what is due, until nothing is or the time is up. Any number of processes may do so at once.

    Args:
        store: of the project.
        project: its settings; addresses that they no longer name are dropped.
        moment: now, when not given.
        seconds: no try is begun after so long.

    Raises:
        SignoffError: the state database cannot be used. A message that is not taken is no error.
    """
    started = time.monotonic()
    moment = moment or now()
    _remind(store, moment)
    everybody: tuple[Address, ...] | None = None
    for notice in reversed(store.notices(state="new")):
        everybody = addresses_of(project, store) if everybody is None else everybody
        told = addressees(project, store, notice, everybody)
        store.spread_notice(notice, [_for_one(notice, address, moment) for address in told])
    done = failed = given_up = 0
    while time.monotonic() - started < seconds and (duty := store.claim_notice(moment)) is not None:
        everybody = addresses_of(project, store) if everybody is None else everybody
        settled = _try(store, project, duty, everybody, moment)
        done += settled == "done"
        failed += settled == "waiting"
        given_up += settled == "given-up"
    return Sent(done=done, failed=failed, given_up=given_up)


def announce_now(store: Store, project: Project, *, seconds: float = BUDGET_SECONDS) -> Sent:
    """What a run or a decision calls when it is done: it never fails for its announcements; the outbox keeps them."""
    try:
        return send_due(store, project, seconds=seconds)
    except SignoffError:
        return Sent()


def send_test(store: Store, project: Project) -> Iterator[Tried]:
    """Send one test message to each address, and say what came back."""
    title = f"[{project.project}] a test of the announcements"
    text = f"Signoff can reach you. Reviews of {project.project} will be announced here."
    link = link_to(project.console, project.project, None)
    for address in addresses_of(project, store):
        payload = {"format": 1, "event": "test", "project": project.project, "title": title, "link": link}
        delivery = f"test:{random.getrandbits(64):016x}>{address.key}"
        message = Message(delivery, title, f"{text}\n\n{link}\n", f"<p>{text}</p>", {**payload, "delivery": delivery})
        try:
            answer, done = address.send(message), True
        except DeliveryError as error:
            answer, done = str(error), False
        yield Tried(to=address.label, channel=address.channel, done=done, answer=answer)


def _remind(store: Store, moment: datetime) -> None:
    """Note the reminders whose time has come; each is noted once, and the latest alone where several are late."""
    for review in store.reviews(state=ReviewState.OPEN):
        expiry = expires(review)
        if expiry is None:
            continue
        due = [days for days in review.policy.remind_days if expiry - timedelta(days=days) <= moment < expiry]
        if due:
            days = min(due)
            store.note("reminded", review.id, about=f"{days:g}d", text=_left(days), moment=moment)


def _left(days: float) -> str:
    return "1 day is left." if days == 1 else f"{days:g} days are left."


def _for_one(notice: Notice, address: Address, moment: datetime) -> Notice:
    identity = notice_id(notice.kind, notice.review, notice.about, address.key)
    told = {"id": identity, "to": address.label, "address": address.key, "state": "waiting", "due": moment}
    return notice.model_copy(update=told)


def _try(store: Store, project: Project, duty: Notice, everybody: tuple[Address, ...], moment: datetime) -> str:
    address = next((one for one in everybody if one.key == duty.address), None)
    if address is None:
        settled = store.settle_notice(duty, "dropped", error="the settings name this address no more")
        return settled.state if settled else ""
    if duty.kind in WAITING and duty.review and store.review(duty.review).state is not ReviewState.OPEN:
        settled = store.settle_notice(duty, "dropped", error="it was answered before this could be told")
        return settled.state if settled else ""
    try:
        answer = address.send(message_of(duty, project, store, moment))
        settled = store.settle_notice(duty, "done", error=answer)
    except (DeliveryError, SignoffError) as error:
        # Also where the evidence of a review cannot be read: it must not keep the others from being told.
        if duty.attempts >= project.announce.attempts:
            settled = store.settle_notice(duty, "given-up", error=str(error))
        else:
            settled = store.settle_notice(duty, "waiting", due=moment + wait_after(duty.attempts), error=str(error))
    return settled.state if settled else ""


def wait_after(attempts: int) -> timedelta:
    """Exponential backoff with jitter of half its length, so that many who failed together do not return together."""
    longest: timedelta = min(LONGEST_WAIT, FIRST_WAIT * (1 << min(attempts - 1, 20)))
    return longest * random.uniform(0.5, 1.0)
