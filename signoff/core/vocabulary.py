"""The one vocabulary: a plain sentence for each word, and a label for each number, on every screen."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml

from signoff.core.metrics import METRICS
from signoff.core.record import Record

FILE = Path(__file__).with_name("vocabulary.yaml")


class Vocabulary(Record):
    """Words and labels as vocabulary.yaml has them, the metrics' own added."""

    words: dict[str, str]
    labels: dict[str, str]

    def label(self, name: str) -> str:
        """What people call the number `name`: its label, its metric's, or its last part in words."""
        if name in self.labels:
            return self.labels[name]
        prefix, _, last = name.rpartition(".")
        if last in METRICS:
            whose = {"holdout": "", "champion": " of the champion", "baseline": " of the baseline"}
            return METRICS[last].label + whose.get(prefix, f" ({prefix})")
        return last.replace("_", " ")


@cache
def vocabulary() -> Vocabulary:
    """The vocabulary, read once."""
    found = Vocabulary.model_validate(yaml.safe_load(FILE.read_text(encoding="utf-8")))
    metrics = {metric.label: f"{metric.sentence[0].upper()}{metric.sentence[1:]}." for metric in METRICS.values()}
    return Vocabulary(words={**metrics, **found.words}, labels=found.labels)
