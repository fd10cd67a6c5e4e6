"""The parts of the search on plain records: spaces, schedules, the rule of choice, thresholds and scores."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics as sk

from models.search.choice import choose
from models.search.families import OneOf, Whole, family_of
from models.search.history import Attempt, as_optuna, open_history
from models.search.orders import Order, Result
from models.search.proposals import BATCH, Proposer
from models.search.schedule import BySeconds, ByTrials
from models.search.scores import best_threshold, fold_score
from signoff.core.errors import SettingsError, StageError, WorkspaceError
from signoff.core.metrics import METRICS
from signoff.core.settings import FAMILIES, ErrorCost, Task

PROPOSER = Proposer(tuple(family_of(name) for name in FAMILIES), True, 3)


def attempt(number: int, family: str, *scores: float, state: str = "complete", **changed: object) -> Attempt:
    parameters = {**family_of(family).defaults, **changed}
    result = Result.model_validate({"number": number, "state": state, "fold_scores": scores, "seconds": 1.0})
    return Attempt(order=Order(number=number, family=family, parameters=parameters), result=result)


def play(schedule: ByTrials, known: list[Attempt], width: int) -> list[Attempt]:
    """Run a schedule with `width` workers that answer last-in first-out; scores come from the parameters alone."""
    attempts, running = list(known), []
    while True:
        while len(running) < width and (order := schedule.next_order(attempts, running)):
            running.append(order)
        if not running:
            return sorted(attempts, key=lambda one: one.order.number)
        order = running.pop()
        score = (hash(tuple(sorted(order.parameters.values(), key=str))) % 1000) / 1000 if order.parameters else 0.1
        result = Result(number=order.number, state="complete", fold_scores=(score, score / 2, score / 3))
        attempts.append(Attempt(order=order, result=result))


@pytest.mark.parametrize("name", FAMILIES)
def test_defaults_lie_inside_the_space_and_build_an_estimator(name: str) -> None:
    family = family_of(name)
    as_optuna(attempt(0, name, 0.5))
    assert set(family.space) <= set(family.defaults)
    for key, part in family.space.items():
        value = family.defaults[key]
        assert part.low <= value <= part.high, key
        assert isinstance(value, int) == isinstance(part, Whole), key
    for task in Task:
        assert hasattr(family.estimator(family.defaults, task, 0), "fit")


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(SettingsError, match="did you mean 'lightgbm'"):
        family_of("lightbgm")


def test_trials_are_the_same_for_any_number_of_workers_and_after_any_interruption() -> None:
    whole = play(ByTrials(PROPOSER, 16), [], 1)
    assert [one.order.number for one in whole] == list(range(16))
    assert [one.order.family for one in whole[:5]] == [family.name for family in PROPOSER.defaults()]
    assert play(ByTrials(PROPOSER, 16), [], 3) == whole
    for kept in ([0], [2, 0], [0, 1, 2, 3, 4, 6], [*range(5 + BATCH), 5 + BATCH + 2]):
        assert play(ByTrials(PROPOSER, 16), [whole[number] for number in kept], 2) == whole
    assert play(ByTrials(PROPOSER, 11), [], 2) == whole[:11]


def test_another_seed_proposes_other_parameters() -> None:
    other = Proposer(PROPOSER.families, True, 4)
    one, two = (play(ByTrials(proposer, 30), [], 1) for proposer in (PROPOSER, other))
    assert one[:5] == two[:5]
    assert one[-5:] != two[-5:]


def test_each_start_of_a_family_is_tried_once_before_its_sampler_proposes() -> None:
    whole = [one.order for one in play(ByTrials(PROPOSER, 40), [], 2)]
    for family in PROPOSER.families:
        own = [order.parameters for order in whole if order.family == family.name]
        starts = [{**family.defaults, **start} for start in family.starts]
        assert own[: 1 + len(starts)] == [family.defaults, *starts][: len(own)]
        assert not [parameters for parameters in own[1 + len(starts) :] if parameters in starts]
    assert max(sum(order.family == family.name for order in whole) for family in PROPOSER.families) > 5


@pytest.mark.parametrize("name", FAMILIES)
def test_starts_lie_inside_the_space(name: str) -> None:
    family = family_of(name)
    for start in family.starts:
        for key, value in start.items():
            space = family.space[key]
            assert not isinstance(space, OneOf)
            assert space.low <= value <= space.high


def test_by_seconds_no_start_is_made_twice() -> None:
    known = [attempt(n, family.name, 0.5, 0.6) for n, family in enumerate(PROPOSER.defaults())]
    schedule = BySeconds(PROPOSER, time.monotonic() + 1000)
    running: list[Order] = []
    for _ in range(8):
        order = schedule.next_order(known, running)
        assert order is not None
        running.append(order)
    assert len({repr(order.parameters) for order in running}) == 8


def test_turns_go_by_rank_and_failed_families_get_none() -> None:
    known = [
        attempt(0, "lightgbm", 0.8, 0.8),
        attempt(1, "linear", 0.7, 0.7),
        attempt(2, "extra_trees", state="failed"),
    ]
    turns: list[str] = []
    for _ in range(6):
        family = PROPOSER.next_family(known, turns)
        assert family is not None
        turns.append(family.name)
    assert turns.count("lightgbm") == 4
    assert turns.count("linear") == 2


def test_a_weak_first_fold_is_cut_by_the_median_of_the_family() -> None:
    known = [
        attempt(n, "linear", score, 0.9, regularisation=float(n)) for n, score in enumerate((0.1, 0.2, 0.4, 0.6), 1)
    ]
    assert PROPOSER.tuned_order(9, family_of("linear"), known).cutoff == pytest.approx(0.3)
    assert PROPOSER.tuned_order(9, family_of("linear"), known[:3]).cutoff is None


def test_no_trial_is_begun_that_cannot_end_in_time() -> None:
    known = [attempt(n, family.name, 0.5, 0.6) for n, family in enumerate(PROPOSER.defaults())]
    assert BySeconds(PROPOSER, time.monotonic() + 100).next_order(known, []) is not None
    assert BySeconds(PROPOSER, time.monotonic() + 0.5).next_order(known, []) is None


def test_a_default_that_ran_out_of_time_is_tried_again_with_more() -> None:
    known = [attempt(0, "baseline", 0.5), attempt(1, "linear", state="timeout")]
    order = BySeconds(PROPOSER, time.monotonic() + 100).next_order(known, [])
    assert order == PROPOSER.default_order(2, family_of("linear"))


def test_tuning_and_complexity_need_a_margin() -> None:
    base = attempt(0, "baseline", 0.5, 0.5, 0.5)
    linear = attempt(1, "linear", 0.70, 0.72, 0.71)
    default = attempt(2, "lightgbm", 0.71, 0.70, 0.73)
    tuned = attempt(3, "lightgbm", 0.74, 0.70, 0.72, num_leaves=7)
    metric = METRICS["roc_auc"]
    choice = choose([base, linear, default, tuned], metric, None)
    assert choice.attempt is linear
    assert [line.name for line in choice.contenders] == ["lightgbm, defaults", "linear, defaults", "baseline"]
    clear = attempt(3, "lightgbm", 0.75, 0.75, 0.76, num_leaves=7)
    choice = choose([base, linear, default, clear], metric, None)
    assert choice.attempt is clear
    assert choice.contenders[0].name == "lightgbm, tuned"
    assert choose([base, linear, default, clear], metric, "linear").attempt is linear


def test_of_two_kinds_of_trees_the_better_mean_wins() -> None:
    metric = METRICS["roc_auc"]
    linear = attempt(0, "linear", 0.60, 0.60, 0.60)
    trees = attempt(1, "extra_trees", 0.71, 0.70, 0.73)
    boosting = attempt(2, "lightgbm", 0.74, 0.70, 0.72)
    choice = choose([linear, trees, boosting], metric, None)
    assert choice.attempt is boosting
    assert "baseline and linear to anything else, only when beaten" in choice.rule
    assert choose([linear, trees, boosting], metric, "extra_trees").attempt is trees


def test_lower_is_better_for_an_error() -> None:
    attempts = [attempt(0, "baseline", 3.0, 3.1), attempt(1, "linear", 1.0, 1.1), attempt(2, "lightgbm", 2.0, 2.1)]
    choice = choose(attempts, METRICS["rmse"], None)
    assert choice.attempt is attempts[1]
    assert [line.family for line in choice.contenders] == ["linear", "lightgbm", "baseline"]


def test_a_baseline_alone_is_no_choice_when_others_were_tried() -> None:
    failed = Result(number=1, state="failed", reason="ValueError: no")
    attempts = [
        attempt(0, "baseline", 0.5),
        Attempt(order=Order(number=1, family="linear", parameters={}), result=failed),
    ]
    with pytest.raises(StageError, match=r"no trial was completed.*linear: failed \(ValueError: no\)"):
        choose(attempts, METRICS["roc_auc"], None)
    assert choose(attempts[:1], METRICS["roc_auc"], None).attempt is attempts[0]
    with pytest.raises(StageError, match="no trial of linear was completed"):
        choose(attempts, METRICS["roc_auc"], "linear")


@pytest.mark.parametrize("cost", [None, ErrorCost(false_positive=1, false_negative=5), ErrorCost(false_positive=9)])
def test_the_threshold_is_the_best_of_all(cost: ErrorCost | None) -> None:
    random = np.random.default_rng(1)
    truth = random.integers(0, 2, 300)
    yes = np.round(np.clip(truth * 0.2 + random.random(300) * 0.8, 0, 1), 2)

    def loss(threshold: float) -> float:
        answer = yes >= threshold
        if cost is None:
            return -float(sk.f1_score(truth, answer))
        return float(
            (answer & (truth == 0)).sum() * cost.false_positive + (~answer & (truth == 1)).sum() * cost.false_negative
        )

    best = min(loss(threshold) for threshold in [*np.unique(yes), 1.1])
    assert loss(best_threshold(truth, yes, cost)) == pytest.approx(best)


def test_a_threshold_keeps_what_it_was_found_on_after_rounding() -> None:
    truth, yes = np.array([0, 1, 1]), np.array([0.29999, 0.30004, 0.30006])
    assert best_threshold(truth, yes, None) == 0.3


def test_scores_are_those_of_scikit_learn() -> None:
    random = np.random.default_rng(2)
    truth, yes = random.integers(0, 2, 200), random.random(200)
    both = np.column_stack([1 - yes, yes])
    assert fold_score("brier", truth, both, 2) == pytest.approx(sk.brier_score_loss(truth, yes))
    assert fold_score("roc_auc", truth, both, 2) == pytest.approx(sk.roc_auc_score(truth, yes))
    assert fold_score("average_precision", truth, both, 2) == pytest.approx(sk.average_precision_score(truth, yes))
    labels = random.integers(0, 3, 200)
    three = random.dirichlet([1, 1, 1], 200)
    answers = three.argmax(axis=1)
    assert fold_score("log_loss", labels, three, 3) == pytest.approx(sk.log_loss(labels, three))
    assert fold_score("accuracy", labels, three, 3) == pytest.approx(sk.accuracy_score(labels, answers))
    assert fold_score("balanced_accuracy", labels, three, 3) == pytest.approx(
        sk.balanced_accuracy_score(labels, answers)
    )
    values, guesses = random.normal(size=200), random.normal(size=200)
    assert fold_score("rmse", values, guesses, 0) == pytest.approx(sk.root_mean_squared_error(values, guesses))
    assert fold_score("mae", values, guesses, 0) == pytest.approx(sk.mean_absolute_error(values, guesses))
    assert fold_score("r2", values, guesses, 0) == pytest.approx(sk.r2_score(values, guesses))


def test_a_damaged_database_of_trials_is_named(tmp_path: Path) -> None:
    (tmp_path / "optuna.db").write_bytes(b"this is no database" * 500)
    with pytest.raises(WorkspaceError, match=r"database of trials cannot be used.*optuna\.db"):
        open_history("x", None, tmp_path, True)
    with pytest.raises(SettingsError, match="NOT_SET_HERE"):
        open_history("x", "env:NOT_SET_HERE", tmp_path, True)
