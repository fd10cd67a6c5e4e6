"""`signoff policy`: what is in force, and what another policy would have made of past reviews."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from signoff.commands.output import print_json, root_of
from signoff.core.decision import GateName
from signoff.core.errors import UsageError
from signoff.core.paths import Paths
from signoff.core.policy_stricter import Kept
from signoff.core.policy_words import sentences_of
from signoff.core.record import Record
from signoff.core.settings import Gates, Project
from signoff.core.settings_file import load_project, load_record, parse_with_lines

if TYPE_CHECKING:
    from signoff.gates.trying import Trial


class PolicyFile(Record):
    """A file that holds policies and nothing else."""

    gates: Gates


def show_policy(workspace: Path, as_json: bool) -> None:
    """Print the policy of every gate in force, one sentence a rule."""
    root = root_of(workspace)
    project = load_project(root)
    kept = _kept(project, root)
    if as_json:
        shown = {
            name: {**one.policy.as_json(), "sentences": sentences_of(one.policy), "taken_back": one.changed}
            for name, one in kept.items()
        }
        print_json({"project": project.project, "gates": shown})
        return
    lines = [line for name, one in kept.items() for line in (f"{name}:", *(f"  {said}" for said in _sentences(one)))]
    sys.stdout.write("\n".join([*lines, "next: signoff policy try FILE"]) + "\n")


def _kept(project: Project, root: Path) -> dict[str, Kept]:
    """The policy of each gate that will hold for its next question."""
    from signoff.gates import open_desk
    from signoff.gates.standing import holds_now

    desk = open_desk(project, Paths(root))
    try:
        return {
            gate: holds_now(desk, gate, getattr(project.gates, gate))
            for gate in get_args(GateName)
            if gate in type(project.gates).model_fields
        }
    finally:
        desk.store.close()


def _sentences(kept: Kept) -> tuple[str, ...]:
    said = tuple(sentences_of(kept.policy))
    if not kept.changed:
        return said
    changed = "; ".join(kept.changed)
    return (*said, f"changed in signoff.yaml: {changed}; the rules above hold until an approval under them agrees")


def try_policy(workspace: Path, file: Path, as_json: bool) -> None:
    """Print what the policies in a file would have made of past reviews.

    Raises:
        UsageError: there is no such file.
        SettingsError: it is no signoff.yaml, has no gates, or a policy in it is not allowed.
    """
    from signoff.gates import open_desk
    from signoff.gates.trying import try_policy as replay

    root = root_of(workspace)
    project = load_project(root)
    gates = gates_in(file, project)
    desk = open_desk(project, Paths(root))
    trials = replay(desk, gates)
    desk.store.close()
    if as_json:
        differ = sum(trial.differs for trial in trials)
        print_json({"file": str(file), "differ": differ, "reviews": [trial.as_json() for trial in trials]})
        return
    sys.stdout.write("\n".join(_table(trials)) + "\n")


def gates_in(file: Path, project: Project) -> Gates:
    """The policies of a signoff.yaml, or of a file with `gates:`; the gates that such a file leaves out stay as now.

    Raises:
        UsageError: there is no such file.
        SettingsError: as `load_record`.
    """
    if not file.is_file():
        raise UsageError("there is no such file", where=str(file), allowed="a signoff.yaml, or a file with gates:")
    try:
        value, _ = parse_with_lines(file.read_text(encoding="utf-8"), file)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("the file cannot be read as UTF-8 text", where=str(file), got=error) from error
    if isinstance(value, dict) and "project" in value:
        return load_record(file, Project).gates
    given = load_record(file, PolicyFile).gates
    kept = {name: getattr(project.gates, name) for name in Gates.model_fields if name not in given.model_fields_set}
    return given.model_copy(update=kept)


def _table(trials: tuple[Trial, ...]) -> list[str]:
    """A line a review; below it why, where it would have ended otherwise or cannot be told for certain."""
    if not trials:
        return ["there is no past review to replay"]
    rows = [("review", "opened", "what happened", "what would have happened")]
    rows += [
        (one.review, f"{one.opened:%Y-%m-%d}", one.happened.sentence(), one.would.sentence() if one.differs else "same")
        for one in trials
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = []
    for row, trial in zip(rows, (None, *trials), strict=True):
        cells = [cell.ljust(width) for cell, width in zip(row[:3], widths, strict=True)]
        lines.append("  ".join((*cells, row[3])).rstrip())
        if trial is not None and (trial.differs or not trial.certain):
            lines += [f"    {reason}" for reason in trial.why]
    differ = sum(trial.differs for trial in trials)
    return [*lines, f"{len(trials)} reviews replayed: {differ} would have ended otherwise"]
