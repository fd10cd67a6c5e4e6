"""DVC in-process: what is stale, recording what a stage made, remotes. DVC's objects and errors stop here."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import chdir, contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from signoff.core.errors import SettingsError, WorkspaceBusyError, WorkspaceError
from signoff.core.files import explain_os_error

Status = list[Any]
READ_BY_DVC = ("dvc.yaml", "dvc.lock", "signoff.yaml", "run.yaml")
_one_at_a_time = threading.RLock()

_CONFIG = """\
[core]
    analytics = false
    check_update = false
    remote = storage
['remote "storage"']
    url = {url}
"""


class Pipeline:
    """The DVC repository at `root`, opened on first use (0.35 s) and kept."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._repo: Any = None
        self._read: tuple[int, ...] = ()

    def init(self, remote: Path) -> None:
        """Make `.dvc/` with a folder as its default remote, and no call home."""
        remote.mkdir(parents=True, exist_ok=True)
        with _translated(self.root):
            from dvc.repo import Repo

            Repo.init(str(self.root), force=False).close()
        config = _CONFIG.format(url=remote.resolve())
        (self.root / ".dvc" / "config").write_text(config, encoding="utf-8")

    def stale(self, stage: str) -> list[str]:
        """What makes a stage need another run: names of changed inputs and outputs; empty when it is done."""
        with _translated(self.root):
            status = self._open().status(targets=[stage])
        return [change for changes in status.values() for change in _changes(changes)]

    def record(self, stage: str) -> None:
        """Write the stage's inputs and outputs into dvc.lock and its outputs into the cache."""
        with _translated(self.root):
            self._open().commit(stage, force=True)
        self._forget()

    def add(self, path: str) -> None:
        """Track a file or folder of the user's as a DVC source."""
        with _translated(self.root):
            self._open().add(path)
        self._forget()

    def track_again(self, path: str) -> bool:
        """Take in what changed in a source that DVC tracks; False where it does not track it, or nothing changed."""
        if not (self.root / f"{path}.dvc").exists():
            return False
        with _translated(self.root):
            changed = bool(self._open().status(targets=[f"{path}.dvc"]))
        if changed:
            self.add(path)
        return changed

    def push(self) -> int:
        """Push what the current dvc.lock names to the default remote; how many files went."""
        if not self.has_remote():
            return 0
        with _translated(self.root, "push", self.remote_url()):
            return int(self._open().push())

    def read_at(self, revision: str, path: str) -> bytes | None:
        """The bytes of a file that DVC tracks, as it was at a git revision: from the cache, else from the remote.

        Returns:
            None where that revision knows no such file, or neither cache nor remote has it.
        """
        from dvc.exceptions import FileMissingError, OutputNotFoundError, PathMissingError

        with _translated(self.root, "read", self.remote_url()):
            from dvc.api import read

            try:
                return bytes(read(path, repo=str(self.root), rev=revision, mode="rb"))
            except (FileMissingError, FileNotFoundError, OutputNotFoundError, PathMissingError):
                return None

    def pull(self, targets: Sequence[str] | None = None) -> None:
        """Fetch and check out targets (all when not given) from the default remote."""
        with _translated(self.root, "pull", self.remote_url()):
            self._open().pull(targets=list(targets) if targets else None)
        self._forget()

    def checkout(self, *, missing_is_error: bool = True) -> None:
        """Put in place what dvc.lock and the .dvc files name: from the cache, and from the remote what it lacks.

        Args:
            missing_is_error: False leaves out what neither of them has.
        """
        from dvc.exceptions import CheckoutError

        self._forget()
        with _translated(self.root, "check out", None):
            repo = self._open()
            # A stage that was never run has outputs without a hash, which DVC would miss.
            outs = [out for out in repo.index.outs if out.hash_info]
            known = [out.fs_path for out in outs]
            # Before anything is taken away: DVC removes a file first and then finds that it has none to put there.
            if missing_is_error and _not_cached(outs):
                repo.fetch(targets=known)
                if lost := _not_cached(outs):
                    raise WorkspaceError(
                        f"{', '.join(lost[:5])} are neither in the cache nor in the remote",
                        where=self.remote_url() or "no remote is configured",
                        next_step="dvc remote list; signoff doctor",
                    )
            try:
                repo.checkout(targets=known, force=True)
            except CheckoutError:
                if missing_is_error:
                    repo.pull(targets=known)
        self._forget()

    def has_remote(self) -> bool:
        """Whether a default remote is configured."""
        with _translated(self.root):
            return bool(self._open().config["core"].get("remote"))

    def remote_url(self) -> str | None:
        """Where the default remote is."""
        with _translated(self.root):
            config = self._open().config
            name = config["core"].get("remote")
            return str(config["remote"][name]["url"]) if name in config["remote"] else None

    def set_remote(self, url: str) -> None:
        """Use another place as the default remote in this clone only (.dvc/config.local)."""
        with _translated(self.root), self._open().config.edit("local") as config:
            config["core"]["remote"] = "storage"
            config["remote"]["storage"] = {"url": url}
        self._forget()

    def _open(self) -> Any:
        if self._repo is None:
            from dvc.repo import Repo

            self._repo = Repo(str(self.root))
        # DVC keeps what it has read of these files; reading them again for each question takes most of its time.
        read = tuple(_modified(self.root / name) for name in READ_BY_DVC)
        if read != self._read:
            self._repo._reset()
            self._read = read
        return self._repo

    def _forget(self) -> None:
        """DVC keeps the index it has read; after a write it must look again."""
        if self._repo is not None:
            self._repo.close()
            self._repo = None


