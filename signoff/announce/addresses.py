"""To whom a project's notices go: its settings' addresses and webhooks, and the accounts that can fill a seat."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from signoff.announce import by_apprise, webhook
from signoff.announce.message import DeliveryError, Message
from signoff.core.decision import Review
from signoff.core.notice import Notice
from signoff.core.policy import why_not
from signoff.core.settings import Project, Webhook

if TYPE_CHECKING:
    from signoff.core.account import Account
    from signoff.store import Store


@dataclass(frozen=True)
class Address:
    """One address. `key` names it in the outbox and `label` on screens; neither holds a secret."""

    key: str
    label: str
    channel: Literal["apprise", "webhook", "account"]
    setting: str = ""
    webhook: Webhook | None = None
    recipient: str | None = None
    role: str | None = None
    account: str | None = None

    def send(self, message: Message) -> str:
        """Send one message; what came of it.

        Raises:
            DeliveryError: it was not taken.
        """
        if self.webhook is not None:
            return webhook.post(self.webhook, message)
        if not self.setting:
            raise DeliveryError("no mailto:// address in announce.targets sends e-mail to accounts")
        return by_apprise.send(self.setting, message, self.recipient)


def addresses_of(project: Project, store: Store) -> tuple[Address, ...]:
    """All addresses of a project, in the order of its settings, accounts last; each key once."""
    return _named((*_configured(project), *_people(project, store)))


def addressees(
    project: Project, store: Store, notice: Notice, everybody: Iterable[Address] | None = None
) -> tuple[Address, ...]:
    """Who hears of a notice: general addresses of all; roles and accounts only of what waits, or waited, for them."""
    review = store.review(notice.review) if notice.review else None
    found = everybody if everybody is not None else addresses_of(project, store)
    accounts = {account.name: account for account in store.accounts()}
    return tuple(one for one in found if _hears(project, one, review, accounts))


def _hears(project: Project, address: Address, review: Review | None, accounts: dict[str, Account]) -> bool:
    if address.role is not None:
        return review is not None and address.role in {approval.role for approval in review.policy.approvals}
    if address.account is not None:
        account = accounts.get(address.account)
        if account is None or review is None:
            return False
        return why_not(review, account.name, account.roles_in(project.project)) is None
    return True


def _configured(project: Project) -> Iterable[Address]:
    announce = project.announce
    for setting in announce.targets:
        yield Address(key="", label=by_apprise.shown(setting), channel="apprise", setting=setting)
    for role, settings in announce.by_role.items():
        for setting in settings:
            label = f"{by_apprise.shown(setting)} ({role})"
            yield Address(key="", label=label, channel="apprise", setting=setting, role=role)
    for hook in announce.webhooks:
        yield Address(key="", label=_shown(hook.url), channel="webhook", webhook=hook)


def _people(project: Project, store: Store) -> Iterable[Address]:
    """Accounts with an e-mail address, where the settings name a server that sends e-mail."""
    announce = project.announce
    settings = (*announce.targets, *(one for settings in announce.by_role.values() for one in settings))
    sender = next((setting for setting in settings if by_apprise.is_mail(setting)), None)
    if sender is None:
        return
    for account in store.accounts():
        if account.email and not account.disabled and account.roles_in(project.project):
            yield Address(
                key="",
                label=f"{account.email} ({account.name})",
                channel="account",
                setting=sender,
                recipient=account.email,
                account=account.name,
            )


def _named(found: Iterable[Address]) -> tuple[Address, ...]:
    """Keys by label, numbered where two labels are alike: made of nothing that is secret."""
    seen: Counter[str] = Counter()
    named = []
    for address in found:
        key = hashlib.sha256(f"{address.channel} {address.label}".encode()).hexdigest()[:12]
        seen[key] += 1
        named.append(Address(**{**vars(address), "key": f"{key}-{seen[key]}"}))
    return tuple(named)


def _shown(url: str) -> str:
    """A webhook's host alone: paths of such addresses are often secrets."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"
    except ValueError:
        return "webhook"
