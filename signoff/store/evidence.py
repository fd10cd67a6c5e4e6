"""Evidence as reviewers saw it: kept by its digest, so that old reviews show what they were about."""

from __future__ import annotations

from sqlalchemy import insert, select

from signoff.core.digest import sha256_bytes
from signoff.core.errors import IntegrityError
from signoff.store.parts import Part
from signoff.store.schema import evidence


class EvidenceTable(Part):
    """The bytes of evidence.json and validation.json, one row a digest."""

    def keep_evidence(self, content: bytes) -> str:
        """Keep a file's bytes (UTF-8 JSON); the SHA-256 under which they are found. Kept twice, it is one row."""
        digest = sha256_bytes(content)
        with self.database.writing() as connection:
            known = connection.execute(select(evidence.c.sha256).where(evidence.c.sha256 == digest)).first()
            if known is None:
                connection.execute(insert(evidence).values(sha256=digest, record=content.decode("utf-8")))
        return digest

    def evidence(self, digest: str) -> str | None:
        """The text kept under a digest; None where this database never saw it, as in a clone.

        Raises:
            IntegrityError: the row holds other bytes than its digest says.
        """
        with self.database.reading() as connection:
            text = connection.execute(select(evidence.c.record).where(evidence.c.sha256 == digest)).scalar()
        if text is not None and sha256_bytes(text.encode()) != digest:
            raise IntegrityError(
                "kept evidence is not what its digest says", where=f"evidence {digest[:16]}", next_step="signoff verify"
            )
        return text
