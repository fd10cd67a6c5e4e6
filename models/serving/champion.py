"""The champion's place: put a package there in one step, keep the one before, try one before it counts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from models.serving.manifest import check_manifest, manifest_digest, write_manifest
from models.serving.parcel import Parcel, open_parcel
from signoff.core.environment import QUIET
from signoff.core.errors import IntegrityError, NotFoundError, RefusedError, ServiceError

PREVIOUS = "champion-previous"
STAGED = "champions"
START_SECONDS = 90
TRIED = {"number": 1.0, "category": "a", "text": "a few words", "boolean": True, "datetime": "2020-01-01T00:00:00"}
TOLERANCE = 1e-9


def install_champion(bento: Path, champion_folder: Path, finish: Callable[[Path], object] | None = None) -> Path:
    """Copy a package to the champion's place and switch to it in one step; the one before is kept for a rollback.

    Installing the same package again changes nothing.

    Raises:
        IntegrityError: the package's parts do not agree with each other.
    """
    copy = stage_champion(bento, champion_folder, finish)
    point_champion(champion_folder, copy)
    return copy


def stage_champion(bento: Path, champion_folder: Path, finish: Callable[[Path], object] | None = None) -> Path:
    """Lay a package beside the champion's place, whole, with its manifest; it does not answer yet.

    Args:
        bento: the package, already checked by `open_parcel` with the workspace's keys.
        champion_folder: `.signoff/champion`.
        finish: called with the copy before its manifest is written, to put more files into it.

    Returns:
        The copy, which `point_champion` switches to.

    Raises:
        IntegrityError: the package's parts do not agree with each other.
    """
    parcel = open_parcel(bento)
    store = champion_folder.parent / STAGED
    store.mkdir(parents=True, exist_ok=True)
    copy = store / f"{parcel.digest[:16]}-{uuid4().hex[:8]}"
    part = store / f".{copy.name}.part"
    try:
        # What Python compiled beside the sources belongs to this machine and was packaged by nobody.
        shutil.copytree(bento, part, ignore=shutil.ignore_patterns("__pycache__"))
        if finish is not None:
            finish(part)
        write_manifest(part)
        open_parcel(part)
        part.replace(copy)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return copy


def staged_champion(champion_folder: Path, package_sha256: str) -> Path | None:
    """The whole copy that has this manifest, if it was laid there already."""
    store = champion_folder.parent / STAGED
    for folder in sorted(store.iterdir()) if store.is_dir() else ():
        if manifest_digest(folder) == package_sha256:
            try:
                check_manifest(folder, package_sha256)
            except IntegrityError:
                continue
            return folder
    return None


def point_champion(champion_folder: Path, copy: Path) -> None:
    """Let a copy that was laid there answer.

    `champion_folder` becomes a symbolic link into `champions/` beside it, so that a reader sees the old package or
    the new one and never half of either.
    """
    current = _target(champion_folder)
    if current is not None and current != copy.resolve() and not current.name.startswith(copy.name[:16]):
        _point(champion_folder.with_name(PREVIOUS), current)
    _point(champion_folder, copy)
    _prune(copy.parent, champion_folder)


def rollback_champion(champion_folder: Path) -> Path:
    """Switch back to the package before; answers where it stands.

    Raises:
        NotFoundError: there is none before.
    """
    link = champion_folder.with_name(PREVIOUS)
    previous = _target(link)
    if previous is None:
        raise NotFoundError("there is no champion before this one", where=str(link), next_step="signoff review list")
    _point(champion_folder, previous)
    link.unlink()
    _prune(previous.parent, champion_folder)
    return previous


def smoke_test(bento: Path) -> None:
    """Start the package on a free port, ask for two rows, compare with the model's own answer, stop.

    The rows are made of the inputs' kinds: one with a value in each column, one with none known. Nothing is logged to
    the workspace.

    Raises:
        IntegrityError: a part is not the one that was signed.
        ServiceError: it does not start, does not answer, or answers something else than the model.
    """
    parcel = open_parcel(bento)
    rows = [{name: TRIED.get(kind) for name, kind in parcel.model.inputs.items()}, dict.fromkeys(parcel.model.inputs)]
    with tempfile.TemporaryDirectory(prefix="signoff-smoke-") as scratch:
        process = _start(bento, Path(scratch))
        try:
            port = _wait_until_ready(process)
            got = _ask(port, rows)
        finally:
            _stop(process)
    _compare(parcel, rows, got)


def _start(bento: Path, scratch: Path) -> subprocess.Popen[str]:
    import signoff

    root = str(Path(signoff.__file__).resolve().parent.parent)
    environment = {**os.environ, **QUIET, "SIGNOFF_PREDICTIONS": str(scratch)}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (root, environment.get("PYTHONPATH"))))
    command = [sys.executable, "-m", "models.serving.server", str(bento.resolve())]
    return subprocess.Popen(
        command, env=environment, cwd=scratch, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def _wait_until_ready(process: subprocess.Popen[str]) -> int:
    timer = threading.Timer(START_SECONDS, process.kill)
    timer.start()
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
    finally:
        timer.cancel()
    if not first.startswith("ready "):
        _, errors = process.communicate()
        words = [line for line in errors.splitlines() if line.strip()] or ["no word"]
        kind = RefusedError if process.returncode == RefusedError.exit_code else ServiceError
        raise kind("the package does not start", got=words[-1], next_step="signoff verify")
    return int(first.split()[1])


def _ask(port: int, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/predict",
        json.dumps({"rows": rows}).encode(),
        {"content-type": "application/json"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as response:
            answer: dict[str, list[dict[str, Any]]] = json.load(response)
            return answer["predictions"]
    except urllib.error.HTTPError as error:
        raise ServiceError("the package refuses rows of its own inputs", got=error.read(500).decode()) from error
    except (OSError, ValueError, KeyError) as error:
        raise ServiceError("the package does not answer", got=f"{type(error).__name__}: {error}") from error


def _compare(parcel: Parcel, rows: list[dict[str, Any]], got: list[dict[str, Any]]) -> None:
    import pandas as pd

    expected = parcel.load().answer(pd.DataFrame(rows, columns=list(parcel.model.inputs)))
    for answer, (probability, label) in zip(got, expected, strict=True):
        if answer["model"] != parcel.model.digest or not _near(
            (answer["probability"], answer["label"]), (probability, label)
        ):
            raise ServiceError(
                "the endpoint answers something else than the model",
                got=f"{answer['probability']}, {answer['label']} by {answer['model'][:12]}",
                allowed=f"{probability}, {label} by {parcel.model.digest[:12]}",
                next_step="signoff doctor",
            )


def _near(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_near(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return all(_near(left, right) for left, right in zip(one, other, strict=True))
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= TOLERANCE * max(1.0, abs(one), abs(other))
    return bool(one == other)


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def _target(link: Path) -> Path | None:
    return link.resolve() if link.is_symlink() and link.exists() else None


def _point(link: Path, target: Path) -> None:
    """A folder cannot be renamed over another one, a link can."""
    if link.is_dir() and not link.is_symlink():
        shutil.rmtree(link)
    temporary = link.with_name(f".{link.name}.{uuid4().hex[:8]}")
    temporary.symlink_to(os.path.relpath(target, link.parent), target_is_directory=True)
    temporary.replace(link)


def _prune(store: Path, champion_folder: Path) -> None:
    """Only the champion and the one before it are kept; older ones are in the DVC remote."""
    kept = {_target(champion_folder), _target(champion_folder.with_name(PREVIOUS))}
    for folder in store.iterdir():
        if folder.resolve() not in kept:
            shutil.rmtree(folder, ignore_errors=True)
