"""Messages by apprise: e-mail, chat and a hundred other ways, each named by an address such as mailto://."""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import TYPE_CHECKING, Any

from signoff.announce.message import DeliveryError, Message

if TYPE_CHECKING:
    from apprise.plugins.base import NotifyBase

ANSWER_SECONDS = 5.0
MAIL = ("mailto", "mailtos")
_one_at_a_time = threading.Lock()


def resolve(setting: str) -> str:
    """The address behind env:NAME, or the setting itself.

    Raises:
        DeliveryError: the variable is not set.
    """
    if not setting.startswith("env:"):
        return setting
    name = setting.removeprefix("env:")
    value = os.environ.get(name, "")
    if not value:
        raise DeliveryError(f"the environment variable {name} is not set")
    return value


def shown(setting: str) -> str:
    """An address as it may be shown and kept: without user, password, token or anything behind the host."""
    if setting.startswith("env:"):
        return setting
    scheme, _, rest = setting.partition("://")
    scheme = scheme if re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]{0,20}", scheme) and rest else "address"
    host = re.split(r"[/?#]", rest.rpartition("@")[2] if "@" in re.split(r"[?#]", rest)[0] else rest)[0]
    # In addresses of chat services a token stands where others have the host.
    return f"{scheme.lower()}://{host if scheme.lower() in MAIL else '…'}"


def is_mail(setting: str) -> bool:
    """Whether an address can send e-mail to others than itself."""
    try:
        return resolve(setting).partition("://")[0].lower() in MAIL
    except DeliveryError:
        return False


def send(setting: str, message: Message, recipient: str | None = None) -> str:
    """Send one message; what came of it.

    Args:
        setting: an apprise address, or env:NAME.
        message: what is told.
        recipient: an e-mail address that takes the place of the setting's own recipients.

    Raises:
        DeliveryError: the address is none, or the message was not taken. Says nothing of user, password or token.
    """
    url = resolve(setting)
    said = _Said(url)
    # apprise tells what went wrong to its logger alone, which all threads share.
    with _one_at_a_time, _heard(said):
        target = _plugin(url, recipient)
        html = str(target.notify_format) in ("html", "NotifyFormat.HTML")
        taken = _notify(target, message, html)
    if not taken:
        raise DeliveryError(said.last() or "it was not taken")
    return "sent"


@contextmanager
def _heard(said: _Said) -> Iterator[None]:
    """What apprise logs goes to `said` and nowhere else: its words hold parts of addresses."""
    from apprise.logger import logger

    propagated, level = logger.propagate, logger.level
    logger.propagate, logger.level = False, logging.INFO
    logger.addHandler(said)
    try:
        yield
    finally:
        logger.removeHandler(said)
        logger.propagate, logger.level = propagated, level


def _plugin(url: str, recipient: str | None) -> NotifyBase:
    try:
        plugin = _instantiate(url, recipient)
    except DeliveryError:
        raise
    except Exception as error:
        raise DeliveryError(f"the address cannot be read ({type(error).__name__})") from error
    if plugin is None:
        raise DeliveryError("apprise does not know such an address")
    plugin.socket_connect_timeout = plugin.socket_read_timeout = ANSWER_SECONDS
    return plugin


def _instantiate(url: str, recipient: str | None) -> NotifyBase | None:
    from apprise import Apprise, AppriseAsset

    asset = AppriseAsset(app_id="Signoff", app_desc="Signoff", app_url="", async_mode=False, secure_logging=True)
    if recipient is None:
        return Apprise.instantiate(url, asset=asset)
    from apprise.plugins.email import NotifyEmail

    facts: dict[str, Any] | None = NotifyEmail.parse_url(url)  # type: ignore[no-untyped-call]
    if not facts:
        raise DeliveryError("apprise does not know such an address")
    return Apprise.instantiate({**facts, "targets": [recipient], "cc": "", "bcc": ""}, asset=asset)


def _notify(target: NotifyBase, message: Message, html: bool) -> bool:
    from apprise import Apprise, NotifyFormat

    sender = Apprise()
    sender.add(target)
    try:
        body, form = (message.html, NotifyFormat.HTML) if html else (message.text, NotifyFormat.TEXT)
        return bool(sender.notify(title=message.title, body=body, body_format=form))
    except Exception as error:
        # A hundred plugins, any of which may fail in its own way: none of them may fail a run.
        raise DeliveryError(type(error).__name__) from error


class _Said(logging.StreamHandler[StringIO]):
    """What apprise said, without anything that stands in the address."""

    def __init__(self, url: str) -> None:
        super().__init__(StringIO())
        self.setLevel(logging.INFO)
        parts = re.split(r"[:/@?&=#]+", url)
        self._secrets = sorted({part for part in parts if len(part) > 3}, key=len, reverse=True)

    def last(self) -> str:
        """The last line, at most 200 characters."""
        text = next((line for line in reversed(self.stream.getvalue().splitlines()) if line.strip()), "")
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return text[:200]
