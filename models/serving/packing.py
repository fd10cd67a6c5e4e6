"""Build a package: a BentoML bento that holds exactly what was approved, and nothing of the machine that built it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

import signoff
from models.serving.parcel import CANDIDATE, DECISION, KEYS, MODEL, SERVING, Parcel, ServingRecord, open_parcel
from signoff.core.candidate import Candidate
from signoff.core.decision import Entry
from signoff.core.environment import QUIET
from signoff.core.errors import StageError
from signoff.core.files import write_json, write_text
from signoff.ledger.keys import publish_key
from signoff.ledger.trust import read_public_keys

SERVICE = '''"""The packaged service: it checks digest, decision and signature, or exits with code 4."""

from pathlib import Path

from signoff.core.environment import be_quiet

be_quiet()

from models.serving.service import service_or_exit  # noqa: E402

service = service_or_exit(Path(__file__).resolve().parent)
'''
CODE = ("models", "signoff/core", "signoff/ledger", "signoff/store")
RUNTIME = ("bentoml", "cryptography", "lightgbm", "numpy", "pandas", "pyarrow", "pydantic", "pyyaml", "scikit-learn",
           "scipy", "skrub", "sqlalchemy")  # fmt: skip
PARTS = (MODEL, KEYS, CANDIDATE, DECISION, SERVING)
BUILD_SECONDS = 120


def build_package(
    target: Path, *, model: Path, candidate: Candidate, entry: Entry, public_keys: Path, serving: ServingRecord
) -> Parcel:
    """Write the package of an approved candidate to the folder `target`, whole or not at all.

    The same parts give the same bytes: the package bears the decision's time, not the clock's. It holds the source of
    the packages that its model needs, so that `bentoml serve FOLDER` and a container work without this distribution.

    Args:
        target: replaced when it exists.
        model: folder with model.bin, model.json and recipe.json.
        candidate: whose digest the entry approves.
        entry: the ledger entry of the approval.
        public_keys: folder of public keys; the one that signed the approval is copied into the package.
        serving: how rows are named.

    Raises:
        RefusedError: the entry does not approve this candidate.
        IntegrityError: a byte of the model or recipe differs from the candidate's.
        StageError: BentoML could not build; its last words are told.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with _scratch(target.parent) as scratch:
        context = scratch / "context"
        _lay_out(context, model, candidate, entry, public_keys, serving)
        parcel = open_parcel(context, public_keys)
        built = scratch / "built"
        _run_bentoml(context, built, scratch / "home", parcel)
        for part in PARTS:
            (built / "src" / part).replace(built / part)
        _settle(built)
        open_parcel(built, public_keys)
        replace_folder(built, target)
    return open_parcel(target, public_keys)


def replace_folder(new: Path, target: Path) -> None:
    """Put the folder `new` in the place of `target`; a kill in between leaves nothing half-written there."""
    if target.exists():
        old = new.parent / f"{new.name}.old"
        target.replace(old)
        new.replace(target)
        shutil.rmtree(old)
    else:
        new.replace(target)


def _lay_out(
    context: Path, model: Path, candidate: Candidate, entry: Entry, public_keys: Path, serving: ServingRecord
) -> None:
    (context / MODEL).mkdir(parents=True)
    for name in ("model.bin", "model.json", "recipe.json"):
        if (model / name).is_file():
            shutil.copyfile(model / name, context / MODEL / name)
    (context / KEYS).mkdir()
    # Only the key that signed the approval, and only where the ledger trusts it: no other has a say here.
    trusted = read_public_keys(public_keys)
    if entry.key in trusted:
        publish_key(trusted[entry.key], context / KEYS / f"{entry.key}.pub")
    write_json(context / CANDIDATE, candidate.as_json())
    write_json(context / DECISION, entry.as_json())
    write_json(context / SERVING, serving.as_json())
    write_text(context / "service.py", SERVICE)
    root = Path(signoff.__file__).resolve().parent.parent
    for file in _code_files(root):
        place = context / file.relative_to(root)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)


def _code_files(root: Path) -> Iterator[Path]:
    yield root / "signoff" / "__init__.py"
    for package in CODE:
        for file in sorted((root / package).rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                yield file


def requirements() -> list[str]:
    """What a container of a package must install: the versions of this environment."""
    return [f"{name}=={metadata.version(name)}" for name in RUNTIME]


def _run_bentoml(context: Path, built: Path, home: Path, parcel: Parcel) -> None:
    """In a process of its own: building changes the working folder and the import path of the process that does it."""
    home.mkdir()
    environment = {**os.environ, **QUIET, "BENTOML_HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    root = str(Path(signoff.__file__).resolve().parent.parent)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (root, environment.get("PYTHONPATH"))))
    command = [sys.executable, "-m", "models.serving.build", str(context), str(built), parcel.digest[:16]]
    try:
        ended = subprocess.run(
            command, env=environment, cwd=home, capture_output=True, text=True, timeout=BUILD_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise StageError(
            "BentoML did not finish the package", got=f"{BUILD_SECONDS} s", next_step="signoff run"
        ) from error
    if ended.returncode:
        words = [line for line in (ended.stderr + ended.stdout).splitlines() if line.strip()]
        raise StageError("BentoML could not build the package", got=words[-1] if words else f"exit {ended.returncode}")


def _settle(built: Path) -> None:
    """Compiled files differ from machine to machine, and empty folders do not survive DVC."""
    for cache in built.rglob("__pycache__"):
        shutil.rmtree(cache)
    for folder in sorted((path for path in built.rglob("*") if path.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()


@contextmanager
def _scratch(beside: Path) -> Iterator[Path]:
    """A folder on the target's file system, so that the finished package can be renamed into place."""
    folder = Path(tempfile.mkdtemp(prefix=".package-", dir=beside))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
