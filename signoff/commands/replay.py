"""`signoff replay TAG`: the same recipe and data give the same model digest, or they do not."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from signoff.commands.output import Terminal, print_json, root_of
from signoff.core.candidate import Candidate
from signoff.core.digest import model_digest, sha256_file
from signoff.core.errors import NotFoundError, WorkspaceError
from signoff.core.files import read_json
from signoff.core.stage import open_context
from signoff.workspace.git import Git
from signoff.workspace.pipeline import Pipeline

NEEDED = ("data/train.parquet",)


def replay_tag(workspace: Path, tag: str, remote: str | None, as_json: bool) -> int:
    """Clone the tag elsewhere, fetch the training data from the remote, fit again, compare.

    Returns:
        0 when the digests are the same, 4 when they are not.
    """
    root = root_of(workspace)
    git = Git(root)
    candidate = _candidate_at(git, tag)
    with Terminal() as terminal, tempfile.TemporaryDirectory(prefix="signoff-replay-") as place:
        terminal.step(f"cloning {tag}")
        clone = Path(place) / "clone"
        git.run(
            "clone",
            "--quiet",
            "--no-hardlinks",
            "--branch",
            tag,
            "--config",
            "advice.detachedHead=false",
            str(root),
            str(clone),
        )
        terminal.step("fetching the training data")
        _fetch(Pipeline(root), Pipeline(clone), remote)
        digest = _fit_again(clone, terminal)
    same = digest == candidate.model_digest
    if as_json:
        print_json({"tag": tag, "digest": digest, "expected": candidate.model_digest, "same": same})
    else:
        verdict = "the same model, bit for bit" if same else "NOT the same model"
        sys.stdout.write(f"{tag}: {verdict}\n  built    {digest}\n  expected {candidate.model_digest}\n")
    return 0 if same else 4


def _candidate_at(git: Git, tag: str) -> Candidate:
    if git.tag_message(tag) is None:
        known = ", ".join(git.run("tag", "--list").splitlines()) or "none"
        raise NotFoundError(f"there is no tag {tag!r}", allowed=known, next_step="git fetch --tags")
    return Candidate.model_validate(json.loads(git.show(tag, "reports/candidate.json")))


def _fetch(here: Pipeline, clone: Pipeline, remote: str | None) -> None:
    url = remote or here.remote_url()
    if url is None:
        raise WorkspaceError("no DVC remote is configured", next_step="signoff replay TAG --remote FOLDER_OR_URL")
    clone.set_remote(str(Path(url).resolve()) if Path(url).exists() else url)
    clone.pull(NEEDED)


def _fit_again(clone: Path, terminal: Terminal) -> str:
    """The stage's own function: what `fit` does is what is proved."""
    from tasks.fit import fit

    context = open_context(clone, terminal)
    recipe = sha256_file(context.paths.recipe)
    fit(context)
    record = read_json(context.paths.model / "model.json")
    if record["recipe_sha256"] != recipe:
        raise WorkspaceError("the fitted model names another recipe", where=str(context.paths.model))
    return model_digest(recipe, sha256_file(context.paths.model / "model.bin"))
