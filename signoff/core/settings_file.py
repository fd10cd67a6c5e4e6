"""Read signoff.yaml and run.yaml; every mistake names file, line, key and what is allowed."""

from __future__ import annotations

import re
import types
from enum import EnumType
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from signoff.core.errors import SettingsError, did_you_mean
from signoff.core.settings import Project, QuerySource

SETTINGS_FILE = "signoff.yaml"
_PASSWORD = re.compile(r"^[^:/]+://[^:/]*:[^@]+@|[?&](password|passwd|pwd|sslpassword|odbc_connect)=", re.IGNORECASE)
"""In an address as SQLAlchemy reads it: between user and host, where it may hold a slash, or among the options."""
_USER_INFO = re.compile(r"^[^:/]+://[^/?#]*:[^/?#]*@")
"""In an address as apprise reads it: what stands before the host ends with an @ and holds no slash."""

R = TypeVar("R", bound=BaseModel)
Location = tuple[str | int, ...]


def load_project(workspace: Path) -> Project:
    """The project of a workspace.

    Raises:
        SettingsError: the file is missing, is not YAML, says something that is not allowed, or holds a password.
    """
    project = load_record(workspace / SETTINGS_FILE, Project)
    _refuse_passwords(project, workspace / SETTINGS_FILE)
    return project


def _refuse_passwords(project: Project, path: Path) -> None:
    """Signoff itself commits signoff.yaml, and what git has once seen stays there."""
    for key, text in _databases(project).items():
        if text is not None and _PASSWORD.search(text):
            raise _held(key, "a password", "ADDRESS", path)
    targets = {"targets": project.announce.targets}
    targets |= {f"by_role.{role}": told for role, told in project.announce.by_role.items()}
    for key, told in targets.items():
        if any(_USER_INFO.search(target) for target in told):
            raise _held(f"announce.{key}", "a password", "ADDRESS", path)
    secrets = {f"announce.webhooks[{at}].secret": hook.secret for at, hook in enumerate(project.announce.webhooks)}
    if project.console.oidc is not None and project.console.oidc.client_secret is not None:
        secrets["console.oidc.client_secret"] = project.console.oidc.client_secret
    for key, text in secrets.items():
        if not text.startswith("env:"):
            raise _held(key, "a secret", "SECRET", path)


def _databases(project: Project) -> dict[str, str | None]:
    sources = project.data.sources.items()
    addresses: dict[str, str | None] = {
        f"data.sources.{name}.database": source.database for name, source in sources if isinstance(source, QuerySource)
    }
    addresses |= {f"state.{name}": getattr(project.state, name) for name in type(project.state).model_fields}
    return addresses


def _held(key: str, what: str, stands_for: str, path: Path) -> SettingsError:
    return SettingsError(
        f"{key} holds {what}, and signoff.yaml is kept in git",
        where=str(path),
        allowed="env:NAME" if what == "a secret" else "an address without a password, or env:NAME",
        next_step=f"export NAME={stands_for} and write '{key.rpartition('.')[2]}: env:NAME'; change that {what[2:]}"
        " if it was committed",
    )


