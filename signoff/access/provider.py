"""An identity provider as OpenID Connect Core 1.0 and Discovery 1.0 describe it: its endpoints, keys and answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote_plus, urlsplit

import httpx
from authlib.common.errors import AuthlibBaseError
from authlib.oauth2.client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from signoff.access.problems import LogInError
from signoff.core.environment import resolve
from signoff.core.errors import ServiceError, SettingsError
from signoff.core.settings import Oidc

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""Signatures by a private key of the provider's. 'none' and those by a shared secret are never taken."""

SCOPE = "openid profile email"
TIMEOUT_SECONDS = 10
FRESH_SECONDS = 300
KEYS_AGAIN_SECONDS = 10
"""An unknown key makes us look for new ones at most so often: tokens from outside must not make us hammer."""

LEEWAY_SECONDS = 60
ANEW = {"prompt": "login", "max_age": "0"}
"""Asks the provider to make the user log in again, and to tell when it did (OpenID Connect Core 1.0, 3.1.2.1)."""

LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Provider:
    """One provider. Shared by threads; what it published is read again every five minutes."""

    def __init__(self, settings: Oidc) -> None:
        self.settings = settings
        self.issuer = settings.issuer.rstrip("/")
        self._lock = threading.Lock()
        self._found: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, KeySet] | None = None

    def address(self, redirect_uri: str, state: str, nonce: str, verifier: str, *, anew: bool = False) -> str:
        """Where to send the browser: authorization code, PKCE with S256 (RFC 7636), state and nonce."""
        endpoint = self._endpoint("authorization_endpoint")
        client = OAuth2Client(None, self.settings.client_id, scope=SCOPE, code_challenge_method="S256")
        url, _ = client.create_authorization_url(
            endpoint,
            state=state,
            code_verifier=verifier,
            redirect_uri=redirect_uri,
            nonce=nonce,
            **(ANEW if anew else {}),
        )
        return str(url)

    def claims(self, code: str, redirect_uri: str, nonce: str, verifier: str) -> Mapping[str, Any]:
        """Trade a code for an ID token and check it: signature, issuer, audience, expiry, nonce, access token's hash.

        Raises:
            LogInError: the provider refuses the code, or the token does not hold.
            ServiceError: the provider does not answer.
        """
        answer = self._exchange(code, redirect_uri, verifier)
        text = answer.get("id_token")
        if not isinstance(text, str):
            raise LogInError("the identity provider sent no ID token", where=self.issuer, allowed="the scope openid")
        with self._translated():
            token = self._decoded(text)
            options = {
                "iss": {"essential": True, "value": self._published_issuer()},
                "aud": {"essential": True, "value": self.settings.client_id},
                "sub": {"essential": True},
            }
            params = {
                "nonce": nonce,
                "client_id": self.settings.client_id,
                "access_token": answer.get("access_token"),
            }
            claims = CodeIDToken(token.claims, token.header, options, params)
            claims.validate(leeway=LEEWAY_SECONDS)
        return dict(claims)

    def _decoded(self, text: str) -> jwt.Token:
        algorithms = [name for name in self._algorithms() if name in ALGORITHMS]
        try:
            return jwt.decode(text, self._key_set(), algorithms=algorithms)
        except InvalidKeyIdError:
            # Providers change keys: a name that is new to us may be new to the world.
            return jwt.decode(text, self._key_set(again=True), algorithms=algorithms)

    def _exchange(self, code: str, redirect_uri: str, verifier: str) -> Mapping[str, Any]:
        endpoint, secret = self._endpoint("token_endpoint"), self._secret()
        methods = self._metadata().get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        more: dict[str, str] = {"client_id": self.settings.client_id}
        proof = httpx.Auth()
        if secret is not None and "client_secret_basic" in methods:
            # RFC 6749 2.3.1: both parts are form-encoded before they become user and password.
            more, proof = {}, httpx.BasicAuth(quote_plus(self.settings.client_id), quote_plus(secret))
        elif secret is not None:
            more["client_secret"] = secret
        with self._translated(), httpx.Client(timeout=TIMEOUT_SECONDS) as session:
            client = OAuth2Client(session, self.settings.client_id)
            facts = {"code": code, "redirect_uri": redirect_uri, "code_verifier": verifier}
            answer = client.fetch_token(endpoint, grant_type="authorization_code", auth=proof, **facts, **more)
        return dict(answer)

    def _secret(self) -> str | None:
        setting = self.settings.client_secret
        if setting is None:
            return None
        if not setting.startswith("env:"):
            raise SettingsError(
                "console.oidc.client_secret holds the secret itself, and signoff.yaml is kept in git",
                where="signoff.yaml",
                allowed="env:NAME",
                next_step="write 'client_secret: env:NAME', and change that secret if it was committed",
            )
        value = resolve(setting)
        if not value:
            raise SettingsError(
                f"the environment variable {setting.removeprefix('env:')} is not set",
                where="signoff.yaml, console.oidc.client_secret",
                next_step=f"export {setting.removeprefix('env:')}=SECRET",
            )
        return value

    def _published_issuer(self) -> str:
        return str(self._metadata()["issuer"])

    def _algorithms(self) -> tuple[str, ...]:
        published = self._metadata().get("id_token_signing_alg_values_supported")
        return tuple(str(name) for name in published) if isinstance(published, list) else ("RS256",)

    def _endpoint(self, name: str) -> str:
        address = self._metadata().get(name)
        if not isinstance(address, str):
            raise ServiceError(f"the identity provider publishes no {name}", where=self.issuer)
        return _checked(address, name)

    def _metadata(self) -> dict[str, Any]:
        with self._lock:
            if self._found is None or time.monotonic() - self._found[0] > FRESH_SECONDS:
                address = _checked(f"{self.issuer}/.well-known/openid-configuration", "console.oidc.issuer")
                found = self._read(address)
                if str(found.get("issuer", "")).rstrip("/") != self.issuer:
                    raise ServiceError(
                        "the identity provider calls itself by another name",
                        where=address,
                        got=str(found.get("issuer"))[:200],
                        allowed=self.issuer,
                        next_step="correct console.oidc.issuer in signoff.yaml",
                    )
                self._found = (time.monotonic(), found)
            return self._found[1]

    def _key_set(self, again: bool = False) -> KeySet:
        address = self._endpoint("jwks_uri")
        with self._lock:
            age = time.monotonic() - self._keys[0] if self._keys else FRESH_SECONDS
            if self._keys is None or age >= FRESH_SECONDS or (again and age >= KEYS_AGAIN_SECONDS):
                self._keys = (time.monotonic(), KeySet.import_key_set(self._read(address)))  # type: ignore[arg-type]
            return self._keys[1]

    def _read(self, address: str) -> dict[str, Any]:
        with self._translated():
            answer = httpx.get(address, timeout=TIMEOUT_SECONDS, headers={"Accept": "application/json"})
            answer.raise_for_status()
            found = answer.json()
        if not isinstance(found, dict):
            raise ServiceError("the identity provider's answer is no JSON object", where=address)
        return found

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Errors of Authlib, joserfc and httpx in our words; what the provider says is cut, and never the token."""
        try:
            yield
        except httpx.HTTPError as error:
            raise ServiceError(
                "the identity provider does not answer", where=self.issuer, got=f"{type(error).__name__}: {error}"[:200]
            ) from error
        except AuthlibBaseError as error:
            raise LogInError("the identity provider refuses", where=self.issuer, got=str(error.error)[:200]) from error
        except (JoseError, ValueError, KeyError) as error:
            got = f"{type(error).__name__}: {error}"[:200]
            raise LogInError("the identity provider's answer does not hold", where=self.issuer, got=got) from error


def _checked(address: str, name: str) -> str:
    """Who may be who is told over TLS only; loopback is for a provider on the same machine."""
    parts = urlsplit(address)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK):
        return address
    raise SettingsError(f"{name} is no https address", where="signoff.yaml, console.oidc", got=address[:200])
