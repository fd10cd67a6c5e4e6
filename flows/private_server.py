"""A Prefect API for one run: `python -m flows.private_server PORT`. Ends when its standard input is closed."""

from __future__ import annotations

import os
import signal
import sys
import threading


def main() -> None:
    """Serve on loopback until the parent is gone: a closed pipe is noticed even after kill -9."""
    import uvicorn

    threading.Thread(target=_end_with_parent, daemon=True).start()
    uvicorn.run(
        "prefect.server.api.server:create_app",
        factory=True,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_level="warning",
        timeout_graceful_shutdown=2,
    )


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
