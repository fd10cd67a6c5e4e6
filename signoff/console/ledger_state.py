"""Whether each ledger holds, and what serves by it: checked in the background, kept with the head of its chain."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from signoff.console.home import Home
from signoff.core.decision import Finding
from signoff.core.errors import SignoffError
from signoff.core.record import Moment, Record, now
from signoff.ledger import verify

FRESH = timedelta(minutes=5)
"""Files can be bent without a new entry, so a whole ledger is looked at again after this long."""


class Checked(Record):
    """What the last check of a ledger found."""

    sequence: int
    hash: str
    when: Moment
    seconds: float
    findings: tuple[Finding, ...] = ()
    problem: str = ""
    """Why it could not be checked; empty when it was."""

    @property
    def whole(self) -> bool:
        """Whether everything holds."""
        return not self.findings and not self.problem


class Watch:
    """The last check of each ledger of one console; one is checked at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._one = threading.Lock()
        self._known: dict[tuple[str, str], Checked] = {}
        self._under_way: set[tuple[str, str]] = set()

    def look(self, home: Home, project: str, head: tuple[int, str], *, anew: bool = False) -> Checked | None:
        """What is known of a ledger; starts a check where that is older than its head, or than FRESH.

        Returns:
            The last check, which may be of an earlier head; None where the first is under way.
        """
        key = (str(home.accounts.database.url), project)
        with self._lock:
            known = self._known.get(key)
            due = anew or known is None or known.hash != head[1] or now() - known.when > FRESH
            if due and key not in self._under_way:
                self._under_way.add(key)
                threading.Thread(target=self._check, args=(home, key, head), daemon=True).start()
        return known

    def under_way(self, home: Home, project: str) -> bool:
        """Whether a check is being made."""
        return (str(home.accounts.database.url), project) in self._under_way

    def _check(self, home: Home, key: tuple[str, str], head: tuple[int, str]) -> None:
        try:
            with self._one:
                found = _verified(home, key[1], head)
            with self._lock:
                self._known[key] = found
        finally:
            with self._lock:
                self._under_way.discard(key)


def _verified(home: Home, project: str, head: tuple[int, str]) -> Checked:
    began: datetime = now()
    findings, problem = list[Finding](), ""
    try:
        desk = home.desk(project)
        findings = home.judge(desk.paths.root) if home.judge else verify(desk.paths, desk.store)
    except SignoffError as error:
        problem = error.sentence()
    seconds = (now() - began).total_seconds()
    return Checked(
        sequence=head[0], hash=head[1], when=now(), seconds=seconds, findings=tuple(findings[:200]), problem=problem
    )


WATCH = Watch()
