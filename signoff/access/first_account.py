"""What the first named account changes: told before it is made, and after."""

from __future__ import annotations

from signoff.core.account import PERMISSIONS, PROJECT_ROLE, Account, Permission
from signoff.store import Store


def what_it_changes(store: Store) -> tuple[str, ...]:
    """Sentences about decisions here: from when they need an account, and that the first admin has no say by itself.

    Empty where accounts are in force and the first admin, if there is one, may decide or is disabled.
    """
    told = []
    if not store.accounts_in_force():
        told.append(
            "With the first account that is added, accounts are in force: from then on a decision needs a password or a"
            " token, and the roles in signoff.yaml's people count no more."
        )
    silent = [one.name for one in store.accounts() if one.bootstrap and not one.disabled and not _may_decide(one)]
    if silent:
        verb = "decides nothing any more" if store.accounts_in_force() else "then decides nothing any more"
        told.append(
            f"The first admin, {silent[0]}, {verb}, for admins add people and decide nothing; who shall decide needs a"
            " role such as reviewer."
        )
    return tuple(told)


def _may_decide(account: Account) -> bool:
    return any(Permission.DECIDE in PERMISSIONS.get(grant.role, PROJECT_ROLE) for grant in account.grants)
