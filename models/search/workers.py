"""The searching side of the nursery: start it, give orders, take results, end it without a trace."""

from __future__ import annotations

import importlib
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import models
from models.search.orders import Order, Result
from signoff.core.data import FeaturePlan
from signoff.core.errors import DataError, SettingsError, StageError
from signoff.core.settings import Project

_LIBRARIES = {
    "baseline": ("sklearn.dummy",),
    "linear": ("sklearn.linear_model",),
    "extra_trees": ("sklearn.ensemble",),
    "hist_boosting": ("sklearn.ensemble",),
    "lightgbm": ("lightgbm",),
}


def libraries(families: Sequence[str]) -> list[str]:
    """The modules that these families use."""
    return sorted({library for family in families for library in _LIBRARIES[family]})


def load_meanwhile(families: Sequence[str]) -> None:
    """Import what `fit` is about to need, while the workers load the same and more: the search loses nothing by it."""
    for name in (
        *libraries(families),
        "models.search.fitting",
        "models.search.model_file",
        "models.features.preprocess",
    ):
        importlib.import_module(name)


class Workers:
    """Trials in killable processes. Use as a context manager: leaving it ends every process at once.

    Args:
        project: the settings, as the trials shall see them.
        plan: the feature plan, steering applied.
        train: the training table; loaded once, by the nursery.
        families: whose libraries are loaded beforehand.
        memory_mb: what one trial may have above the shared rows and libraries; unlimited when None.
    """

    def __init__(
        self, project: Project, plan: FeaturePlan, train: Path, families: Sequence[str], memory_mb: int | None
    ) -> None:
        self._spec = {
            "project": project.as_json(),
            "plan": plan.as_json(),
            "train": str(train.resolve()),
            "families": list(families),
            "preload": libraries(families),
            "memory_mb": memory_mb,
        }
        self.ready = False
        self.classes: tuple[str, ...] = ()
        self._heard = bytearray()

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="signoff-search-"))
        spec = self._folder / "spec.json"
        spec.write_text(json.dumps(self._spec), encoding="utf-8")
        threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "LOKY")}
        home = str(Path(models.__file__).parents[1])
        # Hash seed fixed and -P set: neither chance nor a folder named `models` where we stand changes a trial.
        environment = {**os.environ, **threads, "PYTHONHASHSEED": "0", "PYTHONPATH": home}
        self._log = (self._folder / "log.txt").open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "models.search.nursery", str(spec)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=environment,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._process.stdout, selectors.EVENT_READ)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._selector.close()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        self._process.wait()
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def pid(self) -> int:
        """Process id of the nursery; its children are the running trials."""
        return self._process.pid

    def start(self, order: Order) -> None:
        """Begin a trial.

        Raises:
            StageError: the nursery is gone.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(order.as_json()).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise self._gone() from error

    def results(self, wait_seconds: float | None) -> list[Result]:
        """Results that came in within `wait_seconds` (for ever when None); returns at the first.

        Raises:
            DataError, SettingsError: the training rows cannot be used for the question.
            StageError: the nursery ended by itself.
        """
        if not self._selector.select(None if wait_seconds is None else max(0.0, wait_seconds)):
            return []
        assert self._process.stdout is not None
        data = os.read(self._process.stdout.fileno(), 1 << 16)
        if not data:
            raise self._gone()
        self._heard += data
        *lines, rest = bytes(self._heard).split(b"\n")
        self._heard = bytearray(rest)
        return [result for line in lines if (result := self._understand(json.loads(line))) is not None]

    def _understand(self, message: dict[str, Any]) -> Result | None:
        if message["event"] == "refused":
            said = message["error"]
            kind = {kind.__name__: kind for kind in (DataError, SettingsError)}.get(message["kind"], StageError)
            raise kind(said.pop("what"), **said)
        if message["event"] == "ready":
            self.ready, self.classes = True, tuple(message["classes"])
            return None
        return Result.model_validate(message["result"])

    def _gone(self) -> StageError:
        code = self._process.wait()
        self._log.flush()
        said = (self._folder / "log.txt").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return StageError(
            "the process that holds the search's data ended by itself",
            got=f"exit {code}: {said[-1] if said else 'nothing said'}",
            next_step="signoff doctor",
        )
