"""Webhooks: JSON, signed so that a receiver can tell who sent it, when, and whether it was sent before.

The scheme is that of Stripe's and GitHub's webhooks: HMAC-SHA-256 (RFC 2104) over the time of the try and the body.

    X-Signoff-Signature: t=1767225600,v1=HEX     HMAC-SHA-256 over "1767225600." + body
    X-Signoff-Delivery: decided:release-3>...    the same in every try of one delivery

A receiver computes the HMAC over the bytes it got, compares in constant time, refuses a time more than five minutes
from its own (`TOLERANCE_SECONDS`), and drops a delivery whose id it has seen: that makes each message count once.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import time

from signoff.announce.message import DeliveryError, Message
from signoff.core.settings import Webhook

SIGNATURE, DELIVERY = "X-Signoff-Signature", "X-Signoff-Delivery"
TOLERANCE_SECONDS = 300
ANSWER_SECONDS = 5.0


def signature_of(body: bytes, key: bytes, moment: int) -> str:
    """The value of X-Signoff-Signature for a body sent at `moment` (seconds since 1970)."""
    return f"t={moment},v1={_mac(body, key, moment)}"


def signature_holds(
    header: str, body: bytes, key: bytes, *, moment: float | None = None, tolerance: float = TOLERANCE_SECONDS
) -> bool:
    """What a receiver asks: whether the holder of the key signed these bytes, not longer ago than `tolerance` s."""
    parts = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    said = parts.get("t", "")
    if not (said.isascii() and said.isdigit()) or len(said) > 12:
        return False
    fresh = abs((time.time() if moment is None else moment) - int(said)) <= tolerance
    return hmac.compare_digest(_mac(body, key, int(said)).encode(), parts.get("v1", "").encode()) and fresh


def _mac(body: bytes, key: bytes, moment: int) -> str:
    return hmac.new(key, f"{moment}.".encode() + body, hashlib.sha256).hexdigest()


def post(webhook: Webhook, message: Message) -> str:
    """Send one message; what the receiver answered.

    Any 2xx is an acceptance. Redirects are not followed: only the host that the settings name is told anything.

    Raises:
        DeliveryError: no answer, another answer, or the key is not in the environment.
    """
    import httpx

    key = _key(webhook.secret)
    body = json.dumps(message.payload, sort_keys=True, ensure_ascii=False).encode()
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Signoff",
        DELIVERY: message.delivery,
        SIGNATURE: signature_of(body, key, int(time.time())),
    }
    try:
        # The transport alone: a client would write the address, which may hold a secret, to its log, and follow
        # proxies of the environment. The body of the answer is not read: one without end must not fill the memory.
        with httpx.HTTPTransport(trust_env=False) as transport:
            timeout = {"timeout": httpx.Timeout(ANSWER_SECONDS).as_dict()}
            request = httpx.Request("POST", webhook.url, content=body, headers=headers, extensions=timeout)
            answer = transport.handle_request(request)
            code = answer.status_code
            answer.close()
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        raise DeliveryError(f"no answer ({type(error).__name__})") from error
    if not 200 <= code < 300:
        raise DeliveryError(f"HTTP {code}" + (", and redirects are not followed" if 300 <= code < 400 else ""))
    return f"HTTP {code}"


def _key(setting: str) -> bytes:
    name = setting.removeprefix("env:")
    value = os.environ.get(name, "") if setting.startswith("env:") else ""
    if not value:
        what = (
            f"the environment variable {name} is not set" if setting.startswith("env:") else "the secret is no env:NAME"
        )
        raise DeliveryError(what)
    return value.encode()
