"""The served model: a BentoML service around one verified package."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import bentoml
from bentoml import IODescriptor
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from models.serving.clerk import Clerk, Reply
from models.serving.log import PredictionLog
from models.serving.parcel import CANDIDATE, Parcel, open_parcel
from models.serving.queue import Queue
from models.serving.rows import Shape, TooManyRowsError
from signoff.core.errors import RefusedError, SignoffError

if TYPE_CHECKING:
    from starlette.requests import Request

    from models.search.model_file import LoadedModel

BODY_BYTES = 64 << 20
PREDICTIONS = "SIGNOFF_PREDICTIONS"
"""Environment variable: the folder of the prediction log."""
MODEL_LABELS = ("project", "tag", "digest", "model")


class Rows(IODescriptor):  # type: ignore[misc]
    """Request body of /predict."""

    rows: list[dict[str, Any]]

    @classmethod
    async def from_http_request(cls, request: Request, serde: Any) -> IODescriptor:  # noqa: ARG003
        """Take the body as it is: the clerk parses it, so that every refusal has Signoff's own form."""
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_BYTES:
                return cls.model_construct(rows=None)
        return cls.model_construct(rows=bytes(body))


class Answered(IODescriptor):  # type: ignore[misc]
    """Response body of /predict."""

    predictions: list[dict[str, Any]]


def prediction_folder() -> Path:
    """Where answers are logged: $SIGNOFF_PREDICTIONS, else below the folder in which the server was started."""
    given = os.environ.get(PREDICTIONS)
    return Path(given) if given else Path(os.environ.get("PWD", ".")).absolute() / ".signoff" / "predictions"


def make_service(parcel: Parcel, log_folder: Path | None = None, model: LoadedModel | None = None) -> Any:
    """A BentoML service that answers with the model of this package.

    It answers POST /predict, GET / and GET /model, and BentoML's /healthz, /livez, /readyz and /metrics. Unless it is
    given, the model is loaded when a worker starts, not here.

    Args:
        parcel: as `open_parcel` found it.
        log_folder: of the prediction log; `prediction_folder()` when None.
        model: what `parcel.load()` gave.
    """
    serving = parcel.serving
    named = (parcel.model.inputs, serving.id_columns, serving.time_column, serving.max_rows)
    shape = Shape(*named, frozenset(serving.missing))
    folder = log_folder or prediction_folder()

    facts = about(parcel)

    class Champion:
        """Answers rows with the approved model, and logs every answer before it is given."""

        def __init__(self) -> None:
            self.queue = Queue(Clerk(model or parcel.load(), shape, PredictionLog(folder)))
            model_info().labels(*(facts[name] for name in MODEL_LABELS)).set(1)

        @bentoml.api(route="/predict", input_spec=Rows, output_spec=Answered)  # type: ignore[untyped-decorator]
        async def predict(self, rows: Any) -> Any:
            """Probability and label of each row, with the digest of the model that gave them."""
            reply = await self.queue.reply(rows) if rows is not None else _too_large()
            return Response(reply.body, reply.status, media_type="application/json")

        @bentoml.on_shutdown  # type: ignore[untyped-decorator]
        def close(self) -> None:
            """Finish what is being answered."""
            self.queue.close()

    service = bentoml.service(
        Champion,
        name=parcel.serving.project,
        traffic={"timeout": 60},
        logging={"access": {"enabled": False}},
        envs=[{"name": "OMP_NUM_THREADS", "value": "1"}],
        labels=labels(parcel),
    )
    routes = [
        # BentoML's own page at / would call a tracker on the internet from the browser of whoever opens it.
        Route("/", lambda _: PlainTextResponse(_front(facts)), methods=["GET"]),
        Route("/model", lambda _: JSONResponse(facts), methods=["GET"]),
    ]
    service.mount_asgi_app(Starlette(routes=routes), name="model")
    return service


def service_or_exit(here: Path) -> Any:
    """The service of the package around `here`; a refusal is one line on standard error and exit code 4.

    Called by the service.py of a package, which lies in `src/` once it is built and in the root while it is.
    """
    folder = next((place for place in (here.parent, here) if (place / CANDIDATE).is_file()), here.parent)
    keys = os.environ.get("SIGNOFF_PUBLIC_KEYS")
    try:
        return make_service(open_parcel(folder, Path(keys) if keys else None))
    except SignoffError as error:
        sys.stderr.write(f"{'refused' if isinstance(error, RefusedError) else 'error'}: {error.sentence()}\n")
        sys.stderr.flush()
        raise SystemExit(error.exit_code) from None


def labels(parcel: Parcel) -> dict[str, str]:
    """What bento.yaml says about the package."""
    return {
        "signoff.project": parcel.serving.project,
        "signoff.tag": parcel.serving.tag,
        "signoff.digest": parcel.digest,
        "signoff.model": parcel.model.digest,
        "signoff.decision": parcel.entry.hash,
    }


def about(parcel: Parcel) -> dict[str, Any]:
    """What GET /model answers."""
    decision = parcel.entry.decision()
    return {
        "project": parcel.serving.project,
        "tag": parcel.serving.tag,
        "release": parcel.serving.release or None,
        "digest": parcel.digest,
        "model": parcel.model.digest,
        "decision": parcel.entry.hash,
        "approved_by": list(decision.by),
        "approved": decision.decided.isoformat(),
        "inputs": dict(parcel.model.inputs),
        "id_columns": list(parcel.serving.id_columns),
        "time_column": parcel.serving.time_column,
        "max_rows": parcel.serving.max_rows,
        "missing": list(parcel.serving.missing),
        "threshold": parcel.recipe().threshold,
        "rows_trained": parcel.model.rows,
    }


@cache
def model_info() -> Any:
    """The metric that names what answers: always 1, so that a dashboard can join it to the others."""
    from bentoml.metrics import Gauge

    told = "Always 1; the labels name the model that answers"
    return Gauge("signoff_model_info", told, MODEL_LABELS, multiprocess_mode="max")


def _front(facts: dict[str, Any]) -> str:
    return (
        f"{facts['project']}: {facts['release'] or facts['tag']}, digest {facts['digest']}\n\n"
        'POST /predict   {"rows": [{...}]}, answered by id, probability, label and model of each row\n'
        "GET  /model     what serves, who approved it, which columns a row has\n"
        "GET  /healthz   whether it answers\n"
        "GET  /metrics   for Prometheus\n"
        "GET  /docs.json the OpenAPI document\n"
    )


def _too_large() -> Reply:
    import json

    error = TooManyRowsError(
        "the request is too large", where="body", allowed=f"at most {BODY_BYTES >> 20} MB", next_step="send it in parts"
    )
    return Reply(error.http_status, json.dumps(error.as_record()).encode())


def as_asgi(service: Any) -> Any:
    """The ASGI application of a service, for a server in this process."""
    return cast("Any", service.to_asgi(is_main=True))
