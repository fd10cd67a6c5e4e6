"""The console beyond loopback: a real HTTPS client, a certificate made here, and proxies that are named or not."""

from __future__ import annotations

import re
import ssl
import subprocess
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import ValidationError
from starlette.types import Message

from signoff.access import make_account
from signoff.console.proxies import BehindProxies
from signoff.core.account import Grant
from signoff.core.paths import Paths
from signoff.core.record import now
from signoff.core.settings import Console
from signoff.core.settings_file import load_project
from signoff.store import Store, open_store
from tests.chain import SIGNOFF
from tests.consoles import a_console, a_workspace, served_console
from tests.test_console_process import running

PASSWORD = "four wooden chairs"


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for this machine, signed by its own key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "signoff test")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() - timedelta(days=1))
        .not_valid_after(now() + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(key.private_bytes(*plain))
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return folder / "certificate.pem", folder / "key.pem"


def ada(root: Path) -> Store:
    store = open_store(load_project(root), Paths(root))
    make_account(store, "Ada", PASSWORD, [Grant(role="reviewer")], by="test")
    return store


def log_in(client: httpx.Client, password: str = PASSWORD, **headers: str) -> httpx.Response:
    token = re.search(r'name="csrf" value="([^"]+)"', client.get("/login", headers=headers).text)
    assert token is not None
    form = {"csrf": token[1], "name": "Ada", "password": password}
    return client.post("/login", data=form, headers=headers)


def test_beyond_loopback_it_speaks_tls_and_nothing_else(tmp_path: Path) -> None:
    certificate(tmp_path)
    tls = {"tls_certificate": "../certificate.pem", "tls_key": "../key.pem"}
    root = a_workspace(tmp_path / "demo", "demo", console=tls)
    ada(root).close()
    trusting = ssl.create_default_context(cafile=str(tmp_path / "certificate.pem"))
    with running(root, "--host", "0.0.0.0") as (_, told, _):
        assert told.startswith("https://")
        address = f"https://localhost:{told.rpartition(':')[2]}"
        with httpx.Client(base_url=address, verify=trusting, timeout=60) as client:
            page = client.get("/login")
            assert page.status_code == 200
            assert page.headers["strict-transport-security"] == "max-age=31536000"
            answer = log_in(client)
            assert (answer.status_code, answer.headers["location"]) == (303, "/")
            for cookie in answer.headers.get_list("set-cookie") + page.headers.get_list("set-cookie"):
                assert cookie.startswith("__Host-signoff-")
                assert "Secure" in cookie
                assert "HttpOnly" in cookie
            assert client.get("/api/v1/account").json()["name"] == "Ada"
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(f"{address}/login", timeout=60)
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"{address.replace('https', 'http')}/login", timeout=60)


def test_without_tls_or_a_proxy_it_does_not_begin(tmp_path: Path) -> None:
    root = a_workspace(tmp_path / "demo", "demo", console={"tls_certificate": "c.pem", "tls_key": "k.pem"})
    arguments = (SIGNOFF, "console", "-w", root, "--port", "0", "--host", "0.0.0.0")
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, "certificate and key cannot be used" in done.stderr) == (2, True), done.stderr
    a_workspace(root, "demo")
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, "does not listen beyond this machine" in done.stderr) == (2, True), done.stderr
    assert "password" not in done.stderr


@pytest.mark.parametrize(("named", "seen"), [("127.0.0.0/8", "203.0.113.9"), ("10.9.9.9", "127.0.0.1"), (None, None)])
def test_only_a_named_proxy_says_who_the_client_is(tmp_path: Path, named: str | None, seen: str | None) -> None:
    console = a_console(tmp_path, console={"trusted_proxies": [named]} if named else {})
    make_account(console.home.accounts, "Ada", PASSWORD, [Grant(role="reviewer")], by="test")
    forwarded = {"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https"}
    with served_console(console) as address:
        # A client of http keeps no Secure cookie, so the form's is handed back by hand.
        page = httpx.get(f"{address}/login", headers=forwarded)
        token = re.search(r'name="csrf" value="([^"]+)"', page.text)
        assert token is not None
        cookie = page.headers["set-cookie"].partition(";")[0]
        assert cookie.startswith("__Host-") == (named is not None)
        form = {"csrf": token[1], "name": "Ada", "password": "not this one"}
        refused = httpx.post(f"{address}/login", data=form, headers={**forwarded, "cookie": cookie})
        assert refused.status_code == 401
    note = next(note for note in console.home.accounts.access_log() if note.what == "log-in")
    assert note.where == (seen or "127.0.0.1")
    console.home.close()


async def asked(client: str, *headers: tuple[bytes, bytes], own_tls: bool = False) -> tuple[int, dict[str, Any]]:
    """What a console behind 10.0.0.2 answers a peer, and what it then knows of the client."""
    heard: dict[str, Any] = {}
    said: list[Message] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        heard.update(client=scope["client"][0], scheme=scope["scheme"])
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message: Message) -> None:
        said.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {"type": "http", "method": "GET", "path": "/", "scheme": "http", "client": (client, 1), "headers": headers}
    await BehindProxies(app, ("10.0.0.2",), own_tls)(scope, receive, send)
    return said[0]["status"], heard


@pytest.mark.parametrize(
    ("client", "headers", "status", "known"),
    [
        ("10.0.0.2", {}, 200, {"client": "10.0.0.2", "scheme": "http"}),
        ("10.0.0.2", {"x-forwarded-proto": "https"}, 200, {"client": "10.0.0.2", "scheme": "https"}),
        ("10.0.0.2", {"x-forwarded-for": "192.0.2.7"}, 200, {"client": "192.0.2.7", "scheme": "http"}),
        ("10.0.0.2", {"x-forwarded-proto": "http"}, 403, {}),
        ("192.0.2.7", {"x-forwarded-proto": "https", "x-forwarded-for": "10.0.0.2"}, 403, {}),
        ("127.0.0.1", {"x-forwarded-for": "192.0.2.7"}, 200, {"client": "127.0.0.1", "scheme": "http"}),
        ("", {}, 403, {}),
    ],
)
def test_past_the_proxy_nobody_gets_an_answer(
    client: str, headers: dict[str, str], status: int, known: dict[str, str]
) -> None:
    import asyncio

    sent = [(name.encode(), value.encode()) for name, value in headers.items()]
    assert asyncio.run(asked(client, *sent)) == (status, known)
    if client == "192.0.2.7":
        assert asyncio.run(asked(client, *sent, own_tls=True)) == (200, {"client": client, "scheme": "http"})


@pytest.mark.parametrize("proxy", ["*", "0.0.0.0/0", "::/0", "proxy.example", ""])
def test_everybody_is_no_proxy(proxy: str) -> None:
    with pytest.raises(ValidationError, match="no address such as"):
        Console(trusted_proxies=(proxy,))
