"""The evidence of a review, read by its digest; every gate's evidence becomes the same kind of record."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from signoff.core.data import FailedExpectation, Validation
from signoff.core.decision import Review
from signoff.core.evidence import Evidence, EvidenceSet, Table, Value
from signoff.core.numbers import percent
from signoff.core.record import Moment, Record
from signoff.store import Store

KEPT = 64
"""Parsed evidence that is held in memory; its digest names it, so that it never grows old."""

_VALUES = TypeAdapter(tuple[Value, ...])


class Found(Record):
    """What a reviewer can be shown."""

    state: Literal["kept", "missing", "unreadable"]
    note: str = ""
    made: Moment | None = None
    champion: str | None = None
    records: tuple[Evidence, ...] = ()

    def values(self) -> dict[str, Value]:
        """All numbers by name."""
        return {value.name: value for record in self.records for value in record.values}


class _Shelf:
    """The last few pieces of evidence that were read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: OrderedDict[str, Found] = OrderedDict()

    def get(self, digest: str) -> Found | None:
        with self._lock:
            if digest in self._found:
                self._found.move_to_end(digest)
            return self._found.get(digest)

    def put(self, digest: str, found: Found) -> None:
        with self._lock:
            self._found[digest] = found
            while len(self._found) > KEPT:
                self._found.popitem(last=False)


_shelf = _Shelf()


def evidence_of(store: Store, review: Review) -> Found:
    """The evidence that the review names, whatever has become of the files since.

    Raises:
        IntegrityError: the row holds other bytes than its digest says.
    """
    found = _shelf.get(review.evidence_sha256)
    if found is not None:
        return found
    text = store.evidence(review.evidence_sha256)
    if text is None:
        return Found(
            state="missing",
            note="This database does not hold the evidence: the review was asked in another clone, or before evidence "
            "was kept. What was decided and the numbers of the checks stand in the ledger all the same.",
        )
    found = read_evidence(text)
    _shelf.put(review.evidence_sha256, found)
    return found


def read_evidence(text: str) -> Found:
    """Evidence of any gate: of a candidate, of a snapshot's validation, or of a window of traffic."""
    try:
        content: Any = json.loads(text)
        if isinstance(content, list):
            return Found(state="kept", records=(_window(_VALUES.validate_python(content)),))
        if "records" in content:
            known = EvidenceSet.model_validate(content)
            return Found(state="kept", made=known.made, champion=known.champion, records=known.records)
        return Found(state="kept", records=(_validation(Validation.model_validate(content)),))
    except (ValueError, TypeError, ValidationError) as error:
        return Found(state="unreadable", note=f"The evidence cannot be read by this Signoff: {str(error)[:200]}")


def slugs(records: tuple[Evidence, ...]) -> tuple[str, ...]:
    """A name for each record's own page: its kind, numbered from the second of a kind on."""
    seen: dict[str, int] = {}
    found = []
    for record in records:
        seen[record.kind] = seen.get(record.kind, 0) + 1
        found.append(record.kind if seen[record.kind] == 1 else f"{record.kind}-{seen[record.kind]}")
    return tuple(found)


def _validation(validation: Validation) -> Evidence:
    broken = len(validation.failures)
    said = (
        f"{broken} of {validation.expectations} expectations on the data are broken."
        if broken
        else f"All {validation.expectations} expectations on the data hold."
    )
    columns = ("column", "expectation", "observed", "rows that break it", "examples", "why it is expected")
    return Evidence(
        kind="validation",
        title="Is the data as expected?",
        business=said,
        expert=f"Suite {validation.suite} on {validation.rows:,} rows.",
        values=(
            Value(name="validation.failed", value=broken, unit="expectations"),
            Value(name="validation.expectations", value=validation.expectations, unit="expectations"),
            Value(name="validation.rows", value=validation.rows, unit="rows"),
        ),
        table=Table(columns=columns, rows=tuple(map(_failure, validation.failures))) if broken else None,
        matters="The data gate's check on validation.failed reads the first number.",
    )


def _failure(failed: FailedExpectation) -> tuple[str | None, ...]:
    share = percent(failed.unexpected_share) if failed.unexpected_share is not None else None
    return failed.column, failed.expectation, failed.observed, share, ", ".join(failed.examples), failed.reason


def _window(values: tuple[Value, ...]) -> Evidence:
    return Evidence(
        kind="window",
        title="What was seen in served traffic",
        business="The numbers of the window of traffic that raised the alert.",
        expert="Drift against the champion's training data, and performance where outcomes are in.",
        values=values,
        matters="The alert's checks read these numbers.",
    )