def load_record(path: Path, kind: type[R]) -> R:
    """One YAML file as a record of `kind`, with readable errors."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise SettingsError(
            f"there is no {path.name} here", where=str(path.parent), next_step="signoff init FILE --target COLUMN"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path.name} cannot be read as UTF-8 text", where=str(path), got=error) from error
    value, lines = parse_with_lines(text, path)
    if not isinstance(value, dict):
        raise SettingsError(f"{path.name} must be a mapping of keys to values", where=f"{path}:1")
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        raise _explain(error, kind, path, lines) from error


def require_tracked_keys(workspace: Path) -> None:
    """DVC can only notice a change of what stands in the file: what dvc.yaml names must be written out.

    Raises:
        SettingsError: signoff.yaml leaves out a key on which a stage depends.
    """
    settings, _ = parse_with_lines((workspace / SETTINGS_FILE).read_text(encoding="utf-8"), workspace / SETTINGS_FILE)
    pipeline, _ = parse_with_lines((workspace / "dvc.yaml").read_text(encoding="utf-8"), workspace / "dvc.yaml")
    for stage, definition in (pipeline or {}).get("stages", {}).items():
        for group in definition.get("params", []):
            for key in group.get(SETTINGS_FILE, []) if isinstance(group, dict) else []:
                if key not in settings:
                    raise SettingsError(
                        f"signoff.yaml must say {key!r}, even where the default will do: {stage} depends on it",
                        where=str(workspace / SETTINGS_FILE),
                        next_step=f"add '{key}: {_default_of(key)}' to signoff.yaml",
                    )


def _default_of(key: str) -> str:
    field = Project.model_fields[key]
    default = field.default
    return "{}" if isinstance(default, BaseModel) else "null" if default is None else "..."


def parse_with_lines(text: str, path: Path) -> tuple[Any, dict[Location, int]]:
    """YAML as plain values, and the line (from 1) of each key."""
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        value = None if node is None else loader.construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        problem = getattr(error, "problem", None) or "not valid YAML"
        raise SettingsError(f"{path.name} is not valid YAML: {problem}", where=where) from error
    lines: dict[Location, int] = {}
    if node is not None:
        _collect_lines(node, (), lines, path)
    return value, lines


def _collect_lines(node: yaml.Node, location: Location, lines: dict[Location, int], path: Path) -> None:
    lines.setdefault(location, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, child in node.value:
            if key.value in seen:
                where = f"{path}:{key.start_mark.line + 1}"
                raise SettingsError(f"the key {key.value!r} stands twice", where=where, next_step="keep one of them")
            seen.add(key.value)
            lines[(*location, key.value)] = key.start_mark.line + 1
            _collect_lines(child, (*location, key.value), lines, path)
    elif isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            _collect_lines(child, (*location, index), lines, path)


def _explain(error: ValidationError, kind: type[BaseModel], path: Path, lines: dict[Location, int]) -> SettingsError:
    problems = sorted(error.errors(), key=lambda problem: (problem["type"] != "extra_forbidden", -len(problem["loc"])))
    first = problems[0]
    location = tuple(part for part in first["loc"] if part in _known_parts(first["loc"], lines))
    line = next((lines[location[:end]] for end in range(len(location), -1, -1) if location[:end] in lines), 1)
    key = ".".join(str(part) for part in location) or path.name
    if first["type"] == "extra_forbidden":
        owner = _record_at(kind, location[:-1])
        allowed = did_you_mean(str(location[-1]), _keys_of(owner)) if owner else None
        what = f"{key} is not a setting"
    elif first["type"] == "missing":
        missing = str(first["loc"][-1])
        key = ".".join(str(part) for part in (*location, missing) if part) if missing not in location else key
        what, allowed = f"{key} is missing", None
    else:
        what, allowed = f"{key} is not allowed", first["msg"].removeprefix("Value error, ")
    got = first.get("input") if first["type"] not in ("missing", "extra_forbidden", "value_error") else None
    more = f" ({len(problems) - 1} more after this one)" if len(problems) > 1 else ""
    return SettingsError(what + more, where=f"{path}:{line}", got=got, allowed=allowed, next_step="signoff schema")


def _known_parts(location: Location, lines: dict[Location, int]) -> set[str | int]:
    """pydantic puts names of union members into a location; only what stands in the file is shown."""
    known: list[str | int] = []
    for part in location:
        if (*known, part) in lines:
            known.append(part)
    return set(known)


def _record_at(kind: type[BaseModel], location: Location) -> type[BaseModel] | None:
    found: Any = kind
    for part in location:
        found = _unwrap(found)
        if isinstance(found, type) and issubclass(found, BaseModel) and part in found.model_fields:
            found = found.model_fields[str(part)].annotation
        elif get_origin(found) in (dict, tuple, list):
            found = get_args(found)[1 if get_origin(found) is dict else 0]
    found = _unwrap(found)
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def _keys_of(kind: type[BaseModel]) -> list[str]:
    """The keys of a record as they are written in the file."""
    return [field.alias or name for name, field in kind.model_fields.items()]


def _unwrap(annotation: Any) -> Any:
    if get_origin(annotation) in (Union, types.UnionType):
        members = [member for member in get_args(annotation) if member is not type(None)]
        records = [
            m for m in members if isinstance(m, type) and not isinstance(m, EnumType) and issubclass(m, BaseModel)
        ]
        return (records or members)[0]
    return annotation
