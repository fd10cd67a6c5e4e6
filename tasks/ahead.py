"""Load in a spare moment what the stages need: tools take seconds to import, and a run waits for its server."""

from __future__ import annotations

from collections.abc import Iterator

from signoff.core.paths import Paths
from signoff.core.run import Request


def worth_loading(paths: Paths, request: Request) -> Iterator[str]:
    """What the coming run is going to need, soonest first: stages only if it is a first one or has another clock.

    Yields:
        Names of modules.
    """
    yield "signoff.workspace.ahead"
    if request != Request() or not (paths.root / "dvc.lock").exists():
        yield from ("signoff.sources", "expectations.engine", "expectations.proposal")
