"""`signoff rollback`: ask for an earlier release again. It serves when people approve it, like anything else."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from signoff.commands.output import Terminal, root_of
from signoff.commands.proof import starter
from signoff.commands.running import EXIT_CODES, print_ending
from signoff.core.decision import Release
from signoff.core.errors import ConflictError, NotFoundError, SignoffError, did_you_mean
from signoff.core.paths import Paths
from signoff.core.run import Cause, Request
from signoff.core.settings import Project
from signoff.core.settings_file import load_project
from signoff.gates import Desk, open_desk
from signoff.store.overview import newest_releases
from signoff.workspace.git import Git
from signoff.workspace.lock import workspace_lock
from signoff.workspace.pipeline import Pipeline

STAYS = ("decisions", ".dvc", ".dvcignore", ".gitignore")
"""What does not go back: the ledger, and where this clone keeps its data."""


def roll_back(
    workspace: Path, tag: str | None, reason: str, actor: str | None, password_stdin: bool, wait: float, as_json: bool
) -> int:
    """Put the files of a release back, commit that, and run: stages whose outputs come back are skipped.

    The evaluation is made anew, against what serves now, and the gate asks as for any candidate.

    Raises:
        NotFoundError: there is no such release, or none before the one that serves.
        ConflictError: it serves already, or files that would go back have changes that are not committed.
        WorkspaceError: its data are neither in the cache nor in the remote; everything is as it was then.
    """
    from flows.launch import run_retrain

    root = root_of(workspace)
    project, paths = load_project(root), Paths(root)
    desk = open_desk(project, paths)
    with closing(desk.store):
        release = _chosen(desk, project, tag)
        who = starter(desk.store, project.project, actor, password_stdin)
    said = f"back to {release.tag}" + (f": {reason}" if reason else "")
    with Terminal() as terminal:
        with workspace_lock(paths.state, "a rollback", who, wait):
            terminal.step(f"putting back the files of {release.tag}")
            put_back(root, release.tag, said)
        ending = run_retrain(root, Cause(kind="hand", actor=who, note=said), Request(), terminal, wait)
    print_ending(root, ending, as_json)
    return EXIT_CODES.get(ending.state, 0)


def put_back(root: Path, tag: str, message: str) -> None:
    """The files of a tag, in git and in DVC, committed; all of them or none.

    Raises:
        ConflictError: one of them has changes that are not committed.
        WorkspaceError: the data are not to be had.
    """
    git, pipeline = Git(root), Pipeline(root)
    paths = (".", *(f":(exclude){path}" for path in STAYS))
    changed = git.run("status", "--porcelain", "--untracked-files=no", "--", *paths).splitlines()
    if changed:
        raise ConflictError(
            f"{len(changed)} files have changes that are not committed and would be lost",
            where=", ".join(line[3:] for line in changed[:5]),
            next_step="commit them, or git restore them",
        )
    try:
        git.run("restore", f"--source={tag}", "--staged", "--worktree", "--", *paths)
        pipeline.checkout()
    except SignoffError:
        git.run("restore", "--source=HEAD", "--staged", "--worktree", "--", *paths)
        pipeline.checkout(missing_is_error=False)
        raise
    if git.run("diff", "--cached", "--name-only"):
        git.run("commit", "--quiet", "--no-verify", "--message", f"{message[:1].upper()}{message[1:]}")


def _chosen(desk: Desk, project: Project, tag: str | None) -> Release:
    releases = {one.tag: one for one in reversed(newest_releases(desk.store.database, project.project))}
    serving = desk.ledger.champion()
    if serving is None:
        raise NotFoundError("nothing was released, so there is nothing to go back to", next_step="signoff review list")
    if tag is None:
        before = [one for one in releases.values() if one.digest != serving.digest]
        if not before:
            raise NotFoundError(f"{serving.tag} is the only release", next_step="signoff run")
        return before[-1]
    if tag not in releases:
        raise NotFoundError(f"{project.project} has no release {tag}", allowed=did_you_mean(tag, releases))
    if releases[tag].digest == serving.digest:
        raise ConflictError(f"{tag} serves now", next_step="signoff status")
    return releases[tag]
