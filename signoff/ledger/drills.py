"""Drills in the ledger: each told one opens a seal that was set before anybody decided, and none is ever released."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import ValidationError

from signoff.core.decision import Decision, Entry
from signoff.core.drill import DrillTold, Seal, commitment_of

Wrong = tuple[Entry, str, str]
"""An entry, what is wrong with it, and what was met."""


def wrong_drills(entries: Sequence[Entry]) -> Iterator[Wrong]:
    """What is wrong with the seals and drills among whole entries in order.

    A seal commits to a drill before the first decision on its review; the entry that tells the drill opens it. So
    nobody can say afterwards that an approval was only a drill, nor release what was one.
    """
    seals: dict[str, tuple[int, str]] = {}
    first: dict[str, int] = {}
    called: dict[str, Entry] = {}
    told: set[str] = set()
    digests: set[str] = set()
    for entry in entries:
        try:
            if entry.kind == "seal":
                seals[entry.hash] = (entry.sequence, Seal.model_validate(entry.body).commitment)
            elif entry.kind == "drill":
                drill = DrillTold.model_validate(entry.body)
                told.add(drill.review)
                digests.add(drill.digest)
                yield from _opened(entry, drill, seals, first.get(drill.review, entry.sequence))
            elif entry.kind == "decision":
                decision = entry.decision()
                first.setdefault(decision.review, entry.sequence)
                called |= {decision.review: entry} if decision.drill else {}
                digests |= {decision.digest} if decision.drill else set()
        except ValidationError as error:
            if entry.kind != "decision":
                yield entry, f"its body is no {entry.kind}", str(error.errors()[0]["msg"])
    for review, entry in called.items():
        if review not in told:
            yield entry, f"{review} is called a drill and no seal was opened for it", ""
    yield from _released(entries, digests)


def is_drill(decision: Decision, entries: Sequence[Entry]) -> bool:
    """Whether a decision was about a drill, by its own word or by that of an entry that told it."""
    return decision.drill or any(
        entry.kind == "drill" and entry.body.get("digest") == decision.digest for entry in entries
    )


def _opened(entry: Entry, drill: DrillTold, seals: dict[str, tuple[int, str]], decided: int) -> Iterator[Wrong]:
    sequence, commitment = seals.get(drill.seal, (0, ""))
    if not sequence:
        yield entry, f"it opens a seal that is not there, so {drill.review} may have been no drill", drill.seal
    elif commitment != commitment_of(drill.salt, drill.drill, drill.digest):
        yield entry, f"it does not open the seal of entry {sequence}: kind, digest or salt is another", drill.drill
    elif sequence > decided:
        yield entry, f"its seal, entry {sequence}, was set after {drill.review} had been decided on", f"entry {decided}"


def _released(entries: Sequence[Entry], digests: set[str]) -> Iterator[Wrong]:
    for entry in entries:
        if entry.kind == "release" and entry.body.get("digest") in digests:
            yield entry, f"{entry.about} releases what was made for a drill", str(entry.body["digest"])
