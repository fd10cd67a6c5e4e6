"""A small identity provider on loopback: discovery, authorization, token and key endpoints, with its own RSA key."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlencode, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "signoff console", "a secret: +/&"


class SmallProvider:
    """What it hands out can be bent by a test: `claims` replaces claims, `header` the token's header."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "one"})
        self.published: list[RSAKey] = [self.key]
        self.user: dict[str, Any] = {"sub": "u-1", "preferred_username": "Ada", "email": "ada@example.org"}
        self.user["email_verified"] = True
        self.claims: dict[str, Any] = {}
        self.header: dict[str, Any] = {}
        self.signing = self.key
        self.sign: Callable[[dict[str, Any], dict[str, Any]], str] = self.sign_honestly
        self.methods = ["client_secret_basic"]
        self.codes: dict[str, dict[str, str]] = {}
        self.logged_in = int(time.time()) - 3600
        self.heeds_prompt = True
        self.tells_time = True
        self.reads = 0
        self.issuer = ""

    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
            "token_endpoint_auth_methods_supported": self.methods,
        }

    def keys(self) -> dict[str, Any]:
        self.reads += 1
        return {"keys": [key.as_dict(private=False) for key in self.published]}

    def authorize(self, query: dict[str, str]) -> str:
        """The user agrees at once: where the browser goes next."""
        assert query["response_type"] == "code"
        assert query["client_id"] == CLIENT
        assert query["code_challenge_method"] == "S256"
        assert "openid" in query["scope"].split()
        if query.get("prompt") == "login" and self.heeds_prompt:
            self.logged_in = int(time.time())
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state'], 'iss': self.issuer})}"

    def token(self, form: dict[str, str], authorization: str | None) -> tuple[int, dict[str, Any]]:
        if "client_secret_basic" in self.methods:
            pair = f"{quote_plus(CLIENT)}:{quote_plus(SECRET)}"
            wanted = base64.b64encode(pair.encode())
            if authorization != f"Basic {wanted.decode()}":
                return 401, {"error": "invalid_client"}
        elif (form.get("client_id"), form.get("client_secret")) != (CLIENT, SECRET):
            return 401, {"error": "invalid_client"}
        asked = self.codes.pop(form["code"], None)
        if asked is None or asked["redirect_uri"] != form["redirect_uri"]:
            return 400, {"error": "invalid_grant", "error_description": "the code is not valid"}
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
        if asked["code_challenge"] != challenge.decode():
            return 400, {"error": "invalid_grant", "error_description": "the verifier is not right"}
        access = secrets.token_urlsafe(8)
        half = base64.urlsafe_b64encode(hashlib.sha256(access.encode()).digest()[:16]).rstrip(b"=").decode()
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        if "max_age" in asked and self.tells_time:
            claims["auth_time"] = self.logged_in
        claims |= {"at_hash": half} | self.user | self.claims
        header = {"alg": "RS256", "kid": "one"} | self.header
        return 200, {"access_token": access, "token_type": "Bearer", "id_token": self.sign(header, claims)}

    def sign_honestly(self, header: dict[str, Any], claims: dict[str, Any]) -> str:
        return jwt.encode(header, claims, self.signing)


def _handler(provider: SmallProvider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            pages: dict[str, Callable[[], Any]] = {
                "/.well-known/openid-configuration": provider.metadata,
                "/keys": provider.keys,
            }
            if parts.path == "/authorize":
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                self.send_response(302)
                self.send_header("Location", provider.authorize(query))
                self.send_header("Content-Length", "0")
                self.end_headers()
            elif parts.path in pages:
                self._answer(200, pages[parts.path]())
            else:
                self._answer(404, {})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self._answer(*provider.token(form, self.headers.get("Authorization")))

        def _answer(self, status: int, body: Any) -> None:
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None: ...

    return Handler


@contextmanager
def small_provider() -> Iterator[SmallProvider]:
    """The provider, answering on loopback."""
    provider = SmallProvider()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(provider))
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallProvider]:
    """A provider whose client secret is where the settings look for it."""
    monkeypatch.setenv("OIDC_SECRET", SECRET)
    with small_provider() as started:
        yield started
