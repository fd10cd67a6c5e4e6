"""Runs, reviews, the ledger, alerts and candidates, in SQLite or PostgreSQL."""

from signoff.store.candidates import StoredCandidate
from signoff.store.entries import LedgerRow
from signoff.store.reviews import NEW
from signoff.store.store import Store, open_store

__all__ = ["NEW", "LedgerRow", "Store", "StoredCandidate", "open_store"]
