"""Trials that outlive the process: an Optuna study per set of inputs, in SQLite or any database Optuna knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna

from models.search.families import Family, OneOf, Real, Whole, family_of
from models.search.orders import Order, Result
from signoff.core.environment import resolve
from signoff.core.errors import SettingsError, WorkspaceError
from signoff.core.record import Record
from signoff.core.search import Trial

STATES = {"complete": optuna.trial.TrialState.COMPLETE, "pruned": optuna.trial.TrialState.PRUNED}


class Attempt(Record):
    """A finished trial: what was ordered, what came of it, and the search seconds gone by then."""

    order: Order
    result: Result
    spent_seconds: float = 0.0

    def as_trial(self) -> Trial:
        """The public record of it."""
        order, result = self.order, self.result
        return Trial(
            number=order.number,
            family=order.family,
            state=result.state,
            parameters=order.parameters,
            fold_scores=result.fold_scores,
            score=result.score,
            seconds=result.seconds,
            reason=result.reason,
        )


class History:
    """The attempts of one study, in the order of their numbers, on disk as soon as they are known."""

    def __init__(self, study: optuna.Study) -> None:
        self._study = study
        stored = (trial.user_attrs["attempt"] for trial in study.get_trials(deepcopy=False))
        self._attempts = {attempt.order.number: attempt for attempt in map(Attempt.model_validate_json, stored)}

    @property
    def attempts(self) -> list[Attempt]:
        """All attempts, by number."""
        return [self._attempts[number] for number in sorted(self._attempts)]

    @property
    def spent_seconds(self) -> float:
        """Search seconds that earlier passes over this study took."""
        closed = float(self._study.user_attrs.get("spent_seconds", 0.0))
        return max(closed, max((attempt.spent_seconds for attempt in self._attempts.values()), default=0.0))

    def close_passage(self, spent_seconds: float) -> None:
        """Note that a passage ended by itself, and what all passages have used."""
        with readable(None):
            self._study.set_user_attr("spent_seconds", spent_seconds)

    def add(self, attempt: Attempt) -> None:
        """Keep an attempt; it is in the database when this returns."""
        self._attempts[attempt.order.number] = attempt
        frozen = as_optuna(attempt)
        frozen.user_attrs = {**frozen.user_attrs, "attempt": attempt.model_dump_json()}
        with readable(None):
            self._study.add_trial(frozen)


def as_optuna(attempt: Attempt) -> optuna.trial.FrozenTrial:
    """An attempt as Optuna's samplers and its dashboard know trials; parameter names carry the family."""
    order, result = attempt.order, attempt.result
    family = family_of(order.family)
    space = {f"{family.name}.{name}": kind for name, kind in distributions(family).items()}
    return optuna.trial.create_trial(
        state=STATES.get(result.state, optuna.trial.TrialState.FAIL),
        value=result.score,
        params={name: order.parameters[name.partition(".")[2]] for name in space},
        distributions=space,
        intermediate_values=dict(enumerate(result.fold_scores)),
        user_attrs={"family": family.name, "state": result.state, "reason": result.reason},
    )


def distributions(family: Family) -> dict[str, Any]:
    """The family's space in Optuna's terms."""
    return {name: _distribution(part) for name, part in family.space.items()}


def _distribution(part: Whole | Real | OneOf) -> Any:
    if isinstance(part, Whole):
        return optuna.distributions.IntDistribution(part.low, part.high, log=part.log)
    if isinstance(part, Real):
        return optuna.distributions.FloatDistribution(part.low, part.high, log=part.log)
    return optuna.distributions.CategoricalDistribution(part.values)


def open_history(name: str, database: str | None, folder: Path, greater_is_better: bool) -> History:
    """The study of that name, made when it is new.

    Args:
        name: study name; whoever uses the same name has the same inputs.
        database: SQLAlchemy address or `env:NAME`; a SQLite file in `folder` when None.
        folder: where embedded state is kept.
        greater_is_better: direction of the metric.

    Raises:
        SettingsError: the database cannot be reached.
        WorkspaceError: the embedded database is damaged or may not be written.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    address = resolve(database) if database else None
    if database and not address:
        raise SettingsError(f"state.optuna_database names {database!r}, which is not set", where="signoff.yaml")
    with readable(None if address else folder / "optuna.db"):
        if not address:
            folder.mkdir(parents=True, exist_ok=True)
        storage = optuna.storages.RDBStorage(address or f"sqlite:///{(folder / 'optuna.db').resolve()}")
        study = optuna.create_study(
            storage=storage,
            study_name=name,
            load_if_exists=True,
            direction="maximize" if greater_is_better else "minimize",
        )
        return History(study)


@contextmanager
def readable(file: Path | None) -> Iterator[None]:
    """Turn what Optuna and its database raise into our errors."""
    try:
        yield
    except (optuna.exceptions.OptunaError, OSError, ImportError) as error:
        raise _explained(error, file) from error
    except Exception as error:
        # SQLAlchemy's errors pass through Optuna; they are known by their module, which only store may import.
        if not type(error).__module__.startswith("sqlalchemy"):
            raise
        raise _explained(error, file) from error


def _explained(error: Exception, file: Path | None) -> WorkspaceError | SettingsError:
    got = _root_of(error).splitlines()[0]
    if file is None:
        return SettingsError("the database of trials cannot be used", where="state.optuna_database", got=got)
    next_step = f"make room for {file.name}, or make it writable, then run again"
    if any(word in got for word in ("malformed", "not a database", "corrupt", "no such table")):
        next_step = f"remove {file.name} (its trials are lost), then run again"
    return WorkspaceError("the database of trials cannot be used", where=str(file), got=got, next_step=next_step)


def _root_of(error: BaseException) -> str:
    """What the database itself said: Optuna wraps it in advice of its own."""
    while (before := error.__cause__ or error.__context__) is not None:
        error = before
    return str(error) or type(error).__name__
