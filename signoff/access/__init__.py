"""Who may come in: passwords, sessions, tokens, identity providers, and the accounts behind them."""

from signoff.access.callers import accounts_in_force, caller_of
from signoff.access.login import end_session, log_in, open_session, proved_lately, session_account
from signoff.access.names import as_grant, known_roles
from signoff.access.people import (
    change_password,
    change_roles,
    disable_account,
    enable_account,
    first_admin,
    make_account,
    prove_again,
    set_email,
    set_password,
    unlock_account,
)
from signoff.access.problems import LogInError, TooManyTriesError
from signoff.access.tokens import make_token, revoke_token, revoke_tokens_of, token_caller, tokens_in_force

__all__ = [
    "LogInError",
    "TooManyTriesError",
    "accounts_in_force",
    "as_grant",
    "caller_of",
    "change_password",
    "change_roles",
    "disable_account",
    "enable_account",
    "end_session",
    "first_admin",
    "known_roles",
    "log_in",
    "make_account",
    "make_token",
    "open_session",
    "prove_again",
    "proved_lately",
    "revoke_token",
    "revoke_tokens_of",
    "session_account",
    "set_email",
    "set_password",
    "token_caller",
    "tokens_in_force",
    "unlock_account",
]
