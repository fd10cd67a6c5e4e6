"""Try a policy: past reviews judged again under what was pasted. Nothing is saved."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import yaml
from fastapi import APIRouter, Form, Response
from pydantic import Field

from signoff.console.deps import CallerDep, HomeDep, ProjectQuery, VisitDep, require
from signoff.console.home import Home
from signoff.console.page import action, api, page
from signoff.console.problems import InvalidError
from signoff.console.templating import render
from signoff.core.account import Permission
from signoff.core.errors import NotFoundError, SettingsError
from signoff.core.record import Record
from signoff.core.settings import Gates, Project
from signoff.core.settings_file import load_record
from signoff.gates.trying import Trial, try_policy

router = APIRouter()
LONGEST, SHOWN, DEEPEST = 20_000, 500, 50
NAME = "policy.yaml"
TITLE = "Try a policy"
_BEGINS = (
    yaml.FlowSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.BlockMappingStartToken,
)
_ENDS = (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken, yaml.BlockEndToken)
_one_at_a_time = threading.Lock()


class PolicyFile(Record):
    """What is pasted: policies and nothing else."""

    gates: Gates


class TryOrder(Record):
    """What is asked for with POST /api/v1/policy/try."""

    project: str
    yaml: str = Field(max_length=LONGEST, description="a mapping with the key gates, as in signoff.yaml")


class TryContext(Record):
    """What a policy would have made of the past; `trials` is None before anything was tried."""

    project: str
    yaml: str
    problem: str = ""
    trials: tuple[Trial, ...] | None = None
    total: int = 0
    differ: int = 0


@page(router, "/policy/try", template="policy_try.html", needs=Permission.AUDIT, title=TITLE)
def try_page(home: HomeDep, project: ProjectQuery = None) -> TryContext:
    """The policy in force, to be changed and tried."""
    if project is None:
        raise NotFoundError("name the project", next_step="open /policy")
    gates = home.settings_of(project).gates.model_dump(mode="json", exclude_defaults=True)
    return TryContext(project=project, yaml=yaml.safe_dump({"gates": gates}, sort_keys=False, allow_unicode=True))


@action(router, "/policy/try", needs=Permission.AUDIT)
def try_form(
    visit: VisitDep,
    home: HomeDep,
    caller: CallerDep,
    project: Annotated[str, Form(max_length=80)],
    text: Annotated[str, Form(alias="yaml", max_length=LONGEST)] = "",
) -> Response:
    """The same page with what would have differed, or with what is wrong in the text."""
    require(home, caller, Permission.AUDIT, project)
    try:
        answer = _tried(home, project, text)
    except (SettingsError, InvalidError) as error:
        answer = TryContext(project=project, yaml=text, problem=error.sentence())
        return render(visit, "policy_try.html", answer, TITLE, 422)
    return render(visit, "policy_try.html", answer, TITLE)


@api(router, "POST", "/policy/try", needs=Permission.AUDIT, title=TITLE)
def try_json(home: HomeDep, caller: CallerDep, order: TryOrder) -> TryContext:
    """Every past review under these policies; the gates that are left out stay as they are now."""
    require(home, caller, Permission.AUDIT, order.project)
    return _tried(home, order.project, order.yaml)


def _tried(home: Home, project: str, text: str) -> TryContext:
    gates = gates_of(text, home.settings_of(project))
    # Thousands of reviews take seconds; whoever asks twice waits for himself and not everybody for him.
    with _one_at_a_time:
        trials = try_policy(home.desk(project), gates)
    differing = [trial for trial in trials if trial.differs]
    rest = [trial for trial in trials if not trial.differs]
    shown = tuple([*differing[::-1], *rest[::-1]][:SHOWN])
    return TryContext(project=project, yaml=text, trials=shown, total=len(trials), differ=len(differing))


def gates_of(text: str, project: Project) -> Gates:
    """The policies in a text.

    Raises:
        InvalidError: it holds aliases, by which a short text becomes an endless one, is nested deeply, or is no YAML.
        SettingsError: a policy in it is not allowed.
    """
    try:
        aliased = any(isinstance(token, yaml.AliasToken | yaml.AnchorToken) for token in _shallow(text))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidError("the text is no YAML", where=NAME, got=" ".join(str(error).split())[:200]) from error
    if aliased:
        raise InvalidError("the text holds anchors or aliases", where=NAME, allowed="each policy written out")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / NAME
        file.write_text(text, encoding="utf-8", errors="replace")
        try:
            given = load_record(file, PolicyFile).gates
        except SettingsError as error:
            where = (error.where or NAME).replace(f"{folder}/", "").replace(folder, NAME)
            raise SettingsError(error.what, where=where, got=error.got, allowed=error.allowed) from error
        except RecursionError as error:
            raise InvalidError("the text is nested too deeply", where=NAME) from error
    kept = {name: getattr(project.gates, name) for name in Gates.model_fields if name not in given.model_fields_set}
    return given.model_copy(update=kept)


def _shallow(text: str) -> Iterator[yaml.Token]:
    """The tokens of a text, up to the first that is nested too deeply: reading goes with the square of the depth."""
    depth = 0
    for token in yaml.scan(text):
        depth += isinstance(token, _BEGINS) - isinstance(token, _ENDS)
        if depth > DEEPEST:
            raise InvalidError("the text is nested too deeply", where=NAME, allowed=f"{DEEPEST} levels")
        yield token
