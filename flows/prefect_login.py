"""The secrets between this workspace and its Prefect: the server's log-in, and the seal on what is handed over."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path

from signoff.core.digest import canonical_json
from signoff.core.errors import RefusedError, WorkspaceError
from signoff.core.files import explain_os_error, make_secret
from signoff.core.paths import Paths
from signoff.core.run import Cause, Request

SECRET_DIGITS = 64


def login_file(paths: Paths) -> Path:
    """Where the log-in of this workspace's own servers is kept, readable by its owner alone."""
    return paths.state / "prefect" / "login"


def login(paths: Paths) -> str:
    """The log-in (USER:PASSWORD) of every Prefect server that Signoff starts for this workspace.

    Raises:
        WorkspaceError: its file cannot be made or read.
    """
    return _secret(login_file(paths), "signoff:")


def proof_of(paths: Paths, flow: str, cause: Cause, request: Request) -> str:
    """HMAC-SHA256 over what a run is asked to do and why, by a key that never leaves the workspace."""
    key = _secret(paths.state / "keys" / "handover.key", "")
    said = {"flow": flow, "cause": cause.as_json(), "request": request.as_json()}
    return hmac.new(bytes.fromhex(key), canonical_json(said), hashlib.sha256).hexdigest()


def proven_cause(paths: Paths, flow: str, cause: Cause, request: Request, proof: str) -> Cause:
    """The cause of a run that Prefect's workers were given: the one it names where Signoff handed it over.

    Whoever may ask Prefect for a run may name any cause. Without a proof it is the schedule's, so that nobody runs
    in another's name.

    Raises:
        RefusedError: the proof is about something else, or there is none and the run is asked to steer.
    """
    if proof:
        if hmac.compare_digest(proof.encode(), proof_of(paths, flow, cause, request).encode()):
            return cause
        raise RefusedError("the proof of this run's cause does not hold", got=cause.sentence(), next_step="signoff run")
    if request != Request():
        raise RefusedError(
            "a run that nobody of this workspace asked for may not steer or set the clock",
            where=f"parameter request of the flow {flow}",
            next_step="signoff run",
        )
    return Cause(kind="schedule", actor="schedule")


def _secret(path: Path, user: str) -> str:
    """The secret of a file; made at the first use, whole or not at all, and the same for all who come at once."""
    try:
        if not path.exists():
            make_secret(path, f"{user}{secrets.token_hex(SECRET_DIGITS // 2)}\n".encode())
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise explain_os_error(error, path) if isinstance(error, OSError) else _damaged(path) from error
    if len(text) != len(user) + SECRET_DIGITS or not text.startswith(user):
        raise _damaged(path)
    return text


def _damaged(path: Path) -> WorkspaceError:
    return WorkspaceError("a secret is damaged", where=str(path), next_step=f"rm {path}; a new one is made")
