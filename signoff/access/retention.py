"""What is forgotten by time: notes of who came in, and tries that no pause looks at any more. Decisions never are."""

from __future__ import annotations

from datetime import datetime, timedelta

from signoff.access.throttle import WINDOW
from signoff.store import Store

ACTOR = "retention"


def forget_old(store: Store, days: int, moment: datetime) -> int:
    """Remove the notes of the access log that are older than so many days, and tries to log in older than a day.

    Ledger, reviews, comments and accounts are not touched. That notes were removed is itself a note.

    Args:
        store: of the deployment.
        days: that a note is kept; 0 keeps all.
        moment: now.

    Returns:
        How many notes were removed.
    """
    store.drop_old_attempts(moment - WINDOW)
    if days == 0:
        return 0
    before = moment - timedelta(days=days)
    with store.transaction():
        removed = store.drop_old_access(before)
        if removed:
            store.note_access(ACTOR, "access log shortened", f"before {before:%Y-%m-%d}", f"{removed} notes removed")
    return removed
