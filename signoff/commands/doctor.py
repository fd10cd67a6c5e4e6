"""`signoff doctor`: what is broken or missing here, and how to mend it."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from signoff.commands.output import print_json, root_of
from signoff.core.errors import SignoffError
from signoff.core.paths import Paths
from signoff.core.record import Record
from signoff.core.settings import FileSource
from signoff.core.settings_file import load_project

LEAST_FREE_BYTES = 500 * 1024**2


class Symptom(Record):
    """One thing that was looked at."""

    name: str
    ok: bool
    message: str
    next: str = ""


def examine(workspace: Path, as_json: bool) -> int:
    """Look at everything, even where something is broken; exit code 5 when anything is.

    A check that raises a SignoffError is a symptom, not an end.
    """
    root = root_of(workspace)
    symptoms = [found for check in CHECKS for found in _guarded(check, root)]
    ok = all(symptom.ok for symptom in symptoms)
    if as_json:
        print_json({"ok": ok, "symptoms": [symptom.as_json() for symptom in symptoms]})
    else:
        for symptom in symptoms:
            sys.stdout.write(f"{'ok ' if symptom.ok else 'BAD'}  {symptom.name:12} {symptom.message}\n")
            if symptom.next and not symptom.ok:
                sys.stdout.write(f"     {'':12} next: {symptom.next}\n")
    return 0 if ok else 5


def _guarded(check: Callable[[Path], Iterator[Symptom]], root: Path) -> list[Symptom]:
    name = check.__name__.strip("_").replace("_", " ")
    try:
        return list(check(root))
    except SignoffError as error:
        where = f" ({error.where})" if error.where else ""
        got = f": {error.got}" if error.got else ""
        return [Symptom(name=name, ok=False, message=f"{error.what}{where}{got}", next=error.next_step or "")]


def _settings(root: Path) -> Iterator[Symptom]:
    project = load_project(root)
    yield Symptom(name="settings", ok=True, message=f"signoff.yaml describes {project.project}, a {project.task} task")
    for name, source in project.data.sources.items():
        if isinstance(source, FileSource):
            path = root / project.data.folder / source.file
            there = path.is_file() and path.stat().st_size > 0
            message = f"{name}: {source.file}" + ("" if there else " is missing or empty")
            yield Symptom(name="source", ok=there, message=message, next=f"put it at {path}, or dvc pull")


def _disk(root: Path) -> Iterator[Symptom]:
    free = shutil.disk_usage(root).free
    enough = free >= LEAST_FREE_BYTES
    yield Symptom(name="disk", ok=enough, message=f"{free / 1024**3:.1f} GiB free", next="free at least 0.5 GiB")
    writable = os.access(root, os.W_OK)
    yield Symptom(name="folder", ok=writable, message="writable" if writable else "read-only", next=f"chmod u+w {root}")


def _pipeline(root: Path) -> Iterator[Symptom]:
    from signoff.core.stage import STAGES
    from signoff.workspace.git import Git
    from signoff.workspace.pipeline import Pipeline

    git, pipeline = Git(root), Pipeline(root)
    yield Symptom(name="git", ok=git.is_repository(), message=f"HEAD {git.head()[:10]}", next="git init")
    stale = [stage for stage in STAGES if pipeline.stale(stage)]
    if "package" in stale and not Paths(root).release_decision.exists():
        stale[stale.index("package")] = "package (after a release decision)"
    yield Symptom(name="dvc", ok=True, message=f"stages that would run: {', '.join(stale) or 'none'}")
    url = pipeline.remote_url()
    yield Symptom(
        name="remote", ok=url is not None, message=url or "no DVC remote", next="dvc remote add -d storage URL"
    )
    if url is not None and url.startswith("/"):
        there = Path(url).is_dir()
        yield Symptom(
            name="remote",
            ok=there,
            message="reachable" if there else f"{url} is gone",
            next="dvc remote modify storage url URL",
        )


def _lock(root: Path) -> Iterator[Symptom]:
    from signoff.workspace.lock import holder_of

    holder = holder_of(Paths(root).state)
    message = f"held by process {holder.get('pid')}: {holder.get('purpose')}" if holder else "free"
    yield Symptom(name="lock", ok=True, message=message)


def _ledger(root: Path) -> Iterator[Symptom]:
    from signoff.commands.verification import findings_of

    findings = findings_of(root)
    message = f"{findings[0].where}: {findings[0].what}" if findings else "chain, signatures and served digests hold"
    yield Symptom(name="ledger", ok=not findings, message=message, next="signoff verify")


def _key(root: Path) -> Iterator[Symptom]:
    path = Paths(root).state / "keys" / "ledger.key"
    if path.exists():
        private = stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
        yield Symptom(
            name="key",
            ok=private,
            message="readable by its owner alone" if private else "others can read it",
            next=f"chmod 600 {path}",
        )


def _access(root: Path) -> Iterator[Symptom]:
    from signoff.core.account import Grant
    from signoff.store import open_store

    project, state = load_project(root), Paths(root).state
    if project.state.database is None and not (state / "signoff.db").exists():
        return
    with closing(open_store(project, Paths(root))) as store:
        accounts, in_force = store.accounts(), store.accounts_in_force()
    if not in_force:
        who = "the names in signoff.yaml's people" if project.people else "everybody"
        yield Symptom(
            name="access", ok=True, message=f"nobody was named by signoff user add: {who} may decide, unproven"
        )
        return
    ignored = "; people in signoff.yaml counts no more, roles come from accounts" if project.people else ""
    yield Symptom(name="access", ok=True, message=f"{len(accounts)} accounts in force, decisions need a proof{ignored}")
    if not any(Grant(role="admin") in account.grants and not account.disabled for account in accounts):
        yield Symptom(
            name="access", ok=False, message="nobody is admin everywhere", next="signoff user role NAME --grant admin"
        )


def _policy(root: Path) -> Iterator[Symptom]:
    """A policy is kept from its first question on; until then signoff.yaml alone says it."""
    from signoff.core.policy_stricter import keep_stricter
    from signoff.store import open_store

    project, state = load_project(root), Paths(root).state
    policy = project.gates.release
    strict = policy.four_eyes or sum(one.count for one in policy.approvals) > 1 or bool(policy.freeze)
    if not strict or (project.state.database is None and not (state / "signoff.db").exists()):
        return
    with closing(open_store(project, Paths(root))) as store:
        asked = any(not keep_stricter([policy], review.policy).changed for review in store.reviews(gate="release"))
    if not asked:
        told = "no release was asked about under signoff.yaml's policy yet: until then whoever edits it may loosen it"
        yield Symptom(name="policy", ok=True, message=told)


def _announcements(root: Path) -> Iterator[Symptom]:
    from signoff.announce import addresses_of
    from signoff.store import open_store

    project, state = load_project(root), Paths(root).state
    if project.state.database is None and not (state / "signoff.db").exists():
        return
    with closing(open_store(project, Paths(root))) as store:
        addresses, lost = addresses_of(project, store), store.notices(state="given-up", limit=5)
        waiting = [one for one in store.notices(state="waiting") if one.error]
    told = f"{len(addresses)} addresses" if addresses else "nobody is told of reviews"
    yield Symptom(name="announce", ok=True, message=told)
    for one in lost:
        message = f"{one.kind} of {one.review or one.about} never reached {one.to}: {one.error}"
        yield Symptom(name="announce", ok=False, message=message, next="signoff announce test")
    if waiting:
        message = f"{len(waiting)} to be tried again; the last answer of {waiting[0].to}: {waiting[0].error}"
        yield Symptom(name="announce", ok=True, message=message)


def _scratch(root: Path) -> Iterator[Symptom]:
    from signoff.workspace.scratch import sweep_scratch

    swept = sweep_scratch(Paths(root).state)
    if swept:
        yield Symptom(name="scratch", ok=True, message=f"removed {swept} folders of drills that were killed")


def _console(root: Path) -> Iterator[Symptom]:
    """What the console's rounds could not do: expiry, announcements, runs that nobody had begun."""
    from signoff.core.files import read_json

    state = Paths(root).state / "rounds.json"
    if not state.exists():
        return
    found = read_json(state)
    for trouble in found["troubles"]:
        where = Paths(root).state / "logs" / "console.log"
        yield Symptom(name="console", ok=False, message=f"{found['ended'][:16]}: {trouble}", next=f"read {where}")
    if not found["troubles"]:
        yield Symptom(name="console", ok=True, message=f"its last round ended well at {found['ended'][:16]} UTC")


CHECKS: tuple[Callable[[Path], Iterator[Symptom]], ...] = (
    _settings,
    _disk,
    _pipeline,
    _lock,
    _ledger,
    _key,
    _access,
    _policy,
    _announcements,
    _scratch,
    _console,
)
