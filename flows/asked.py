"""Who asked for a flow run: whoever called the flow, or, behind a deployment, whoever can prove it."""

from __future__ import annotations

from pathlib import Path

from prefect.context import FlowRunContext

from flows.prefect_login import proven_cause
from signoff.core.paths import Paths
from signoff.core.run import Cause, Request


def cause_of_run(workspace: Path, flow: str, cause: Cause, request: Request, proof: str) -> Cause:
    """The cause as the caller of the flow names it; of a run that workers were given, the one that is proven.

    Raises:
        RefusedError: the run may not be asked for like this.
    """
    context = FlowRunContext.get()
    handed_over = context is not None and context.flow_run is not None and context.flow_run.deployment_id is not None
    return proven_cause(Paths(workspace), flow, cause, request, proof) if handed_over else cause
