"""Log-in by an identity provider, against a real one on loopback."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey

from signoff.access import LogInError, disable_account, log_in, make_account
from signoff.access import provider as provider_module
from signoff.access.oidc import LoginState, begin, finish
from signoff.core.account import Account, Grant
from signoff.core.errors import ServiceError, SettingsError
from signoff.core.record import now
from signoff.core.settings import Oidc
from signoff.store import Store
from tests.ledger_cases import desk_at
from tests.oidc_provider import CLIENT, SmallProvider

BACK = "http://127.0.0.1:8400/login/oidc/back"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = desk_at(tmp_path).store
    yield opened
    opened.close()


def settings_of(provider: SmallProvider, **more: Any) -> Oidc:
    return Oidc(issuer=provider.issuer, client_id=CLIENT, client_secret="env:OIDC_SECRET", **more)


def agree(settings: Oidc) -> tuple[LoginState, dict[str, str]]:
    """What a browser does: go to the provider, agree, come back with a query."""
    url, kept = begin(settings, BACK)
    back = urlsplit(httpx.get(url).headers["Location"])
    assert back.geturl().startswith(BACK)
    return kept, {name: values[0] for name, values in parse_qs(back.query).items()}


def come_in(store: Store, settings: Oidc) -> Account:
    return finish(store, settings, *agree(settings))


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_the_first_log_in_makes_an_account_without_roles(store: Store, provider: SmallProvider, method: str) -> None:
    provider.methods = [method]
    account = come_in(store, settings_of(provider))
    assert (account.name, account.grants, account.email) == ("Ada", (), "ada@example.org")
    assert account.subject == f"{provider.issuer} u-1"
    with pytest.raises(LogInError, match="do not belong together"):
        log_in(store, "Ada", "", "127.0.0.1", now())
    provider.user["preferred_username"] = "Ada Lovelace"
    assert come_in(store, settings_of(provider)) == account
    assert len(store.accounts()) == 1


def test_groups_give_and_take_the_roles_they_stand_for(store: Store, provider: SmallProvider) -> None:
    settings = settings_of(provider, roles_claim="groups", roles={"ml": ("reviewer", "viewer"), "boss": ("admin",)})
    provider.user["groups"] = ["ml", "unknown", 7]
    account = come_in(store, settings)
    assert account.roles_in("demo") == ("reviewer", "viewer")
    store.save_account(account.model_copy(update={"grants": (*account.grants, Grant(role="business owner"))}))
    provider.user["groups"] = "boss"
    assert come_in(store, settings).roles_in("demo") == ("admin", "business owner")
    del provider.user["groups"]
    assert come_in(store, settings).roles_in("demo") == ("business owner",)


def test_an_account_of_that_name_is_not_taken_over(store: Store, provider: SmallProvider) -> None:
    make_account(store, "ada", "four wooden chairs", [Grant(role="admin")], by="test")
    with pytest.raises(LogInError, match="belongs to another account"):
        come_in(store, settings_of(provider))
    assert store.account("ada").subject is None
    provider.user["preferred_username"] = "policy"
    with pytest.raises(LogInError, match="no name here"):
        come_in(store, settings_of(provider))
    provider.user["preferred_username"] = ["Ada"]
    with pytest.raises(LogInError, match="tells no preferred_username"):
        come_in(store, settings_of(provider))


def test_another_subject_of_the_same_name_is_another_person(store: Store, provider: SmallProvider) -> None:
    come_in(store, settings_of(provider))
    provider.user["sub"] = "u-2"
    with pytest.raises(LogInError, match="belongs to another account"):
        come_in(store, settings_of(provider))


def test_a_disabled_account_stays_out(store: Store, provider: SmallProvider) -> None:
    disable_account(store, come_in(store, settings_of(provider)).name, by="test")
    with pytest.raises(LogInError, match="is disabled"):
        come_in(store, settings_of(provider))


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        ({"nonce": "another"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"aud": "somebody else"}, "aud"),
        ({"aud": [CLIENT, "somebody else"]}, "azp"),
        ({"iss": "http://127.0.0.1:1"}, "iss"),
        ({"exp": int(time.time()) - 3600}, "expired"),
        ({"iat": int(time.time()) + 3600}, "in the future"),
        ({"at_hash": "AAAA"}, "at_hash"),
        ({"sub": None}, "sub"),
    ],
)
def test_a_bent_token_opens_nothing(
    store: Store, provider: SmallProvider, claims: dict[str, Any], message: str
) -> None:
    provider.claims = claims
    with pytest.raises(LogInError, match=f"does not hold.*{message}"):
        come_in(store, settings_of(provider))
    assert store.accounts() == ()


def test_a_token_signed_by_another_key_opens_nothing(store: Store, provider: SmallProvider) -> None:
    provider.signing = RSAKey.generate_key(2048, {"kid": "one"})
    with pytest.raises(LogInError, match="BadSignatureError"):
        come_in(store, settings_of(provider))


@pytest.mark.parametrize("algorithm", ["HS256", "none"])
def test_no_public_key_is_a_secret_and_no_signature_is_none(
    store: Store, provider: SmallProvider, algorithm: str
) -> None:
    def sign(header: dict[str, Any], claims: dict[str, Any]) -> str:
        parts = [json.dumps(part).encode() for part in ({**header, "alg": algorithm}, claims)]
        text = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
        signature = hmac.digest(provider.key.as_pem(private=False), text, "sha256") if algorithm == "HS256" else b""
        return (text + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()

    provider.sign = sign
    with pytest.raises(LogInError, match="UnsupportedAlgorithmError"):
        come_in(store, settings_of(provider))
    assert store.accounts() == ()


def test_a_new_key_is_looked_for_and_an_unknown_one_refused(
    store: Store, provider: SmallProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    come_in(store, settings_of(provider))
    fresh = RSAKey.generate_key(2048, {"kid": "two"})
    provider.signing, provider.header = fresh, {"kid": "two"}
    with pytest.raises(LogInError, match="InvalidKeyIdError"):
        come_in(store, settings_of(provider))
    assert provider.reads == 1, "an unknown key does not make us ask again at once"
    monkeypatch.setattr(provider_module, "KEYS_AGAIN_SECONDS", 0)
    with pytest.raises(LogInError, match="InvalidKeyIdError"):
        come_in(store, settings_of(provider))
    provider.published = [provider.key, fresh]
    assert come_in(store, settings_of(provider)).name == "Ada"


def test_a_code_is_good_once_and_only_where_it_was_asked_for(store: Store, provider: SmallProvider) -> None:
    settings = settings_of(provider)
    kept, query = agree(settings)
    finish(store, settings, kept, query)
    with pytest.raises(LogInError, match=r"refuses.*invalid_grant"):
        finish(store, settings, kept, query)
    mine, _ = agree(settings)
    _, stolen = agree(settings)
    with pytest.raises(LogInError, match="not begun here"):
        finish(store, settings, mine, stolen)
    with pytest.raises(LogInError, match=r"refuses.*invalid_grant"):
        finish(store, settings, mine, {**stolen, "state": mine.state})


def test_what_comes_back_without_a_code_is_told(store: Store, provider: SmallProvider) -> None:
    settings = settings_of(provider)
    kept, query = agree(settings)
    with pytest.raises(LogInError, match="access_denied"):
        finish(store, settings, kept, {"state": kept.state, "error": "access_denied"})
    with pytest.raises(LogInError, match="no code"):
        finish(store, settings, kept, {"state": kept.state})
    with pytest.raises(LogInError, match="not begun here"):
        finish(store, settings, kept, {})
    with pytest.raises(LogInError, match="another identity provider"):
        finish(store, settings, kept, {**query, "iss": "https://evil.example"})


def test_settings_that_cannot_work_are_told(
    store: Store, provider: SmallProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError, match="no https address"):
        begin(Oidc(issuer="http://provider.example", client_id=CLIENT), BACK)
    settings = settings_of(provider)
    kept, query = agree(settings)
    monkeypatch.delenv("OIDC_SECRET")
    with pytest.raises(SettingsError, match="OIDC_SECRET is not set"):
        finish(store, settings, kept, query)
    monkeypatch.setenv("OIDC_SECRET", "wrong")
    with pytest.raises(LogInError, match="invalid_client"):
        finish(store, settings, kept, query)
    with pytest.raises(SettingsError, match="holds the secret itself"):
        finish(store, settings.model_copy(update={"client_secret": "plain"}), kept, query)
    wrong = Oidc(issuer=provider.issuer.replace("127.0.0.1", "localhost"), client_id=CLIENT)
    with pytest.raises(ServiceError, match="another name"):
        begin(wrong, BACK)


def test_a_provider_that_is_down_is_told(store: Store, provider: SmallProvider) -> None:
    with pytest.raises(ServiceError, match="does not answer"):
        begin(Oidc(issuer="http://127.0.0.1:9", client_id=CLIENT), BACK)
