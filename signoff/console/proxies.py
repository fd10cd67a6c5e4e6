"""A console behind proxies that end TLS: they alone may reach it, and they alone say who the client is."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address, ip_network

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware


class BehindProxies:
    """Refuses what did not come by TLS and a named proxy; the rest is told of the client by the proxy's headers.

    Stands around everything else: a password that crosses the network in the clear is one that others know, whatever
    the answer is. Requests of this machine itself cross no network.
    """

    def __init__(self, app: ASGIApp, proxies: Sequence[str], own_tls: bool) -> None:
        self.app = ProxyHeadersMiddleware(app, list(proxies))  # type: ignore[arg-type]
        self.networks = [ip_network(proxy, strict=False) for proxy in proxies]
        self.own_tls = own_tls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self.own_tls:
            peer = scope["client"][0] if scope.get("client") else ""
            if not self._may_speak_plainly(peer):
                await _refused(peer, "https through the proxy")(scope, receive, send)
                return
            if _first_protocol(scope) == "http":
                await _refused("http", "https: the proxy says that the client came without TLS")(scope, receive, send)
                return
        await self.app(scope, receive, send)  # type: ignore[arg-type]

    def _may_speak_plainly(self, peer: str) -> bool:
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        return address.is_loopback or any(address in network for network in self.networks)


def _first_protocol(scope: Scope) -> str:
    """What the client spoke to the first proxy, as far as the proxies say it (X-Forwarded-Proto)."""
    found = [value for name, value in scope["headers"] if name == b"x-forwarded-proto"]
    return found[0].decode("latin1").partition(",")[0].strip().lower() if found else ""


def _refused(got: str, allowed: str) -> JSONResponse:
    what = {"error": "RefusedError", "what": "the console does not answer without TLS", "got": got, "allowed": allowed}
    return JSONResponse(what, 403, headers={"Connection": "close"})
