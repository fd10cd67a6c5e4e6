"""`signoff announce`: test the addresses, look at the outbox, send what is due."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

from signoff.commands.output import print_json, root_of
from signoff.core.notice import NoticeState
from signoff.core.paths import Paths
from signoff.core.settings import Project
from signoff.core.settings_file import load_project
from signoff.store import Store, open_store

STATES: dict[NoticeState, str] = {
    "new": "to tell",
    "spread": "noted",
    "waiting": "waiting",
    "claimed": "sending",
    "done": "sent",
    "given-up": "given up",
    "dropped": "address gone",
}
"""What the outbox calls a state; one that is noted has a line for each address below or above it."""
NOBODY = "nobody is told anything: signoff.yaml has no announce section\nnext: add one (docs/announcements.md)\n"
UNSENT = 5
"""Exit code where a message was not taken."""


def send_test(workspace: Path, as_json: bool) -> int:
    """One message to each address; exit code 5 when one of them did not take it."""
    from signoff import announce

    project, store = _opened(workspace)
    with closing(store):
        tried = []
        for one in announce.send_test(store, project):
            tried.append(one)
            if not as_json:
                sys.stdout.write(f"{'ok ' if one.done else 'BAD'}  {one.channel:8} {one.to}: {one.answer}\n")
                sys.stdout.flush()
    if as_json:
        print_json({"tried": [one.as_json() for one in tried]})
    elif not tried:
        sys.stdout.write(NOBODY)
    return 0 if all(one.done for one in tried) else UNSENT


def list_notices(workspace: Path, limit: int, as_json: bool) -> None:
    """The outbox, the newest first."""
    _, store = _opened(workspace)
    with closing(store):
        notices = store.notices(limit=limit)
    if as_json:
        print_json({"notices": [notice.model_dump(mode="json", exclude={"claim"}) for notice in notices]})
        return
    if not notices:
        sys.stdout.write("nothing was announced yet\n")
    for one in notices:
        about = one.review or one.about[:24]
        answer = f" ({one.error})" if one.error else ""
        tries = f", {one.attempts} tries" if one.attempts > 1 else ""
        to = f" to {one.to}" if one.to else ""
        sys.stdout.write(f"{one.due:%Y-%m-%d %H:%M}  {STATES[one.state]:12} {one.kind:10} {about}{to}{tries}{answer}\n")


def send_now(workspace: Path, seconds: float, as_json: bool) -> int:
    """Send what is due; exit code 5 when something was not taken."""
    from signoff.announce import send_due

    project, store = _opened(workspace)
    with closing(store):
        sent = send_due(store, project, seconds=seconds)
    if as_json:
        print_json(sent.as_json())
    else:
        sys.stdout.write(f"{sent.done} sent, {sent.failed} to be tried again, {sent.given_up} given up\n")
    return UNSENT if sent.failed or sent.given_up else 0


def _opened(workspace: Path) -> tuple[Project, Store]:
    root = root_of(workspace)
    project = load_project(root)
    return project, open_store(project, Paths(root))
