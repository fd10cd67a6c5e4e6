"""What a package holds, and the checks without which none of it is loaded.

A package is a folder with `model/` (model.bin, model.json, recipe.json), candidate.json, decision.json (the ledger
entry that approved it), `keys/` (public keys) and serving.json (how rows are named). The decision's signature binds
candidate, recipe and model; model.json has to agree with them; serving.json is an operator's business.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import Field, ValidationError

from signoff.core.candidate import Candidate
from signoff.core.decision import Entry
from signoff.core.digest import expect_file, model_digest
from signoff.core.errors import IntegrityError, WorkspaceError
from signoff.core.files import read_json
from signoff.core.record import Record
from signoff.core.search import ModelRecord, Recipe

if TYPE_CHECKING:
    from models.search.model_file import LoadedModel

CANDIDATE, DECISION, SERVING, MODEL, KEYS = "candidate.json", "decision.json", "serving.json", "model", "keys"
R = TypeVar("R", bound=Record)


class ServingRecord(Record):
    """serving.json: what an endpoint must know and no signature needs to cover."""

    project: str
    tag: str = Field("", description="of the candidate, where the workspace knew one")
    release: str = Field("", description="tag of the release; known to whoever serves it, not to the package")
    id_columns: tuple[str, ...] = ()
    time_column: str | None = None
    max_rows: int = Field(10_000, ge=1)
    missing: tuple[str, ...] = Field((), description="texts that meant 'not known' in the CSV files it learned from")


@dataclass(frozen=True)
class Parcel:
    """A package whose parts were found to be exactly those that were approved."""

    folder: Path
    candidate: Candidate
    entry: Entry
    model: ModelRecord
    serving: ServingRecord

    @property
    def digest(self) -> str:
        """The candidate's digest."""
        return self.candidate.digest

    def recipe(self) -> Recipe:
        """From what the model was built; its bytes were checked when the parcel was opened."""
        return read_part(self.folder / MODEL / "recipe.json", Recipe, "the recipe")

    def load(self) -> LoadedModel:
        """The model; its bytes are checked once more on the way, against the approved candidate.

        Raises:
            IntegrityError: they changed since the parcel was opened.
        """
        from models.search.model_file import load_model

        return load_model(self.folder / MODEL, self.candidate.model_digest)


def open_parcel(folder: Path, public_keys: Path | None = None) -> Parcel:
    """Check every part of the package in `folder` against the signed decision; nothing is unpickled here.

    Args:
        folder: root of the package.
        public_keys: the keys to trust; the package's own when None, which then only proves that its parts agree.

    Raises:
        IntegrityError: a part is missing, damaged or not the one that was signed.
        RefusedError: the decision does not approve this candidate.
    """
    from signoff.ledger.rules import check_release

    candidate = read_part(folder / CANDIDATE, Candidate, "the candidate record")
    entry = read_part(folder / DECISION, Entry, "the decision")
    check_release(entry, candidate, public_keys or folder / KEYS)
    model = check_model(folder / MODEL, candidate)
    return Parcel(folder, candidate, entry, model, read_part(folder / SERVING, ServingRecord, "the serving record"))


def check_model(folder: Path, candidate: Candidate) -> ModelRecord:
    """The record of the model in `folder`, if recipe and model are byte for byte the candidate's.

    Raises:
        IntegrityError: a file is missing or differs, or the record names other inputs than the recipe.
    """
    recipe_bytes = expect_file(folder / "recipe.json", candidate.recipe_sha256, "the recipe")
    expect_file(folder / "model.bin", candidate.model_sha256, "the model file")
    expect_file(folder / "model.json", candidate.model_record_sha256, "the model record")
    record = read_part(folder / "model.json", ModelRecord, "the model record")
    digest = model_digest(candidate.recipe_sha256, candidate.model_sha256)
    named = (record.recipe_sha256, record.model_sha256, record.digest, candidate.model_digest)
    if named != (candidate.recipe_sha256, candidate.model_sha256, digest, digest):
        raise IntegrityError(
            "the model record names other bytes than those that were signed",
            where=str(folder / "model.json"),
            got=f"digest {record.digest[:16]}…",
            allowed=f"digest {digest[:16]}…",
            next_step="signoff verify",
        )
    used = set(Recipe.model_validate_json(recipe_bytes).features.used())
    if set(record.inputs) != used:
        odd = sorted(set(record.inputs) ^ used)
        raise IntegrityError(
            "the model record names other inputs than the signed recipe",
            where=str(folder / "model.json"),
            got=", ".join(odd[:5]),
            next_step="signoff verify",
        )
    return record


def read_part(path: Path, kind: type[R], what: str) -> R:
    """One JSON file of a package as its record.

    Raises:
        IntegrityError: the file is missing, is not JSON, or is not such a record.
    """
    if not path.is_file():
        raise IntegrityError(f"{what} is missing", where=str(path), next_step="signoff verify")
    try:
        return kind.model_validate(read_json(path))
    except (WorkspaceError, ValidationError) as error:
        got = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error.got
        raise IntegrityError(f"{what} is damaged", where=str(path), got=got, next_step="signoff verify") from error
