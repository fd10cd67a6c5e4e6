"""Where rows come from: files, databases, the project's SQL, and the cuts that the clock makes."""

from signoff.sources.rows import Rows, read_rows
from signoff.sources.snapshot import make_snapshot

__all__ = ["Rows", "make_snapshot", "read_rows"]
