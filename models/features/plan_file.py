"""features.yaml: written once, then only added to; a person's line is never overwritten."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import yaml

from signoff.core.data import FeaturePlan, FeatureStep
from signoff.core.errors import SettingsError, did_you_mean
from signoff.core.files import write_text
from signoff.core.settings import Project
from signoff.core.settings_file import load_record

HEADER = """\
# What happens to each column before a model sees it. Signoff proposes a line for each column and never changes one
# that is here: edit action and reason as you see fit.
# action: keep (a number, or yes and no), category, text, datetime, or drop
"""


def load_plan(path: Path) -> FeaturePlan:
    """The plan in features.yaml.

    Raises:
        SettingsError: the file is missing, is not YAML, says something that is not allowed, or names a column twice.
    """
    plan = load_record(path, FeaturePlan)
    seen: set[str] = set()
    for step in plan.steps:
        if step.column in seen:
            raise SettingsError(f"the column {step.column!r} stands twice", where=str(path), next_step="keep one line")
        seen.add(step.column)
    return plan


def write_plan(path: Path, plan: FeaturePlan) -> None:
    """Write a first plan, one block for each column."""
    write_text(path, HEADER + "steps:\n" + _lines(plan.steps, "  "))


def append_steps(path: Path, steps: Iterable[FeatureStep]) -> None:
    """Add lines for new columns at the end of the list; what stands in the file stays as it is, comments too.

    Raises:
        SettingsError: the file is written in a way to which nothing can be added line by line.
    """
    before = load_plan(path)
    new = tuple(steps)
    text = path.read_text(encoding="utf-8")
    if not before.steps:
        raise SettingsError("the list of steps is empty", where=str(path), next_step=f"remove {path.name}")
    added = text.rstrip() + "\n" + _lines(new, _indent(text))
    try:
        after = FeaturePlan.model_validate(yaml.safe_load(added))
    except (yaml.YAMLError, ValueError) as error:
        raise _cannot_add(path, new) from error
    if after.steps != (*before.steps, *new):
        raise _cannot_add(path, new)
    write_text(path, added)


def check_plan(plan: FeaturePlan, columns: Iterable[str], project: Project, where: Path) -> None:
    """Hold the plan against the columns of the data.

    Raises:
        SettingsError: it names a column that is not there, the target, uses a column that may never be a feature, or
            uses none at all.
    """
    present = set(columns)
    never = project.never_features()
    for step in plan.steps:
        if step.column == project.target:
            raise SettingsError(f"{step.column} is the target and cannot be a feature", where=str(where))
        if step.column not in present:
            raise SettingsError(
                f"features.yaml has a line for {step.column}, and the data has no such column any more",
                where=str(where),
                allowed=did_you_mean(step.column, present - {project.target}),
                next_step=f"bring the column back, or remove the line of {step.column} from {where.name}",
            )
        if step.action != "drop" and step.column in never:
            raise SettingsError(
                f"{step.column} may never be a feature",
                where=str(where),
                got=step.action,
                allowed="drop, as signoff.yaml says that it is an identifier, a pseudonym, a time or a group",
            )
    if not plan.used():
        raise SettingsError("no feature is left to learn from", where=str(where), next_step="keep at least one column")


def _lines(steps: Iterable[FeatureStep], indent: str) -> str:
    text = yaml.safe_dump(
        [{"column": step.column, "action": step.action, "reason": step.reason} for step in steps],
        sort_keys=False,
        allow_unicode=True,
        width=10_000,
    )
    return "".join(f"{indent}{line}\n" for line in text.splitlines())


def _indent(text: str) -> str:
    """The white space before the dashes of the list."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    column = next((value.start_mark.column for key, value in pairs if key.value == "steps"), 2)
    return " " * int(column)


def _cannot_add(path: Path, steps: tuple[FeatureStep, ...]) -> SettingsError:
    names = ", ".join(step.column for step in steps)
    return SettingsError(
        f"{path.name} cannot be added to line by line, and the data has new columns",
        where=str(path),
        got=names,
        next_step=f"write a line for each of them at the end of {path.name}, one step a block",
    )
