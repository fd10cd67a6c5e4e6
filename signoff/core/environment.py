"""What every entry point sets before a tool is loaded: nothing calls home, threads do not fight over cores."""

from __future__ import annotations

import gc
import os

QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "BENTOML_DO_NOT_TRACK": "True",
    "DVC_NO_ANALYTICS": "1",
    "GX_ANALYTICS_ENABLED": "False",
    "OMP_NUM_THREADS": "1",
}


def be_quiet() -> None:
    """Set what is not set yet, so that a user's own choice of threads stands."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)


def be_quick() -> None:
    """Collect garbage less often: loading tools makes millions of objects and hardly any garbage (a sixth quicker)."""
    gc.set_threshold(100_000, 20, 20)


def resolve(address: str) -> str | None:
    """`env:NAME` read from the environment; any other text as it is."""
    return os.environ.get(address[4:]) if address.startswith("env:") else address
