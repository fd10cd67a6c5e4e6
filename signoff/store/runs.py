"""Runs, and those that a kill left behind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, or_, select, update

from signoff.core.errors import ConflictError
from signoff.core.record import Moment, now
from signoff.core.run import Run, RunState
from signoff.store.parts import Part, as_text
from signoff.store.schema import runs


class RunTable(Part):
    """The runs of a project, newest first."""

    def start_run(self, run: Run) -> Run:
        """Record a run that begins in this workspace.

        Raises:
            ConflictError: there is another run of this id.
        """
        with self.database.writing() as connection:
            if connection.execute(select(runs.c.id).where(*self._run(run.id))).first():
                raise ConflictError(f"a run {run.id} exists already", where=self.database.where)
            connection.execute(
                insert(runs).values(
                    project=self.project,
                    id=run.id,
                    place=self.place,
                    state=run.state.value,
                    started=run.started.isoformat(),
                    record=as_text(run),
                )
            )
        return run

    def finish_run(
        self,
        run_id: str,
        state: RunState,
        *,
        candidate: str | None = None,
        review: str | None = None,
        message: str = "",
        ended: Moment | None = None,
    ) -> Run:
        """Record where a run stands now; every state but running has an end.

        Raises:
            NotFoundError: there is no such run.
        """
        with self.database.writing() as connection:
            run = self.run(run_id)
            changed = run.model_copy(
                update={
                    "state": state,
                    "ended": None if state is RunState.RUNNING else ended or now(),
                    "candidate": candidate or run.candidate,
                    "review": review or run.review,
                    "message": message,
                }
            )
            connection.execute(
                update(runs).where(*self._run(run_id)).values(state=state.value, record=as_text(changed))
            )
        return changed

    def run(self, run_id: str) -> Run:
        """One run.

        Raises:
            NotFoundError: there is no such run.
        """
        return self._one(runs, Run, "run", run_id, next_step="signoff status")

    def runs(
        self,
        *,
        limit: int | None = None,
        state: RunState | None = None,
        flows: Sequence[str] = (),
        since: Moment | None = None,
        here: bool = False,
    ) -> tuple[Run, ...]:
        """Runs from the newest to the oldest; of some flows, begun at a moment or later, or in this workspace."""
        query = select(runs.c.record).where(runs.c.project == self.project)
        if state is not None:
            query = query.where(runs.c.state == state.value)
        if here:
            query = query.where(runs.c.place == self.place)
        if since is not None:
            query = query.where(runs.c.started >= since.isoformat())
        if flows:
            # Quotes inside of a text are escaped, so that only the key itself reads like this.
            query = query.where(or_(*(runs.c.record.contains(f'"flow":"{name}"', autoescape=True) for name in flows)))
        with self.database.reading() as connection:
            rows = connection.execute(query.order_by(runs.c.started.desc(), runs.c.id.desc()).limit(limit)).all()
        return tuple(self._read(Run, row.record, "a run") for row in rows)

    def interrupt_running_runs(self, message: str = "the process ended before the run did") -> tuple[Run, ...]:
        """Mark what a killed process of this workspace left running.

        The caller holds the workspace's lock, so that no run of it can be alive.
        """
        left = select(runs.c.id).where(
            runs.c.project == self.project, runs.c.place == self.place, runs.c.state == RunState.RUNNING.value
        )
        with self.database.writing() as connection:
            ids = connection.execute(left).scalars().all()
            return tuple(self.finish_run(run_id, RunState.INTERRUPTED, message=message) for run_id in ids)

    def _run(self, run_id: str) -> tuple[Any, Any]:
        return runs.c.project == self.project, runs.c.id == run_id
