"""`python killed_console.py WORKSPACE`: a console killed when an entry is on disk and its run not begun."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    from signoff.commands.console import serve_console
    from signoff.commands.launching import Launcher

    def die(*_: Any) -> str:
        os.kill(os.getpid(), signal.SIGKILL)
        return ""

    Launcher.follow = die  # type: ignore[method-assign]
    serve_console(Path(sys.argv[1]), None, 0)


if __name__ == "__main__":
    main()
