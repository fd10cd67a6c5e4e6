"""Packaging needs the decision about exactly these bytes, and the same parts give the same package."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from models.serving import open_parcel
from models.serving.parcel import read_part
from signoff.core.candidate import Candidate
from signoff.core.errors import IntegrityError, RefusedError
from signoff.core.paths import Paths
from signoff.core.settings import Task
from signoff.core.stage import open_context
from signoff.ledger import check_release, entry_bytes, read_pointer
from signoff.ledger.keys import Signer, publish_key
from tasks.package import package
from tests.serving_workspace import copy_of_released, decide_on, make_candidate
from tests.untouched import sha256_tree


@pytest.fixture
def approved(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Paths:
    return copy_of_released(tmp_path_factory, tmp_path / "workspace")


def test_the_package_is_a_bento_that_carries_the_decision(approved: Paths) -> None:
    parcel = open_parcel(approved.bento, approved.public_keys)
    bento = yaml.safe_load((approved.bento / "bento.yaml").read_text(encoding="utf-8"))
    assert bento["labels"]["signoff.digest"] == parcel.digest
    assert bento["labels"]["signoff.model"] == parcel.model.digest
    assert bento["labels"]["signoff.decision"] == parcel.entry.hash
    assert parcel.serving.id_columns == ("order",)
    assert (approved.bento / "src" / "models" / "search" / "model_file.py").is_file()
    text = "".join(path.read_text(encoding="utf-8") for path in approved.bento.rglob("*.yaml"))
    assert str(approved.root.parent) not in text


def test_the_same_parts_give_the_same_bytes(approved: Paths) -> None:
    before = sha256_tree(approved.bento)
    shutil.rmtree(approved.bento)
    report = package(open_context(approved.root))
    assert sha256_tree(approved.bento) == before
    assert report.facts["digest"] == open_parcel(approved.bento).digest
    assert sorted(path.name for path in approved.bento.parent.iterdir()) == ["bento", "model", "recipe.json"]


def test_without_a_decision_nobody_packages(tmp_path: Path) -> None:
    make_candidate(tmp_path, Task.REGRESSION)
    with pytest.raises(RefusedError, match=r"no decision releases this candidate.*signoff review list"):
        package(open_context(tmp_path))


def test_a_rejection_does_not_package(tmp_path: Path) -> None:
    candidate = make_candidate(tmp_path, Task.BINARY)
    decide_on(tmp_path, candidate, "reject")
    rejected = next(iter(Paths(tmp_path).decisions.glob("0001-*.json")))
    shutil.copyfile(rejected, Paths(tmp_path).release_decision)
    with pytest.raises(RefusedError, match="does not release this candidate"):
        package(open_context(tmp_path))
    assert not Paths(tmp_path).bento.exists()


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("artifacts/recipe.json", "the recipe is not the one"),
        ("artifacts/model/recipe.json", "the recipe is not the one"),
        ("artifacts/model/model.bin", "the model file is not the one"),
        ("reports/evidence.json", "the evidence is not the one"),
        ("reports/dossier.html", "the dossier is not the one"),
    ],
)
def test_bytes_that_differ_from_the_approved_ones_are_refused(approved: Paths, part: str, words: str) -> None:
    before = sha256_tree(approved.bento)
    path = approved.root / part
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(IntegrityError, match=words):
        package(open_context(approved.root))
    assert sha256_tree(approved.bento) == before


def test_the_decision_about_another_candidate_is_refused(approved: Paths) -> None:
    candidate = json.loads(approved.candidate.read_text(encoding="utf-8"))
    approved.candidate.write_text(json.dumps({**candidate, "data_md5": "9" * 32}), encoding="utf-8")
    with pytest.raises(IntegrityError, match="about another candidate"):
        package(open_context(approved.root))


def test_a_decision_signed_by_a_key_that_somebody_added_is_no_entry_of_the_ledger(approved: Paths) -> None:
    private = Ed25519PrivateKey.generate()
    own = Signer(private)
    publish_key(own.public, approved.public_keys / f"{own.key_id}.pub")
    entry = read_pointer(approved.release_decision)
    assert entry is not None
    forged = entry.model_copy(update={"key": own.key_id})
    digest = forged.expected_hash()
    forged = forged.model_copy(update={"hash": digest, "signature": own.sign(digest)})
    approved.release_decision.write_bytes(entry_bytes(forged))
    stranger = "signed by a key that no entry introduces"
    with pytest.raises(IntegrityError, match=stranger):
        check_release(forged, read_part(approved.candidate, Candidate, "it"), approved.public_keys)
    with pytest.raises(IntegrityError, match=stranger):
        package(open_context(approved.root))
    shutil.rmtree(approved.state)
    with pytest.raises(IntegrityError, match=stranger):
        package(open_context(approved.root))
