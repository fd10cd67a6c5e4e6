"""Accounts, log-in, sessions, tokens and their limits, on SQLite and PostgreSQL."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from sqlalchemy import text

from signoff.access import (
    LogInError,
    TooManyTriesError,
    accounts_in_force,
    as_grant,
    caller_of,
    change_password,
    change_roles,
    disable_account,
    enable_account,
    end_session,
    first_admin,
    known_roles,
    log_in,
    make_account,
    make_token,
    open_session,
    revoke_token,
    session_account,
    set_email,
    set_password,
    token_caller,
    unlock_account,
)
from signoff.access import passwords as passwords_module
from signoff.access.passwords import LEAST, check_password, hash_password, matches
from signoff.access.throttle import FIRST_PAUSE, limits, network_of
from signoff.access.tokens import DEFAULT_DAYS, MOST_DAYS
from signoff.core.account import PERMISSIONS, PROJECT_ROLE, SCOPES, Account, Caller, Grant, Permission, Scope
from signoff.core.errors import ConflictError, NotFoundError, RefusedError, UsageError
from signoff.core.record import now
from signoff.core.settings import Approvals, GatePolicy
from signoff.store import Store
from tests.ledger_cases import desk_at

GOOD = "seven green bottles"
OTHER = "four wooden chairs"
HERE, THERE = "192.0.2.1", "198.51.100.7"


@pytest.fixture
def store(database: str | None, tmp_path: Path) -> Iterator[Store]:
    opened = desk_at(tmp_path, address=database).store
    yield opened
    opened.close()


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Less work for tests of many tries; what is counted does not depend on it."""
    monkeypatch.setattr(passwords_module, "_HASHER", PasswordHasher(1, 8, 1))
    passwords_module._nobody.cache_clear()
    yield
    passwords_module._nobody.cache_clear()


def person(store: Store, name: str = "Ada", *roles: str, project: str = "*", password: str = GOOD) -> Account:
    grants = [Grant(role=role, project=project) for role in roles or ("reviewer",)]
    return make_account(store, name, password, grants, by="test")


def fail(store: Store, name: str, address: str, moment: datetime) -> None:
    with pytest.raises(LogInError, match="do not belong together"):
        log_in(store, name, "not the password", address, moment)


def kept_text(store: Store) -> str:
    """Everything that the state database holds of accounts, as text."""
    tables = ("signoff_accounts", "signoff_tokens", "signoff_sessions", "signoff_attempts", "signoff_access")
    with store.database.reading() as connection:
        return repr([connection.execute(text(f"SELECT * FROM {table}")).all() for table in tables])


def test_the_first_admin_is_made_once_and_acts_alone_until_somebody_is_named(store: Store) -> None:
    password = first_admin(store)
    assert password is not None
    assert len(password) >= 20
    assert first_admin(store) is None
    assert not accounts_in_force(store)
    account = log_in(store, "ADMIN ", password, HERE, now())
    assert account.one_time
    assert caller_of(store, account).roles_in("demo") == (), "the one-time password comes first"
    account = change_password(store, "admin", password, GOOD)
    caller = caller_of(store, account)
    assert caller.roles_in("demo") == ("admin", "operator", "reviewer")
    person(store, "Bo", "viewer")
    assert accounts_in_force(store)
    assert caller_of(store, account).roles_in("demo") == ("admin",)
    with pytest.raises(LogInError, match="do not belong"):
        log_in(store, "admin", password, HERE, now())


