"""Who acts, once they have proved it."""

from __future__ import annotations

from signoff.core.account import Account, Caller
from signoff.store import Store


def accounts_in_force(store: Store) -> bool:
    """Whether anybody but the first admin has an account: from then on, decisions need a proof."""
    return store.accounts_in_force()


def caller_of(store: Store, account: Account) -> Caller:
    """An account that logged in.

    Until anybody else has an account, the first admin may act as operator and reviewer too (`alone`).
    """
    return Caller(
        name=account.name, account=account, via="session", alone=account.bootstrap and not store.accounts_in_force()
    )
