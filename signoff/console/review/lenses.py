"""One page, four readers: which topic comes first and whose words lead. Data only; a new kind needs no entry here."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Literal

from signoff.core.errors import NotFoundError, did_you_mean
from signoff.core.record import Record

Topic = Literal[
    "worth",
    "quality",
    "trust",
    "groups",
    "drivers",
    "data",
    "more",
    "search",
    "operations",
    "rollback",
    "lineage",
    "audit",
]
Voice = Literal["business", "expert"]


class Lens(Record):
    """How one kind of reader meets the page. Every lens shows every topic."""

    name: str
    title: str
    sentence: str
    voice: Voice
    topics: tuple[Topic, ...]
    explains: bool = False
    """Each number stands with the sentence of its word, and by its plain name."""
    names: bool = False
    """Each number stands with the name by which checks and scripts know it."""


TITLES: Mapping[Topic, str] = {
    "worth": "What it is worth",
    "quality": "How good it is",
    "trust": "Whether its numbers can be trusted",
    "groups": "Whom it serves well, and whom less",
    "drivers": "What drives it",
    "data": "The data behind it",
    "more": "What else was found",
    "search": "How it was chosen",
    "operations": "What it takes to run",
    "rollback": "What serves now, and the way back",
    "lineage": "Where it comes from",
    "audit": "What is signed",
}

KINDS: tuple[tuple[str, Topic], ...] = (
    ("threshold*", "worth"),
    ("*cost*", "worth"),
    ("money*", "worth"),
    ("*leak*", "drivers"),
    ("holdout*", "quality"),
    ("champion_data*", "data"),
    ("champion_drivers*", "drivers"),
    ("champion_calibration*", "trust"),
    ("*drift*", "data"),
    ("champion*", "quality"),
    ("baseline*", "quality"),
    ("*confusion*", "quality"),
    ("*disagree*", "quality"),
    ("roc*", "quality"),
    ("precision_recall*", "quality"),
    ("classes*", "quality"),
    ("errors*", "quality"),
    ("overfit*", "trust"),
    ("*calibration*", "trust"),
    ("slices*", "groups"),
    ("fairness*", "groups"),
    ("*importance*", "drivers"),
    ("*drivers*", "drivers"),
    ("data*", "data"),
    ("validation*", "data"),
    ("window*", "data"),
    ("search*", "search"),
    ("leaderboard*", "search"),
    ("operations*", "operations"),
    ("lineage*", "lineage"),
)
"""Pattern of a record's kind and its topic; the first that fits counts, and what fits none is 'more'."""

LENSES: Mapping[str, Lens] = {
    lens.name: lens
    for lens in (
        Lens(
            name="business",
            title="Business",
            sentence="Money and counts first, in plain words.",
            voice="business",
            topics=(
                "worth",
                "quality",
                "groups",
                "trust",
                "drivers",
                "data",
                "more",
                "rollback",
                "search",
                "operations",
                "lineage",
                "audit",
            ),
            explains=True,
        ),
        Lens(
            name="science",
            title="Data science",
            sentence="Metrics, curves, data and search first, in the field's terms.",
            voice="expert",
            topics=(
                "quality",
                "trust",
                "drivers",
                "data",
                "groups",
                "search",
                "worth",
                "more",
                "operations",
                "lineage",
                "rollback",
                "audit",
            ),
            names=True,
        ),
        Lens(
            name="operations",
            title="Operations",
            sentence="Latency, size and the way back first.",
            voice="business",
            topics=(
                "operations",
                "rollback",
                "data",
                "quality",
                "trust",
                "worth",
                "more",
                "drivers",
                "groups",
                "search",
                "lineage",
                "audit",
            ),
        ),
        Lens(
            name="audit",
            title="Audit",
            sentence="Digests, policy, signatures and origins first.",
            voice="expert",
            topics=(
                "audit",
                "lineage",
                "data",
                "search",
                "quality",
                "trust",
                "groups",
                "worth",
                "drivers",
                "more",
                "operations",
                "rollback",
            ),
            names=True,
        ),
    )
}
DEFAULT = "business"


def lens_named(asked: str | None, kept: str = "") -> Lens:
    """The lens that was asked for, else the one that the account keeps, else the plainest.

    Raises:
        NotFoundError: there is no such lens.
    """
    if asked is not None and asked not in LENSES:
        raise NotFoundError(f"there is no lens {asked!r}", allowed=did_you_mean(asked, LENSES))
    return LENSES[asked or (kept if kept in LENSES else DEFAULT)]


def topic_of(kind: str) -> Topic:
    """Under which heading a record of this kind stands."""
    return next((topic for pattern, topic in KINDS if fnmatchcase(kind, pattern)), "more")