def test_many_processes_starting_at_once_make_one_admin(store: Store) -> None:
    made: list[str | None] = []
    threads = [threading.Thread(target=lambda: made.append(first_admin(store))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 6
    assert len([password for password in made if password]) == 1


def test_nothing_that_opens_anything_is_kept(store: Store) -> None:
    account = person(store, "Ada", "reviewer")
    log_in(store, "Ada", GOOD, HERE, now())
    fail(store, "hunter2 typed into the wrong field", HERE, now())
    session = open_session(store, account, 1)
    token = make_token(store, account, ["read"])
    kept = kept_text(store)
    for secret in (GOOD, "hunter2", session, token, token.rpartition("_")[2]):
        assert secret not in kept
    assert "$argon2id$v=19$m=65536,t=3,p=4$" in kept


@pytest.mark.parametrize(
    ("password", "message"),
    [
        ("", "too short"),
        ("eleven sign", "too short"),
        ("x1y2" * 251, "too long"),
        ("Ada Lovelace", "the account's name"),
        ("1Ada Lovelace!", "the account's name"),
        ("aaaaaaaaaaaaaaa", "repeats or counts"),
        ("123456789012", "repeats or counts"),
        ("abcdefghijklmn", "repeats or counts"),
        ("121212121212", "repeats or counts"),
        ("Password1234", "commonest"),
        ("P@ssw0rd2026!!", "commonest"),
        ("passwordpassword", "commonest"),
        ("qwertyuiop123", "commonest"),
        ("\uff50assword1234", "commonest"),
    ],
)
def test_passwords_that_are_guessed_first_are_refused(password: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        check_password("Ada Lovelace", password)
    assert not password or password not in str(caught.value)


def test_passwords_compare_as_people_type_them() -> None:
    check_password("Ada", GOOD)
    check_password("Ada", "Straße nach Ἀθῆναι")
    hashed = hash_password("caf\u00e9 au lait, bitte")
    assert matches(hashed, "cafe\u0301 au lait, bitte")
    assert not matches(hashed, "cafe au lait, bitte")
    assert not matches(None, "nobody has this password")
    assert not matches("not a hash", GOOD)
    assert not matches(hash_password("a" * 1000), "a" * 1001)
    assert not matches(hashed, "\ud800 lone surrogate")


def test_a_hash_of_other_parameters_is_renewed_at_log_in(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    account = person(store)
    old = account.model_copy(update={"password": PasswordHasher(1, 8, 1).hash(GOOD)})
    store.save_account(old)
    session = open_session(store, old, 1)
    assert "m=65536,t=3,p=4" in str(log_in(store, "ada", GOOD, HERE, now()).password)
    assert store.account("ada").password != old.password
    assert session_account(store, session) is not None, "the same password hashed anew ends no session"


def test_unknown_wrong_disabled_and_passwordless_are_told_alike(store: Store, cheap: None) -> None:
    person(store, "Ada")
    disable_account(store, person(store, "Bo").name, by="test")
    make_account(store, "Cy", None, [], by="test", subject="https://issuer 1")
    told = set()
    for name, password in (
        ("Ada", "wrong"),
        ("Bo", GOOD),
        ("Cy", GOOD),
        ("Cy", ""),
        ("nobody", GOOD),
        ("", ""),
        ("a\0b", GOOD),
        ("\ud800", "\ud800\0"),
    ):
        with pytest.raises(LogInError, match="do not belong") as caught:
            log_in(store, name, password, HERE, now())
        told.add(str(caught.value.as_record()))
    assert len(told) == 1
    results = {(note.actor, note.result) for note in store.access_log() if note.what == "log-in"}
    assert results == {("Ada", "refused"), ("Bo", "refused"), ("Cy", "refused"), ("(nobody)", "refused")}


def test_an_unknown_name_costs_as_much_work(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override]
            done.append(str(hash).rpartition("$")[0].rpartition("$")[0])
            return super().verify(hash, password)

    monkeypatch.setattr(passwords_module, "_HASHER", Counting.from_parameters(passwords_module.RFC_9106_LOW_MEMORY))
    person(store)
    fail(store, "Ada", HERE, now())
    fail(store, "nobody", HERE, now())
    assert len(done) == 2
    assert done[0] == done[1], "one comparison each, with the same parameters"


@pytest.mark.usefixtures("cheap")
class TestTries:
    """How often somebody may try."""

    def test_after_five_failures_a_name_waits_from_that_address_alone(self, store: Store) -> None:
        person(store)
        start = now()
        for second in range(5):
            fail(store, "Ada", HERE, start + timedelta(seconds=second))
        later = start + timedelta(seconds=5)
        with pytest.raises(TooManyTriesError, match="wait 29 s"):
            log_in(store, " ADA", GOOD, HERE, later)
        assert log_in(store, "Ada", GOOD, THERE, later).name == "Ada", "others are not locked out"
        with pytest.raises(TooManyTriesError, match="too many"):
            log_in(store, "Ada", GOOD, HERE, start + timedelta(seconds=33))
        assert log_in(store, "Ada", GOOD, HERE, start + timedelta(seconds=34)).name == "Ada"

    def test_the_pause_grows_and_hammering_does_not_lengthen_it(self, store: Store) -> None:
        moment = now()
        for _ in range(5):
            fail(store, "nobody", HERE, moment)
        for pause in (30, 60, 120, 240, 480, 900, 900):
            for early in (1, pause - 1):
                with pytest.raises(TooManyTriesError, match="too many"):
                    log_in(store, "nobody", "x", HERE, moment + timedelta(seconds=early))
            moment += timedelta(seconds=pause)
            fail(store, "nobody", HERE, moment)
        moment += timedelta(hours=24, seconds=1)
        for _ in range(5):
            fail(store, "nobody", HERE, moment)

    def test_names_from_one_address_are_counted_together(self, store: Store) -> None:
        person(store)
        moment = now()
        for number in range(20):
            fail(store, f"name {number}", HERE, moment)
        with pytest.raises(TooManyTriesError, match="too many"):
            log_in(store, "Ada", GOOD, HERE, moment)
        assert log_in(store, "Ada", GOOD, THERE, moment).name == "Ada"
        fail(store, "Ada", f"::ffff:{THERE}", moment)
        assert network_of(f"::ffff:{THERE}") == THERE
        assert network_of("2001:db8:1:2:3::4") == network_of("2001:db8:1:2:ffff::1%eth0")
        assert network_of("terminal") == "terminal"

    def test_one_name_from_many_addresses_waits_a_short_time(self, store: Store) -> None:
        person(store)
        moment = now()
        for number in range(10):
            fail(store, "Ada", f"203.0.113.{number}", moment)
        with pytest.raises(TooManyTriesError, match="wait 30 s"):
            log_in(store, "Ada", GOOD, THERE, moment)
        _, _, by_name = limits("Ada", THERE)
        assert by_name.longest <= timedelta(minutes=5), "how long somebody else can keep Ada out"
        session = open_session(store, store.account("Ada"), 1)
        assert session_account(store, session) is not None, "who is in stays in"
        unlock_account(store, "ada", by="test")
        assert log_in(store, "Ada", GOOD, THERE, moment).name == "Ada"

    def test_an_admin_ends_the_pause_at_every_address(self, store: Store) -> None:
        person(store)
        moment = now()
        for address in (HERE, THERE):
            for _ in range(5):
                fail(store, "Ada", address, moment)
        unlock_account(store, "Ada", by="test")
        for address in (HERE, THERE):
            assert log_in(store, "Ada", GOOD, address, moment).name == "Ada"
        with pytest.raises(NotFoundError, match="no account"):
            unlock_account(store, "Eve", by="test")

    def test_tries_at_once_do_not_get_ahead_of_the_count(self, store: Store) -> None:
        person(store)
        looked_at: list[str] = []

        def guess() -> None:
            try:
                log_in(store, "Ada", "wrong", HERE, now())
            except (LogInError, TooManyTriesError) as error:
                looked_at.append(type(error).__name__)

        threads = [threading.Thread(target=guess) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert looked_at.count("LogInError") == 5
        assert looked_at.count("TooManyTriesError") == 11

    def test_success_starts_anew(self, store: Store) -> None:
        person(store)
        moment = now()
        for _ in range(4):
            for _ in range(4):
                fail(store, "Ada", THERE, moment)
            log_in(store, "Ada", GOOD, THERE, moment)
            moment += timedelta(hours=2)


@pytest.mark.usefixtures("cheap")
class TestSessions:
    """What a session's id opens, and until when."""

    def test_each_log_in_has_a_new_id_and_log_out_ends_it(self, store: Store) -> None:
        account = person(store)
        one, two = open_session(store, account, 1), open_session(store, account, 1)
        assert one != two
        assert len(one) == 43
        end_session(store, one)
        assert session_account(store, one) is None, "a cookie that was kept opens nothing"
        assert session_account(store, two) == account
        end_session(store, one)
        for invented in ("", "x" * 43, hashlib.sha256(two.encode()).hexdigest(), "\ud800"):
            assert session_account(store, invented) is None

    def test_sessions_end_when_idle_and_in_any_case(self, store: Store) -> None:
        account, opened = person(store), now()
        idle = open_session(store, account, 12)
        assert session_account(store, idle, opened + timedelta(minutes=59)) is not None
        assert session_account(store, idle, opened + timedelta(minutes=118)) is not None, "seen a while ago"
        assert session_account(store, idle, opened + timedelta(minutes=179)) is None
        assert session_account(store, idle, opened) is None, "it is gone, not asleep"
        used = open_session(store, account, 2)
        for minutes in range(0, 120, 30):
            assert session_account(store, used, opened + timedelta(minutes=minutes)) is not None
        assert session_account(store, used, opened + timedelta(minutes=121)) is None

    def test_every_session_ends_with_what_it_rested_on(self, store: Store) -> None:
        account = person(store)
        person(store, "Root", "admin")
        bystander = open_session(store, store.account("Root"), 1)
        for change in (
            lambda: set_password(store, "Ada", OTHER, by="test"),
            lambda: change_password(store, "Ada", OTHER, GOOD),
            lambda: change_roles(store, "Ada", grant=[Grant(role="viewer")], by="test"),
            lambda: change_roles(store, "Ada", revoke=[Grant(role="viewer")], by="test"),
            lambda: disable_account(store, "Ada", by="test"),
        ):
            sessions = [open_session(store, account, 1) for _ in range(2)]
            change()
            assert [session_account(store, one) for one in sessions] == [None, None]
        enable_account(store, "Ada", by="test")
        assert [session_account(store, one) for one in sessions] == [None, None]
        kept = open_session(store, account, 1)
        set_email(store, "Ada", "ada@example.org", by="test")
        assert session_account(store, kept) is not None
        assert session_account(store, bystander) is not None


@pytest.mark.usefixtures("cheap")
class TestTokens:
    """What a token opens."""

    def test_a_token_is_known_by_its_whole_text_alone(self, store: Store) -> None:
        token = make_token(store, person(store), [Scope.READ])
        caller = token_caller(store, token)
        assert caller is not None
        assert (caller.name, caller.via, caller.scopes) == ("Ada", "token", (Scope.READ,))
        bent = token[:-1] + ("A" if token[-1] != "A" else "B")
        digest = hashlib.sha256(token.encode()).hexdigest()
        for wrong in ("", "sgn_", token[4:], token.upper(), token + " ", bent, f"{token}x", digest, "sgn_" + "0" * 60):
            assert token_caller(store, wrong) is None

    def test_it_ends_by_time_by_revocation_and_with_its_account(self, store: Store) -> None:
        account = person(store)
        token = make_token(store, account, ["read"], days=2)
        assert token_caller(store, token, now() + timedelta(days=1, hours=23)) is not None
        assert token_caller(store, token, now() + timedelta(days=2)) is None
        disable_account(store, "Ada", by="test")
        assert token_caller(store, token) is None
        with pytest.raises(RefusedError, match="is disabled"):
            make_token(store, store.account("Ada"), ["read"])
        enable_account(store, "Ada", by="test")
        assert token_caller(store, token) is None, "enabling wakes no token that may have been the reason"
        token = make_token(store, store.account("Ada"), ["read"], days=2)
        assert token_caller(store, token) is not None
        identity = token.split("_")[1]
        revoked = revoke_token(store, identity, by="test").revoked
        assert token_caller(store, token) is None
        assert revoke_token(store, identity, by="test").revoked == revoked
        with pytest.raises(NotFoundError, match="no token"):
            revoke_token(store, "a\0b", by="test")
        with pytest.raises(NotFoundError, match="no token") as caught:
            revoke_token(store, token, by="test")
        assert token not in str(caught.value)

    def test_its_last_use_is_kept_and_a_use_never_undoes_a_revocation(self, store: Store) -> None:
        token = make_token(store, person(store), ["read"])
        (kept,) = store.tokens_of("ada")
        assert kept.last_used is None
        moment = now() + timedelta(hours=1)
        token_caller(store, token, moment)
        (kept,) = store.tokens_of("ada")
        assert kept.last_used == moment
        revoke_token(store, kept.id, by="test")
        token_caller(store, token, moment + timedelta(hours=1))
        assert store.tokens_of("ada")[0].revoked is not None

    @pytest.mark.parametrize("scope", Scope)
    @pytest.mark.parametrize("role", ["viewer", "operator", "reviewer", "admin", "business owner"])
    def test_scopes_and_roles_bound_each_other(self, store: Store, scope: Scope, role: str) -> None:
        account = person(store, "Ada", role, project="demo")
        session = caller_of(store, account)
        token = token_caller(store, make_token(store, account, [scope]))
        assert token is not None
        for permission in Permission:
            wanted = permission is Permission.PUBLIC or (
                session.may(permission, "demo") and permission in SCOPES[scope]
            )
            assert token.may(permission, "demo") == wanted
            assert token.may(permission, "other") == (permission is Permission.PUBLIC)

    def test_a_token_for_one_project_has_no_roles_in_another(self, store: Store) -> None:
        account = person(store, "Ada", "reviewer")
        token = token_caller(store, make_token(store, account, ["decide", "read"], project="demo"))
        assert token is not None
        assert token.roles_in("demo") == ("reviewer",)
        assert token.roles_in("other") == ()
        assert not token.may(Permission.SEE, "other")
        assert not token.may(Permission.RUN, "demo")

    def test_roles_that_change_bind_tokens_that_were_made_before(self, store: Store) -> None:
        token = make_token(store, person(store, "Ada", "reviewer"), ["decide"])
        change_roles(store, "Ada", revoke=[Grant(role="reviewer")], by="test")
        caller = token_caller(store, token)
        assert caller is not None
        assert not caller.may(Permission.DECIDE, "demo")

    def test_what_no_token_may_be(self, store: Store) -> None:
        account = person(store)
        for days in (0, -1, 367, float("inf"), float("nan")):
            with pytest.raises(UsageError, match="lives for days"):
                make_token(store, account, ["read"], days=days)
        with pytest.raises(UsageError, match="needs a scope"):
            make_token(store, account, [])
        with pytest.raises(UsageError, match=r"no such scope.*did you mean 'decide'"):
            make_token(store, account, ["decyde"])
        first = make_account(store, "New", OTHER, [Grant(role="admin")], by="test", one_time=True)
        with pytest.raises(RefusedError, match="one-time password"):
            make_token(store, first, ["admin"])


@pytest.mark.usefixtures("cheap")
class TestPeople:
    """Making and changing accounts."""

    def test_names_are_one_person_however_spelt(self, store: Store) -> None:
        person(store, "Ada Lovelace")
        for spelling in ("ada  lovelace", " ADA LOVELACE ", "\uff21da Lovelace"):
            with pytest.raises(ConflictError, match="already"):
                person(store, spelling)
            assert store.account(spelling).name == "Ada Lovelace"
        with pytest.raises(NotFoundError, match="did you mean 'Ada Lovelace'"):
            store.account("Ada Lovelaec")

    @pytest.mark.parametrize(
        "name", ["", "  ", "policy", "POLICY ", "a\nb", "a\x00b", "\u202eada", "x" * 121, "\ud800"]
    )
    def test_what_is_no_name(self, store: Store, name: str) -> None:
        with pytest.raises(UsageError, match="name"):
            person(store, name)
        assert store.accounts() == ()

    def test_the_last_admin_stays(self, store: Store) -> None:
        person(store, "Root", "admin")
        person(store, "Ada", "admin", project="demo")
        for change in (
            lambda: disable_account(store, "root", by="test"),
            lambda: change_roles(store, "root", revoke=[Grant(role="admin")], by="test"),
        ):
            with pytest.raises(RefusedError, match="Root is the last admin"):
                change()
        change_roles(store, "Ada", grant=[Grant(role="admin")], by="test")
        disable_account(store, "root", by="test")
        with pytest.raises(RefusedError, match="Ada is the last admin"):
            disable_account(store, "Ada", by="test")
        assert store.account("root").roles_in("demo") == ()

    def test_two_admins_who_dismiss_each_other_at_once_leave_one(self, store: Store) -> None:
        person(store, "One", "admin")
        person(store, "Two", "admin")
        ends: list[str] = []

        def dismiss(name: str) -> None:
            try:
                disable_account(store, name, by="test")
                ends.append("done")
            except RefusedError:
                ends.append("refused")

        threads = [threading.Thread(target=dismiss, args=(name,)) for name in ("One", "Two")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(ends) == ["done", "refused"]

    def test_roles_are_given_and_taken_by_project(self, store: Store) -> None:
        person(store, "Ada", "viewer")
        changed = change_roles(store, "Ada", grant=[Grant(role="reviewer", project="demo")], by="test")
        assert (changed.roles_in("demo"), changed.roles_in("other")) == (("reviewer", "viewer"), ("viewer",))
        with pytest.raises(UsageError, match="does not have the role reviewer"):
            change_roles(store, "Ada", revoke=[Grant(role="reviewer")], by="test")
        assert change_roles(store, "Ada", revoke=[Grant(role="viewer")], by="test").roles_in("other") == ()

    def test_roles_are_those_that_stand_and_those_that_a_project_names(self, tmp_path: Path) -> None:
        policy = GatePolicy(approvals=(Approvals(role="business owner"), Approvals()))
        project = desk_at(tmp_path, policy, people={"ada": ("clerk",)}).project
        known = known_roles([project])
        assert known == ("admin", "business owner", "clerk", "operator", "reviewer", "viewer")
        assert as_grant("business owner", "demo", known) == Grant(role="business owner", project="demo")
        with pytest.raises(UsageError, match="did you mean 'business owner'"):
            as_grant("busines owner", "demo", known)

    def test_changing_ones_password_needs_the_old_one(self, store: Store) -> None:
        person(store)
        with pytest.raises(LogInError, match="the old password"):
            change_password(store, "Ada", "wrong", OTHER)
        with pytest.raises(UsageError, match="is the old one"):
            change_password(store, "Ada", GOOD, GOOD)
        with pytest.raises(UsageError, match="too short"):
            change_password(store, "Ada", GOOD, "short")
        change_password(store, "Ada", GOOD, OTHER)
        assert log_in(store, "Ada", OTHER, HERE, now()).name == "Ada"
        for _ in range(5):
            with pytest.raises(LogInError, match="the old password"):
                change_password(store, "Ada", "a guess", GOOD)
        with pytest.raises(TooManyTriesError, match="too many"):
            change_password(store, "Ada", OTHER, GOOD)

    @pytest.mark.parametrize("email", ["ada", "@x.org", "a@b@c", "a b@c.org", "a@c.org\nBcc: x@y", "a,b@c.org"])
    def test_what_is_no_address(self, store: Store, email: str) -> None:
        person(store)
        with pytest.raises(UsageError, match="no e-mail address"):
            set_email(store, "Ada", email, by="test")

    def test_every_change_is_in_the_access_log(self, store: Store) -> None:
        person(store, "Root", "admin")
        person(store)
        change_roles(store, "Ada", grant=[Grant(role="operator", project="demo")], by="Root")
        token = make_token(store, store.account("Ada"), ["read"], by="Root")
        revoke_token(store, token.split("_")[1], by="Root")
        set_password(store, "Ada", OTHER, by="Root")
        disable_account(store, "Ada", by="Root")
        enable_account(store, "Ada", by="Root")
        unlock_account(store, "Ada", by="Root")
        said = [note.what for note in store.access_log() if note.actor == "Root" and note.where == "Ada"]
        assert said == [
            "account unlocked",
            "account enabled",
            "account disabled",
            "password set",
            "token revoked",
            "token made",
            "roles changed",
        ]
        assert len(store.access_log(limit=2)) == 2
        assert store.access_log()[-1].result == "admin"


def test_a_caller_is_bound_before_the_one_time_password_is_changed(store: Store) -> None:
    account = make_account(store, "Ada", GOOD, [Grant(role="admin")], by="test", one_time=True)
    caller = caller_of(store, account)
    assert [permission for permission in Permission if caller.may(permission, "demo")] == [Permission.PUBLIC]
    assert isinstance(caller, Caller)
    assert not change_password(store, "Ada", GOOD, OTHER).one_time


def test_the_guide_says_what_is_so() -> None:
    guide = " ".join((Path(__file__).parent.parent / "docs" / "security.md").read_text(encoding="utf-8").split())
    pair, address, name = limits("Ada", HERE)
    assert f"A name from one address has {pair.free} free tries" in guide
    assert f"an address over all names {address.free}, a name over all addresses {name.free}" in guide
    assert f"waits {FIRST_PAUSE.seconds} s" in guide
    assert f"up to {pair.longest.seconds // 60} minutes" in guide
    assert f"for a name over all addresses up to {name.longest.seconds // 60} minutes" in guide
    assert f"at least {LEAST} characters" in guide
    assert f"at most {MOST_DAYS} days ({DEFAULT_DAYS} when" in guide
    shown = [Permission(name) for name in ("see", "comment", "decide", "run", "audit", "admin")]
    for role, granted in {**PERMISSIONS, "any that a project names": PROJECT_ROLE}.items():
        cells = " | ".join("yes" if column in granted else "" for column in shown)
        assert " ".join(f"| {role} | {cells} |".split()) in guide
