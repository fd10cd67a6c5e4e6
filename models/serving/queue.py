"""Requests that arrive while the model is busy are answered together, without waiting for more to come."""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import ThreadPoolExecutor

from models.serving.clerk import Clerk, Reply

TOGETHER_REQUESTS = 64


class Queue:
    """Feeds one clerk from one event loop; an idle clerk takes a request at once, so nothing is delayed on purpose."""

    def __init__(self, clerk: Clerk) -> None:
        self._clerk = clerk
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="clerk")
        self._waiting: deque[tuple[bytes, asyncio.Future[Reply]]] = deque()
        self._feeding: asyncio.Task[None] | None = None

    async def reply(self, body: bytes) -> Reply:
        """The clerk's reply to one request body."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Reply] = loop.create_future()
        self._waiting.append((body, future))
        if self._feeding is None or self._feeding.done():
            self._feeding = loop.create_task(self._feed())
        return await future

    def close(self) -> None:
        """Finish what is being answered, then close the log."""
        self._worker.shutdown(wait=True)
        if self._clerk.log is not None:
            self._clerk.log.close()

    async def _feed(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(TOGETHER_REQUESTS, len(self._waiting)))]
            try:
                replies = await loop.run_in_executor(self._worker, self._clerk.reply_all, [body for body, _ in batch])
            except BaseException as error:
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
                raise
            for (_, future), reply in zip(batch, replies, strict=True):
                if not future.done():
                    future.set_result(reply)
