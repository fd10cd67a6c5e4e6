"""Make a workspace: a git + DVC repository that holds one project."""

from __future__ import annotations

import shutil
from pathlib import Path

from signoff.core.errors import UsageError
from signoff.core.files import make_private, write_text
from signoff.workspace.git import Git
from signoff.workspace.pipeline import Pipeline

IGNORED = """\
# Signoff's state, files of `signoff audit export`, and what DVC keeps instead of git
.signoff/
/audit/
/data/*.parquet
/artifacts/model
/artifacts/bento
/reports/data_docs
/reports/evidence.json
/reports/dossier.html
/reports/monitoring
"""


def create_workspace(root: Path, settings: str, pipeline: str, sources: dict[str, Path], extra: dict[str, str]) -> None:
    """Make the workspace `root`: settings, dvc.yaml, sources tracked by DVC, first commit.

    Killed half-way it can be called again: each step looks whether it is done.

    Args:
        root: the folder; it may exist when it is empty or is a workspace begun before.
        settings: text of signoff.yaml.
        pipeline: text of dvc.yaml.
        sources: path below `root`: file to copy there.
        extra: path below `root`: text of a further file, such as the project's SQL.

    Raises:
        UsageError: the folder holds something else.
    """
    if root.exists() and any(root.iterdir()) and not (root / "signoff.yaml").exists() and not _begun(root):
        raise UsageError("the folder is not empty", where=str(root), next_step="name another folder")
    root.mkdir(parents=True, exist_ok=True)
    git, dvc = Git(root), Pipeline(root)
    if not git.is_repository():
        git.init()
    if not (root / ".dvc" / "config").exists():
        shutil.rmtree(root / ".dvc", ignore_errors=True)
        make_private(root / ".signoff")
        dvc.init(root / ".signoff" / "dvc-remote")
    if not (root / ".gitignore").exists():
        # Before DVC adds its own lines: what it tracks must not be in git too.
        write_text(root / ".gitignore", IGNORED)
    for name, source in sources.items():
        _copy_once(source, root / name)
    for folder in sorted({str(Path(name).parent) for name in sources}):
        if not (root / f"{folder}.dvc").exists():
            dvc.add(folder)
    # signoff.yaml comes last: where it is, the workspace is whole, and DVC reads dvc.yaml only together with it.
    texts = {"run.yaml": _RUN, **extra}
    for name, text in (texts | {"dvc.yaml": pipeline, "signoff.yaml": settings}).items():
        if not (root / name).exists():
            write_text(root / name, text)
    git.commit("A workspace of Signoff", ["."])


def _begun(root: Path) -> bool:
    return {path.name for path in root.iterdir()} <= {
        ".git",
        ".dvc",
        ".dvcignore",
        ".gitignore",
        ".signoff",
        "sources",
        "examples",
        "features.yaml",
        "run.yaml",
        "rows.sql",
        "dvc.yaml",
    }


def _copy_once(source: Path, target: Path) -> None:
    if target.exists() and target.stat().st_size == source.stat().st_size:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.part")
    shutil.copyfile(source, partial)
    partial.replace(target)


_RUN = "as_of: null\nsteering:\n  ban_families: []\n  budget: null\n  exclude_features: []\n  pin_family: null\n"
