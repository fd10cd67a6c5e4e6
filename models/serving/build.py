"""Run as a process by `packing`: build the bento of a laid-out folder and export it as a folder."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import attr
from bentoml.bentos import build

from models.serving.packing import requirements
from models.serving.parcel import DECISION, ServingRecord, read_part
from signoff.core.decision import Entry


def build_bento(context: Path, target: Path, version: str) -> None:
    """Build `context` with BentoML and write the bento's folder to `target`.

    Args:
        context: folder with service.py and all parts.
        target: must not exist.
        version: of the bento; lower-case letters and digits.
    """
    serving = read_part(context / "serving.json", ServingRecord, "the serving record")
    entry = read_part(context / DECISION, Entry, "the decision")
    bento = build(
        "service:service",
        name=serving.project,
        version=version,
        build_ctx=str(context),
        description=f"# {serving.project} {serving.tag}\n\nThe labels name candidate and decision.\n",
        python={"packages": requirements(), "lock_packages": False},
        docker={"python_version": f"{sys.version_info.major}.{sys.version_info.minor}"},
    )
    settled = attr.evolve(bento.info, tag=bento.tag, creation_time=entry.decision().decided)
    folder = Path(bento.path)
    with (folder / "bento.yaml").open("w", encoding="utf-8") as file:
        settled.dump(file)
    shutil.copytree(folder, target)


if __name__ == "__main__":
    build_bento(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
