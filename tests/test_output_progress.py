"""Progress where no terminal is: a log that neither fills nor falls silent."""

from __future__ import annotations

import pytest

from signoff.commands import output


def told(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line.split("s  ", 1)[1] for line in capsys.readouterr().err.splitlines()]


def test_only_what_is_new_or_ten_seconds_old_is_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr(output.time, "monotonic", lambda: clock[0])
    with output.Terminal() as terminal:
        terminal.step("reading flights", 0.0)
        assert told(capsys) == ["reading flights"]
        for second in range(1, 31):
            clock[0] = 100.0 + second
            terminal.step(f"linear (best 0.7{second}) {second} trials, {30 - second} s left", second / 30)
        lines = told(capsys)
        assert [line.split(") ")[1] for line in lines] == [
            "1 trials, 29 s left", "11 trials, 19 s left", "21 trials, 9 s left"
        ]  # fmt: skip
        terminal.step("writing")
        assert told(capsys) == ["writing"]
        terminal.step("again something new")
        assert told(capsys) == []


def test_a_stem_has_no_numbers() -> None:
    assert output.stem("linear (best 0.7123) 8 trials, 1,200 s left") == "linear (best #) # trials, # s left"
