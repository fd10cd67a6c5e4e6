"""Whatever is changed after the signature, nothing serves, and the reason names the part."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from models.serving import install_champion, open_parcel, rollback_champion
from signoff.commands.serving import open_champion
from signoff.core.errors import IntegrityError, NotFoundError, RefusedError
from signoff.core.paths import Paths
from signoff.core.settings import Task
from signoff.core.settings_file import load_project
from tests.serving_workspace import copy_of_released, make_candidate


@pytest.fixture
def released(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Paths:
    return copy_of_released(tmp_path_factory, tmp_path / "workspace")


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def edit(path: Path, key: str, value: object) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**content, key: value}), encoding="utf-8")


def refused(paths: Paths, words: str) -> None:
    with pytest.raises(RefusedError, match=words) as caught:
        open_champion(load_project(paths.root), paths)
    assert caught.value.exit_code == 4


def test_what_was_released_opens(released: Paths) -> None:
    parcel, release = open_champion(load_project(released.root), released)
    assert (release.tag, release.digest) == ("toy/v1", parcel.digest)
    assert parcel.load().digest == release.model_digest


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("model/model.bin", "the model file is not the one that was signed.*model.bin"),
        ("model/recipe.json", "the recipe is not the one that was signed.*recipe.json"),
        ("candidate.json", "candidate"),
        ("decision.json", "decision|entry|signature"),
    ],
)
def test_one_changed_byte_is_refused(released: Paths, part: str, words: str) -> None:
    flip(released.champion / part)
    refused(released, words)


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("model/model.bin", "the model file is missing"),
        ("model/model.json", "the model record is missing"),
        ("model/recipe.json", "the recipe is missing"),
        ("candidate.json", "the candidate record is missing"),
        ("decision.json", "the decision is missing"),
        ("serving.json", "the serving record is missing"),
    ],
)
def test_a_missing_part_is_named(released: Paths, part: str, words: str) -> None:
    (released.champion / part).unlink()
    refused(released, words)


def test_an_edited_candidate_is_another_candidate(released: Paths) -> None:
    edit(released.champion / "candidate.json", "data_md5", "9" * 32)
    refused(released, "another candidate")


def test_an_edited_model_record_is_refused(released: Paths) -> None:
    path = released.champion / "model" / "model.json"
    inputs = json.loads(path.read_text(encoding="utf-8"))["inputs"]
    edit(path, "inputs", {name: kind for name, kind in inputs.items() if name != "shop"})
    refused(released, "model record is not the one that was signed")


def test_a_key_of_ones_own_does_not_help(released: Paths) -> None:
    """The workspace's keys are trusted, not those that the package brings along."""
    folder = released.champion / "keys"
    (name,) = (path.name for path in folder.glob("*.pub"))
    public = Ed25519PrivateKey.generate().public_key()
    (folder / name).write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(IntegrityError, match="unknown key"):
        open_parcel(released.champion)
    shutil.copyfile(folder / name, released.public_keys / name)
    refused(released, "key")


def test_a_decision_that_was_edited_in_the_ledger_stops_serving(released: Paths) -> None:
    path = released.decisions / "0001-decision.json"
    path.write_text(path.read_text(encoding="utf-8").replace("looked at it", "looked away"), encoding="utf-8")
    refused(released, "the ledger does not hold.*0001-decision.json")


def test_the_package_of_another_candidate_is_not_the_release(released: Paths, tmp_path: Path) -> None:
    other = make_candidate(tmp_path / "other", Task.BINARY, seed=5)
    for name in ("model.bin", "model.json", "recipe.json"):
        shutil.copyfile(Paths(tmp_path / "other").model / name, released.champion / "model" / name)
    (released.champion / "candidate.json").write_text(json.dumps(other.as_json()), encoding="utf-8")
    refused(released, "another candidate")


def test_nothing_released_names_the_reviews(tmp_path: Path) -> None:
    make_candidate(tmp_path, Task.BINARY)
    with pytest.raises(NotFoundError, match="signoff review list"):
        open_champion(load_project(tmp_path), Paths(tmp_path))


def test_the_switch_is_whole_and_can_be_taken_back(released: Paths) -> None:
    first = released.champion.resolve()
    install_champion(released.bento, released.champion, lambda folder: (folder / "more.txt").write_text("kept"))
    second = released.champion.resolve()
    assert second != first
    assert (second / "more.txt").read_text() == "kept"
    assert not first.exists()
    with pytest.raises(NotFoundError, match="no champion before"):
        rollback_champion(released.champion)


def test_a_package_that_is_broken_is_not_installed(released: Paths) -> None:
    before = released.champion.resolve()
    flip(released.bento / "model" / "model.bin")
    with pytest.raises(IntegrityError, match="the model file"):
        install_champion(released.bento, released.champion)
    assert released.champion.resolve() == before
    open_champion(load_project(released.root), released)
