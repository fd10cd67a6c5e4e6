"""The one vocabulary: both ways, and no number of any evidence without a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from signoff.core.evidence import EvidenceSet, Value
from signoff.core.metrics import METRICS
from signoff.core.vocabulary import mark, plain, sentence, term, vocabulary
from tasks.evaluate import evaluate
from tests.evaluation_workspace import fitted, settings, timed, workspace


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_no_number_of_the_evidence_lacks_its_sentence(tmp_path: Path, task: str) -> None:
    sections = timed() if task == "binary" else {}
    sections["data"] = {**sections.get("data", settings(task)["data"]), "sensitive": ["shop"]}
    context = workspace(tmp_path / "w", task, **sections)
    fitted(context, "baseline", folder=context.paths.champion / "model")
    evaluate(context)
    evidence = EvidenceSet.model_validate_json(context.paths.evidence.read_text())
    lacking = [name for name in evidence.values() if not sentence(name)]
    assert lacking == []
    unnamed = [name for name in evidence.values() if not vocabulary().label(name).strip()]
    assert unnamed == []


def test_every_metric_and_every_label_has_a_plain_word_and_a_sentence() -> None:
    for metric in METRICS.values():
        assert plain(metric.label) != metric.label
        assert term(plain(metric.label)) == metric.label
        assert sentence(f"holdout.{metric.name}") == vocabulary().words[metric.label]
        assert plain(f"holdout.{metric.name}") == plain(metric.label)
    for name in vocabulary().labels:
        Value(name=name, value=0)
        assert sentence(name), name


def test_plain_words_go_both_ways_and_each_has_a_sentence() -> None:
    found = vocabulary().plain_words
    assert len({word.casefold() for word in found.values()}) == len(found)
    for word, said in found.items():
        assert (plain(word), term(said)) == (said, word)
        assert sentence(said) == sentence(word) != ""
    assert (plain("something new"), term("something new"), sentence("something.new")) == (
        "something new", "something new", ""
    )  # fmt: skip
    assert plain("champion.delta") == "lead over the model that answers now"


def test_every_sentence_is_one() -> None:
    for text in (*vocabulary().words.values(), *vocabulary().sentences.values()):
        assert text[0].isupper(), text
        assert text.endswith("."), text


def test_a_text_is_split_and_joined_again() -> None:
    text = "The champion's calibration gap <b>; thresholds and ROC AUC, holdout.bias, unchampioned."
    pieces = mark(text)
    assert "".join(piece.text for piece in pieces) == text
    assert [(piece.text, piece.word) for piece in pieces if piece.word] == [
        ("champion", "champion"),
        ("calibration gap", "calibration gap"),
        ("thresholds", "threshold"),
        ("ROC AUC", "ROC AUC"),
    ]
    assert [piece.text for piece in mark("")] == [""]
    assert mark("Slices")[0].word == "slice"
    assert [piece.word for piece in mark("BIAS")] == ["bias"]
