"""lineage: from the source files to the model, each step by the fingerprint of its bytes."""

from __future__ import annotations

from models.evaluation.case import Case
from signoff.core.digest import sha256_json
from signoff.core.evidence import Evidence, Table, Value
from signoff.core.numbers import number


def lineage(case: Case) -> Evidence:
    """Sources, snapshot, split, features, recipe, model; the candidate's own digest covers this record and is later."""
    record, snapshot, profile = case.model.record, case.snapshot, case.profile
    rows: list[tuple[str, str, str | None, str | None]] = [
        ("source", one.file or one.name, _size(one.bytes, one.rows), one.sha256) for one in snapshot.sources
    ]
    clock = f", clock {snapshot.as_of:%Y-%m-%d %H:%M} UTC" if snapshot.as_of else ""
    rows += [
        ("snapshot", "data/raw.parquet", f"{snapshot.rows:,} rows{clock}", f"md5 {snapshot.md5}"),
        ("split", profile.split.rstrip("."), f"{profile.train_rows:,} and {profile.holdout_rows:,} rows", None),
        ("features", f"{len(case.recipe.features.used())} columns", None, sha256_json(case.recipe.features.as_json())),
        ("recipe", f"artifacts/recipe.json ({case.recipe.family})", None, record.recipe_sha256),
        ("model file", "artifacts/model/model.bin", f"{number(case.model_bytes / 1e6)} MB", record.model_sha256),
        ("model digest", "recipe and model together", None, record.digest),
    ]
    if case.champion.digest:
        rows.append(("compared with", "the champion's model digest", None, case.champion.digest))
    return Evidence(
        kind="lineage",
        title="Where it comes from",
        business=f"From {len(snapshot.sources)} {'source' if len(snapshot.sources) == 1 else 'sources'} to one model, "
        "every step can be named and checked.",
        expert="SHA-256 of bytes unless another digest is named; features as canonical JSON. The candidate's digest, "
        "which covers all of this and the evidence too, is made after it and stands on the review.",
        values=(
            Value(name="lineage.sources", value=len(snapshot.sources)),
            Value(name="lineage.steps", value=len(rows)),
        ),
        table=Table(columns=("step", "what", "size", "fingerprint"), rows=tuple(rows)),
        matters="`signoff replay TAG` fits the model again from these and compares the digest.",
    )


def _size(size: int | None, rows: int) -> str:
    return f"{rows:,} rows" if size is None else f"{rows:,} rows, {number(size / 1e6)} MB"
