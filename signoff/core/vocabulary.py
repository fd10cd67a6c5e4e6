"""The one vocabulary: plain word, term and sentence of each thing, and a label for each number, on every screen."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import cache, cached_property
from pathlib import Path

import yaml

from signoff.core.metrics import METRICS
from signoff.core.record import Record

FILE = Path(__file__).with_name("vocabulary.yaml")
WHOSE = {
    "holdout": "{}",
    "performance": "{}",
    "champion": "{} of the champion",
    "baseline": "{} of the baseline",
}
LAST = {"spread": "spread over {}", "small": "{}: groups too small", "selection_gap": "gap in yes by {}",
        "recall_gap": "gap in yes found by {}", "accuracy_gap": "gap in right answers by {}",
        "error_gap": "gap in mean error by {}"}  # fmt: skip
"""Numbers of a column: slices.COLUMN.spread, fairness.COLUMN.recall_gap."""


class Piece(Record):
    """A part of a text; `word` is the vocabulary's word that it stands for, None for the text between."""

    text: str
    word: str | None = None


class Vocabulary(Record):
    """Words, plain words, labels and sentences as vocabulary.yaml has them, the metrics' own added."""

    words: dict[str, str]
    plain_words: dict[str, str]
    labels: dict[str, str]
    sentences: dict[str, str]

    def label(self, name: str) -> str:
        """What people call the number `name`: its label, its metric's, or its last part in words."""
        if name in self.labels:
            return self.labels[name]
        prefix, _, last = name.rpartition(".")
        if last in METRICS:
            return WHOSE.get(prefix, f"{{}} ({prefix})").format(METRICS[last].label)
        if last in LAST and prefix.startswith(("slices.", "fairness.")):
            return LAST[last].format(prefix.partition(".")[2])
        return last if prefix.startswith(("slices.", "importance")) else last.replace("_", " ")

    def plain(self, term: str) -> str:
        """What the business says for a term, or for the number of that name; the term where nothing is plainer."""
        known = self._terms.get(term.casefold())
        if known is not None:
            return self.plain_words.get(known, known)
        label = self.label(term) if "." in term else term
        return "".join(self.plain_words.get(one.word or "", one.text) for one in self.mark(label))

    def term(self, plain: str) -> str:
        """The term behind a plain word; the word itself where there is none."""
        wanted = plain.casefold()
        return next((term for term, word in self.plain_words.items() if word.casefold() == wanted), plain)

    def sentence(self, name: str) -> str:
        """What a word, a plain word or a number's name says; empty for what nobody wrote down."""
        for word in (name, self.term(name)):
            if (known := self._terms.get(word.casefold())) is not None and known in self.words:
                return self.words[known]
        if name in self.sentences:
            return self.sentences[name]
        last = name.rpartition(".")[2]
        if last in METRICS:
            return self.words[METRICS[last].label]
        return next((text for pattern, text in self.sentences.items() if fnmatchcase(name, pattern)), "")

    def mark(self, text: str) -> tuple[Piece, ...]:
        """The text in pieces, each a word of the vocabulary or what stands between; joined they are the text.

        The longest word wins; an ending s counts as the word. Nothing is escaped: that is the template's work.
        """
        pieces, at = [], 0
        for found in self._pattern.finditer(text):
            if found.start() > at:
                pieces.append(Piece(text=text[at : found.start()]))
            shown = found.group()
            word = self._terms.get(shown.casefold()) or self._terms[shown[:-1].casefold()]
            pieces.append(Piece(text=shown, word=word))
            at = found.end()
        return (*pieces, Piece(text=text[at:])) if at < len(text) or not pieces else tuple(pieces)

    @cached_property
    def _terms(self) -> dict[str, str]:
        return {word.casefold(): word for word in (*self.plain_words, *self.words)}

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        longest = sorted(self.words, key=len, reverse=True)
        return re.compile(rf"(?<![\w.-])(?:{'|'.join(map(re.escape, longest))})s?(?![\w-]|\.\w)", re.IGNORECASE)


@cache
def vocabulary() -> Vocabulary:
    """The vocabulary, read once."""
    found = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    metrics = {metric.label: f"{metric.sentence[0].upper()}{metric.sentence[1:]}." for metric in METRICS.values()}
    return Vocabulary(
        words={**metrics, **found["words"]},
        plain_words=found["plain"],
        labels=found["labels"],
        sentences=found["sentences"],
    )


def plain(term: str) -> str:
    """What the business says for a term or a number's name."""
    return vocabulary().plain(term)


def term(plain: str) -> str:
    """The term behind a plain word."""
    return vocabulary().term(plain)


def sentence(name: str) -> str:
    """What a word, a plain word or a number says; empty where nothing is written down."""
    return vocabulary().sentence(name)


def mark(text: str) -> tuple[Piece, ...]:
    """A text split into words of the vocabulary and what stands between them."""
    return vocabulary().mark(text)
