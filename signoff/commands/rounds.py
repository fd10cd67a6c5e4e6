"""What the console does by itself every half minute: what was decided and not begun, what ends by time, who is told."""

from __future__ import annotations

import fcntl
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from signoff.access.retention import forget_old
from signoff.announce import send_due
from signoff.commands.launching import Launcher
from signoff.commands.settling import settle_left
from signoff.console.home import Home
from signoff.core.errors import SignoffError
from signoff.core.files import write_json
from signoff.core.record import now
from signoff.gates import expire_reviews
from signoff.gates.following import pending_steps
from signoff.gates.pointer import mend_pointer

log = logging.getLogger("signoff.console")
EVERY_SECONDS = 30.0
FORGET_SECONDS = 6 * 3600
TROUBLE = "rounds.json"
"""In .signoff: when the last round ended and what it could not do; `signoff doctor` reads it."""


class Rounds:
    """One thread that goes round all projects of the console whose workspace is on this machine."""

    def __init__(self, home: Home, launcher: Launcher, every_seconds: float = EVERY_SECONDS) -> None:
        self._home = home
        self._launcher = launcher
        self._every = every_seconds
        self._ended = threading.Event()
        self._forgot: float | None = None
        self._thread = threading.Thread(target=self._run, name="rounds", daemon=True)

    def start(self) -> None:
        """Begin, with a round at once: what a killed console left is taken up now."""
        self._thread.start()

    def stop(self) -> None:
        """End after the round that is on its way."""
        self._ended.set()
        self._thread.join(20)

    def once(self) -> tuple[str, ...]:
        """One round; a sentence for each thing that could not be done."""
        self._launcher.reap()
        self._forget()
        troubles: list[str] = []
        for place in self._home.projects():
            if self._ended.is_set():
                break
            if place.root is None or not Path(place.root).is_dir():
                continue
            try:
                self._visit(place.name)
            except SignoffError as error:
                troubles.append(f"{place.name}: {error.sentence()}")
            except Exception as error:
                # One project's defect must not keep the others waiting; it is told like any other trouble.
                log.exception("the round of %s broke", place.name)
                troubles.append(f"{place.name}: {type(error).__name__}: {error}")
        return tuple(troubles)

    def _visit(self, project: str) -> None:
        desk = self._home.desk(project)
        with _alone(desk.paths.state) as mine:
            if not mine:
                return
            settle_left(desk)
            expire_reviews(desk)
            for step in pending_steps(desk):
                process = self._launcher.begin(desk, step)
                if process is not None:
                    log.info("%s: the %s that nobody had begun was started, process %d", project, step.flow, process)
            send_due(desk.store, desk.project)
            if mend_pointer(desk):
                log.warning("%s: a refusal that a kill had cut off now counts in decisions/release.json too", project)

    def _forget(self) -> None:
        """The access log by its days: at the first round, and then a few times a day."""
        if self._forgot is not None and time.monotonic() - self._forgot < FORGET_SECONDS:
            return
        removed = forget_old(self._home.accounts, self._home.settings.access_log_days, now())
        self._forgot = time.monotonic()
        if removed:
            log.info("%d notes of the access log were older than they are kept", removed)

    def _run(self) -> None:
        told: tuple[str, ...] = ()
        while not self._ended.is_set():
            try:
                troubles = self.once()
                self._note(troubles)
            except SignoffError as error:
                troubles = (error.sentence(),)
            for trouble in troubles:
                if trouble not in told:
                    log.error("round: %s", trouble)
            told = troubles
            self._ended.wait(self._every)

    def _note(self, troubles: tuple[str, ...]) -> None:
        state = {"ended": now().isoformat(), "troubles": list(troubles)}
        write_json(self._home.paths.state / TROUBLE, state)


@contextmanager
def _alone(state: Path) -> Iterator[bool]:
    """Whether this is the only console that looks after a workspace now."""
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (state / "rounds.lock").open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
