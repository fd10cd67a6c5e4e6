"""Real receivers of announcements on loopback: a mail server and a webhook's other end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller


@dataclass
class Mailbox:
    """What a mail server took, in order."""

    port: int = 0
    mails: list[tuple[list[str], Message]] = field(default_factory=list)

    def address(self, to: str = "team@example.org") -> str:
        return f"mailto://127.0.0.1:{self.port}/?from=signoff@example.org&to={to}&mode=insecure"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self.mails.append((envelope.rcpt_tos, message_from_bytes(envelope.content)))
        return "250 taken"


class _Server(Controller):
    def _trigger_server(self) -> None:
        """Its own check connects to the port that was asked for, which is not the one it got."""
        assert self.server is not None
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def mail_server() -> Iterator[Mailbox]:
    box = Mailbox()
    controller = _Server(box, hostname="127.0.0.1", port=0)
    controller.start()
    box.port = controller.port
    try:
        yield box
    finally:
        controller.stop(no_assert=True)


def parts_of(mail: Message) -> dict[str, str]:
    """Content type and decoded text of each part."""
    return {
        part.get_content_type(): part.get_payload(decode=True).decode()  # type: ignore[union-attr]
        for part in mail.walk()
        if not part.is_multipart()
    }


@dataclass
class Receiver:
    """What a webhook was told: headers and body of each try; `answers` are the codes to give, the last one for ever."""

    port: int = 0
    answers: list[int] = field(default_factory=lambda: [200])
    location: str = ""
    pause: threading.Event | None = None
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook/s3cret-path"


@contextmanager
def receiver(*answers: int) -> Iterator[Receiver]:
    found = Receiver(answers=list(answers) or [200])

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            found.got.append((dict(self.headers.items()), body))
            if found.pause is not None:
                found.pause.wait(20)
            code = found.answers.pop(0) if len(found.answers) > 1 else found.answers[0]
            self.send_response(code)
            if found.location:
                self.send_header("Location", found.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
