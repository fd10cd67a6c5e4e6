"""Adapters that read tables: files, SQL databases, joined in DuckDB."""
