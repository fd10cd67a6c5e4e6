"""Which contender is chosen, by a rule that can be said in one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from models.search.families import family_of
from models.search.history import Attempt
from signoff.core.errors import StageError
from signoff.core.metrics import Metric
from signoff.core.search import Contender, ContenderKind

_KINDS: dict[str, ContenderKind] = {"baseline": "baseline", "linear": "glassbox"}


@dataclass(frozen=True)
class Choice:
    """The attempt that becomes the recipe, the leaderboard's lines, and the rule."""

    attempt: Attempt
    contenders: tuple[Contender, ...]
    rule: str


def choose(attempts: Sequence[Attempt], metric: Metric, pinned: str | None) -> Choice:
    """Choose one attempt.

    Something simpler than the best, a baseline or a glass box and not one kind of trees beside another, is taken where
    it is not clearly beaten. The margin is the one-standard-error rule (Breiman, Friedman, Olshen and Stone,
    Classification and Regression Trees, 1984, section 3.4.3), on the differences of the same folds, since all attempts
    saw the same rows.

    Args:
        attempts: finished attempts on the same folds.
        metric: what they were scored by.
        pinned: the family that a person asked for, if one did.

    Raises:
        StageError: no family, or none beside the baseline, has a complete attempt although one was tried.
    """
    complete = [attempt for attempt in attempts if attempt.result.state == "complete"]
    families = sorted({attempt.order.family for attempt in complete}, key=lambda name: family_of(name).rank)
    tried = {attempt.order.family for attempt in attempts}
    if not families or (families == ["baseline"] and tried != {"baseline"}) or (pinned and pinned not in families):
        raise _nothing_to_choose(attempts, pinned)
    entries = [_contender(name, complete, metric) for name in families]
    best = max(entries, key=lambda attempt: _good(attempt, metric))
    allowed = [entry for entry in entries if pinned in (None, entry.order.family)]
    near = (entry for entry in allowed if entry is best or (_simple(entry) and not clearly_better(best, entry, metric)))
    chosen = next(near, allowed[-1])
    lines = [_line(entry, entry is chosen) for entry in sorted(entries, key=lambda a: _good(a, metric), reverse=True)]
    return Choice(chosen, tuple(lines), _rule(metric, pinned))


def clearly_better(one: Attempt, other: Attempt, metric: Metric) -> bool:
    """Whether `one` is ahead of `other` by more than one standard error of their paired fold differences."""
    sign = 1 if metric.greater_is_better else -1
    pairs = zip(one.result.fold_scores, other.result.fold_scores, strict=True)
    ahead = [sign * (mine - theirs) for mine, theirs in pairs]
    error = stdev(ahead) / len(ahead) ** 0.5 if len(ahead) > 1 else 0.0
    return fmean(ahead) > error


def is_default(attempt: Attempt) -> bool:
    """Whether the attempt used its family's first parameters."""
    return attempt.order.parameters == family_of(attempt.order.family).defaults


def _simple(attempt: Attempt) -> bool:
    return _KINDS.get(attempt.order.family, "automatic") != "automatic"


def _contender(name: str, complete: Sequence[Attempt], metric: Metric) -> Attempt:
    """The best tuned attempt of a family if it clearly beats the family's defaults, else the defaults."""
    own = [attempt for attempt in complete if attempt.order.family == name]
    best = max(own, key=lambda attempt: (_good(attempt, metric), -attempt.order.number))
    default = next((attempt for attempt in own if is_default(attempt)), None)
    return best if default is None or clearly_better(best, default, metric) else default


def _good(attempt: Attempt, metric: Metric) -> float:
    score = fmean(attempt.result.fold_scores)
    return score if metric.greater_is_better else -score


def _line(attempt: Attempt, chosen: bool) -> Contender:
    family = attempt.order.family
    how = "defaults" if is_default(attempt) else "tuned"
    return Contender(
        name=f"{family}, {how}" if family_of(family).space else family,
        kind=_KINDS.get(family, "automatic"),
        family=family,
        trial=attempt.order.number,
        score=fmean(attempt.result.fold_scores),
        fold_scores=attempt.result.fold_scores,
        chosen=chosen,
    )


def _rule(metric: Metric, pinned: str | None) -> str:
    direction = "highest" if metric.greater_is_better else "lowest"
    margin = "by more than one standard error of the differences on the same folds"
    if pinned:
        return f"A person asked for {pinned}: its defaults, unless tuning beats their mean {metric.label} {margin}."
    return (
        f"The {direction} mean {metric.label} over the folds wins, but a family's defaults give way to tuning, and "
        f"baseline and linear to anything else, only when beaten {margin}."
    )


def _nothing_to_choose(attempts: Sequence[Attempt], pinned: str | None) -> StageError:
    failed = [a for a in attempts if a.order.family != "baseline" and a.result.state != "complete"]
    reasons = {f"{a.order.family}: {a.result.state} ({a.result.reason})" for a in failed}
    states = {attempt.result.state for attempt in failed} or {"timeout"}
    advice = {"timeout": "give search.budget more seconds", "memory": "give search.budget more memory_mb"}
    known = [advice[state] for state in sorted(states) if state in advice]
    return StageError(
        f"no trial of {pinned} was completed" if pinned else "no trial was completed, the baseline's aside",
        got="; ".join(sorted(reasons)) or "no trial at all",
        next_step=" or ".join(known) or "look at features.yaml and at the columns that the reasons name",
    )