def _not_cached(outs: Sequence[Any]) -> list[str]:
    return [str(out.def_path) for out in outs if not out.cache.exists(out.hash_info.value)]


def _modified(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


def _changes(status: Status) -> list[str]:
    """DVC answers [{"changed deps": {path: state or {param: state}}}, "always changed", ...]."""
    found: list[str] = []
    for item in status:
        if isinstance(item, str):
            found.append(item)
            continue
        for paths in item.values():
            for path, state in paths.items():
                found += [f"{path}:{key}" for key in state] if isinstance(state, dict) else [path]
    return found


@contextmanager
def _translated(root: Path, verb: str | None = None, remote: str | None = None) -> Iterator[None]:
    """DVC looks names up in the current folder, prints, and raises its own errors; none of it leaves."""
    from dvc.exceptions import DvcException
    from dvc.lock import LockError
    from dvc.scm import SCMError

    # They log an error with its traceback before they raise it; what is raised is told, and once is enough.
    for name in ("dvc", "dvc_data", "dvc_objects"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        with _one_at_a_time, chdir(root), redirect_stdout(io.StringIO()):
            yield
    except LockError as error:
        raise WorkspaceBusyError(
            "DVC is busy in this workspace",
            where=str(root),
            got=error,
            next_step="wait for the other dvc command, then run again",
        ) from error
    except (DvcException, SCMError, OSError) as error:
        if verb:
            raise WorkspaceError(
                f"DVC could not {verb}",
                where=remote or str(root),
                got=_one_line(error),
                next_step="dvc remote list; signoff doctor",
            ) from error
        if isinstance(error, OSError):
            raise explain_os_error(error, Path(error.filename or root)) from error
        for name in ("dvc.lock", "dvc.yaml"):
            if name in str(error):
                raise SettingsError(
                    f"{name} cannot be read",
                    where=str(root / name),
                    got=_one_line(error),
                    next_step=f"correct it, or git checkout {name}",
                ) from error
        raise WorkspaceError(
            "DVC refused", where=str(root), got=_one_line(error), next_step="signoff doctor"
        ) from error


def _one_line(error: BaseException) -> str:
    reason = f"{error} ({error.__cause__})" if error.__cause__ else str(error)
    return " ".join(reason.split()) or type(error).__name__
