"""A run as it happens, by server-sent events (WHATWG HTML, 9.2): bounded in number, time and memory."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import uuid4

from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from signoff.core.errors import ServiceError
from signoff.core.run_log import LogPart, read_run_log

POLL_SECONDS = 0.5
PING_SECONDS = 10.0
LIFE_SECONDS = 900
"""A stream ends after this long and the browser asks again: whoever may no longer see it is then refused."""
RETRY_MILLISECONDS = 2000
MOST_STREAMS, MOST_OF_ONE = 64, 8


class Slots:
    """How many streams there are, in all and of each name."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: dict[str, tuple[str, float]] = {}

    def take(self, name: str) -> str:
        """A slot, given back with `free`; one that was never given back ends by itself.

        Raises:
            ServiceError: there are too many.
        """
        with self._lock:
            oldest = time.monotonic() - LIFE_SECONDS - 60
            self._taken = {key: slot for key, slot in self._taken.items() if slot[1] > oldest}
            own = sum(holder == name for holder, _ in self._taken.values())
            if own >= MOST_OF_ONE or len(self._taken) >= MOST_STREAMS:
                raise ServiceError(
                    "too many pages follow runs at this moment",
                    allowed=f"{MOST_OF_ONE} of one account, {MOST_STREAMS} in all",
                    next_step="close some of them, or load the page again by hand",
                )
            key = uuid4().hex
            self._taken[key] = (name, time.monotonic())
            return key

    def free(self, key: str) -> None:
        """Give a slot back."""
        with self._lock:
            self._taken.pop(key, None)

    def count(self) -> int:
        """How many are taken."""
        return len(self._taken)


SLOTS = Slots()


class EventStream(StreamingResponse):
    """A stream that ends in time, also where its client reads nothing, and gives its slot back."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[str], slot: str) -> None:
        super().__init__(events, headers={"X-Accel-Buffering": "no"})
        self._slot = slot

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(LIFE_SECONDS):
                await super().__call__(scope, receive, send)
        except TimeoutError:
            # The connection is simply closed: the browser asks again from where it was.
            return
        finally:
            SLOTS.free(self._slot)


async def follow(path: Path | None, start: int, over: Callable[[], bool]) -> AsyncIterator[str]:
    """The lines of a log from `start` on, as they come; ends with the run.

    Args:
        path: of the log; None where the run is on another machine, which is then only waited for.
        start: the id of the last event that was seen.
        over: whether the run has ended, however it did.
    """
    yield f"retry: {RETRY_MILLISECONDS}\n\n"
    place, asked, ended = start, 0.0, False
    while True:
        part = await _read(path, place)
        for after, line in part.lines:
            yield f"id: {after}\nevent: {line.kind}\ndata: {line.model_dump_json(exclude_none=True)}\n\n"
        moved, place = part.next != place, part.next
        if any(line.kind == "end" for _, line in part.lines) or (ended and not moved):
            yield f"id: {place}\nevent: over\ndata: {{}}\n\n"
            return
        if moved:
            continue
        moment = time.monotonic()
        if moment - asked >= PING_SECONDS:
            if asked:
                yield ": still here\n\n"
            asked = moment
            # Asked before the log is read once more: what was written before the end is told before it.
            ended = await run_in_threadpool(over)
            if ended:
                continue
        await asyncio.sleep(POLL_SECONDS)


async def _read(path: Path | None, place: int) -> LogPart:
    if path is None:
        return LogPart(lines=(), next=place)
    return await run_in_threadpool(read_run_log, path, place)
