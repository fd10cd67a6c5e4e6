"""Ctrl-C at a terminal: the whole foreground group gets the signal, and the run ends in order."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from signoff.workspace.lock import holder_of
from tests.chain import SIGNOFF, signoff_json, small_workspace, with_settings
from tests.waiting import eventually


@pytest.mark.slow
def test_ctrl_c_ends_a_run_with_its_own_server(tmp_path: Path) -> None:
    root = small_workspace(tmp_path, trials=2)
    with_settings(root, {"search": {"budget": {"seconds": 120}}})
    command = subprocess.Popen(
        [SIGNOFF, "run", "--workspace", root], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    eventually((root / "data" / "train.parquet").exists, command)
    time.sleep(2)
    began = time.monotonic()
    os.killpg(command.pid, signal.SIGINT)
    _, said = command.communicate(timeout=90)
    assert command.returncode == 130, said
    assert "stopped; run the same command again to go on" in said
    assert "error:" not in said
    assert time.monotonic() - began < 60
    assert holder_of(root / ".signoff") is None
    assert signoff_json("status", root=root)["run"]["state"] == "interrupted"
