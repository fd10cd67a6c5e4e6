"""git by its command: the few verbs that a workspace needs, each with a readable refusal."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from signoff.core.errors import WorkspaceError
from signoff.workspace.git_locks import lock_in_the_way, remove_abandoned

OWN_PATHS = (
    "dvc.lock",
    "dvc.yaml",
    "run.yaml",
    "features.yaml",
    "signoff.yaml",
    ".gitignore",
    ".dvcignore",
    ".dvc/config",
    ".dvc/.gitignore",
    "expectations",
    "decisions",
    "data/snapshot.json",
    "artifacts/recipe.json",
    "reports",
)
"""What Signoff writes and may commit; everything else belongs to the user."""

_SETTINGS = ("signoff.yaml", "features.yaml", "dvc.yaml")
"""Own paths that people edit: an uncommitted change there is the user's, and makes a candidate dirty."""


class Git:
    """The git repository at `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, *arguments: str, check: bool = True) -> str:
        """Standard output of one git command, without the last line end.

        Raises:
            WorkspaceError: git is missing or refused; says what git said.
        """
        done = self._once(arguments)
        lock = lock_in_the_way(done.stderr) if done.returncode != 0 else None
        if lock is not None and remove_abandoned(lock, self.root):
            done = self._once(arguments)
        if check and done.returncode != 0:
            said = (done.stderr or done.stdout).strip().splitlines()
            lock = lock_in_the_way(done.stderr)
            raise WorkspaceError(
                f"git {arguments[0]} failed",
                where=str(lock or self.root),
                got=said[0 if lock else -1] if said else "no message",
                next_step=f"end the other git, or remove {lock}; then run again" if lock else None,
            )
        return done.stdout.rstrip("\n")

    def _once(self, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                ["git", *arguments],
                cwd=self.root,
                capture_output=True,
                text=True,
                timeout=120,
                env=_environment(),
                check=False,
            )
        except FileNotFoundError as error:
            raise WorkspaceError("git is not installed", next_step="apt-get install git") from error
        except subprocess.TimeoutExpired as error:
            raise WorkspaceError(f"git {arguments[0]} did not end within two minutes", where=str(self.root)) from error

    def is_repository(self) -> bool:
        """Whether `root` is the top of a git repository."""
        top = self.run("rev-parse", "--show-toplevel", check=False)
        return bool(top) and Path(top).resolve() == self.root.resolve()

    def init(self) -> None:
        """Make a repository with the branch main."""
        self.run("init", "--quiet", "--initial-branch=main")

    def head(self) -> str:
        """Commit id of HEAD; 40 zeros before the first commit."""
        return self.run("rev-parse", "--verify", "--quiet", "HEAD", check=False) or "0" * 40

    def dirty(self) -> bool:
        """Whether the user's own tracked files have changes that are not committed."""
        own = [f":(exclude){path}" for path in OWN_PATHS if path not in _SETTINGS]
        return bool(self.run("status", "--porcelain", "--untracked-files=no", "--", ".", *own))

    def commit(self, message: str, paths: Sequence[str] = OWN_PATHS) -> bool:
        """Commit only `paths`, whatever else is staged; False when nothing there changed.

        New files below them are taken too, unless git ignores them.
        """
        present = [path for path in paths if (self.root / path).exists() or self.run("ls-files", "--", path)]
        if not present or not self.run("status", "--porcelain", "--untracked-files=all", "--", *present):
            return False
        self.run("add", "--all", "--", *present)
        if not self.run("diff", "--cached", "--name-only", "--", *present):
            return False
        self.run("commit", "--quiet", "--no-verify", "--message", message, "--only", "--", *present)
        return True

    def tag(self, name: str, message: str) -> None:
        """An annotated tag on HEAD; nothing when it stands there already with that message."""
        if self.tag_message(name) != message.strip():
            self.run("tag", "--annotate", name, "--message", message)

    def tags(self, prefix: str) -> list[str]:
        """Tags below `prefix`, oldest number first: flights/c1, flights/c2, ..."""
        names = self.run("tag", "--list", f"{prefix}*").splitlines()
        numbered = [(int(name[len(prefix) :]), name) for name in names if name[len(prefix) :].isdigit()]
        return [name for _, name in sorted(numbered)]

    def next_tag(self, prefix: str, taken: Iterable[str] = ()) -> str:
        """The first free number: flights/c4 after flights/c3.

        Args:
            prefix: of the tag.
            taken: names that are given away already and are not in this repository, such as those of another clone.
        """
        elsewhere = (name.removeprefix(prefix) for name in taken if name.startswith(prefix))
        known = [name.removeprefix(prefix) for name in self.tags(prefix)]
        numbers = [int(number) for number in (*known, *elsewhere) if number.isdigit()]
        return f"{prefix}{max(numbers, default=0) + 1}"

    def tag_message(self, name: str) -> str | None:
        """The message of a tag, or None where there is no such tag."""
        if not self.run("tag", "--list", name):
            return None
        return self.run("tag", "--list", "--format=%(contents)", name).strip()

    def show(self, revision: str, path: str) -> str:
        """The text of a file at a revision."""
        return self.run("show", f"{revision}:{path}")

    def has_remote(self) -> bool:
        """Whether a remote named origin is set."""
        return "origin" in self.run("remote").splitlines()

    def push(self) -> None:
        """Push the branch and its tags to origin."""
        self.run("push", "--quiet", "--follow-tags", "origin", "HEAD")


def _environment() -> dict[str, str]:
    """git must not ask anything, and must know who commits where nobody was named."""
    given = dict(os.environ)
    given |= {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8"}
    for role in ("AUTHOR", "COMMITTER"):
        if not _has_identity(given, role):
            given |= {f"GIT_{role}_NAME": "Signoff", f"GIT_{role}_EMAIL": "signoff@localhost"}
    return given


_identity: bool | None = None


def _has_identity(environment: dict[str, str], role: str) -> bool:
    global _identity
    if f"GIT_{role}_EMAIL" in environment:
        return True
    if _identity is None:
        asked = subprocess.run(["git", "config", "--get", "user.email"], capture_output=True, text=True, check=False)
        _identity = bool(asked.stdout.strip())
    return _identity
