"""Before the console opens its door: where it may listen, with which certificate, and who comes in first."""

from __future__ import annotations

import ipaddress
import ssl
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from signoff.core.errors import SettingsError, UsageError
from signoff.core.settings import Console

if TYPE_CHECKING:
    from signoff.store import Store


def tell_first_admin(accounts: Store) -> None:
    """At the first start: make the admin, and print the one-time password, which nothing keeps."""
    from signoff.access import first_admin

    password = first_admin(accounts)
    if password is not None:
        name = accounts.accounts()[0].name
        sys.stderr.write(f"first log-in: {name}, one-time password {password} (shown once; to be changed there)\n")


def refuse_open_door(host: str, settings: Console) -> None:
    """Passwords and decisions cross only this machine, or a channel that nobody reads.

    Raises:
        UsageError: the console would listen elsewhere without TLS and without a proxy that ends TLS.
    """
    if is_loopback(host) or settings.trusted_proxies or (settings.tls_certificate and settings.tls_key):
        return
    raise UsageError(
        "the console does not listen beyond this machine without TLS",
        where="--host",
        got=host,
        allowed="127.0.0.1; or console.tls_certificate with console.tls_key; or console.trusted_proxies",
        next_step="set console.tls_certificate and console.tls_key in signoff.yaml, or the proxy's address in"
        " console.trusted_proxies",
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def usable_tls(settings: Console, root: Path) -> Console:
    """Certificate and key are found from the workspace, and can be used.

    Raises:
        SettingsError: one is missing, or they do not belong together.
    """
    if not settings.tls_certificate and not settings.tls_key:
        return settings
    if not settings.tls_certificate or not settings.tls_key:
        raise SettingsError(
            "TLS needs both console.tls_certificate and console.tls_key", where="signoff.yaml", next_step="set both"
        )
    certificate, key = root / settings.tls_certificate, root / settings.tls_key
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            "certificate and key cannot be used", where=f"{certificate}, {key}", got=error, allowed="PEM files"
        ) from error
    return settings.model_copy(update={"tls_certificate": str(certificate), "tls_key": str(key)})
