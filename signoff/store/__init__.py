"""Reviews, ledger rows, runs and alerts in SQLite or PostgreSQL."""
