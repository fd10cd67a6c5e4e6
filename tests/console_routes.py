"""Every route of the console and what it asks, written down a second time: a route that is not here fails a test.

'own': any account, about itself. 'everywhere': the permission must hold for all projects.
"""

from __future__ import annotations

PAGES = {
    # path: what its page and its JSON twin ask
    "/": "see",
    "/reviews": "see",
    "/reviews/{ref}": "see",
    "/reviews/{ref}/evidence/{slug}": "see",
    "/runs": "see",
    "/runs/{ref}": "see",
    "/projects": "see",
    "/versions": "see",
    "/versions/{project}/{name}": "see",
    "/compare": "see",
    "/alerts": "see",
    "/alerts/{project}/{alert_id}": "see",
    "/search": "see",
    "/ledger": "see",
    "/ledger/{project}/{sequence}": "see",
    "/policy": "see",
    "/policy/try": "audit",
    "/account": "own",
    "/people": "admin everywhere",
    "/access": "admin everywhere",
}
OTHERS = {
    ("GET", "/static/{name}"): "public",
    ("GET", "/login"): "public",
    ("POST", "/login"): "public",
    ("GET", "/login/oidc"): "public",
    ("GET", "/login/oidc/back"): "public",
    ("POST", "/logout"): "own",
    ("GET", "/account/password"): "own",
    ("POST", "/account/password"): "own",
    ("POST", "/account/tokens"): "own",
    ("POST", "/account/tokens/revoke"): "own",
    ("POST", "/account/lens"): "own",
    ("POST", "/account/email"): "own",
    ("POST", "/account/sessions/end"): "own",
    ("POST", "/people"): "admin everywhere",
    ("POST", "/people/roles"): "admin everywhere",
    ("POST", "/people/state"): "admin everywhere",
    ("POST", "/people/reset"): "admin everywhere",
    ("POST", "/people/tokens/revoke"): "admin everywhere",
    ("GET", "/dossier/{digest}"): "see",
    ("GET", "/alerts/{project}/{alert_id}/report"): "see",
    ("POST", "/reviews/{ref}/decide"): "decide",
    ("POST", "/reviews/{ref}/comments"): "comment",
    ("POST", "/ledger/{project}/verify"): "audit",
    ("GET", "/audit/{project}/{name}"): "audit",
    ("POST", "/policy/try"): "audit",
    ("POST", "/api/v1/policy/try"): "audit",
    ("POST", "/runs/start"): "run",
    ("POST", "/runs/{ref}/again"): "run",
    ("POST", "/runs/{ref}/stop"): "run",
    ("GET", "/api/v1/openapi.json"): "public",
    ("POST", "/api/v1/reviews/{ref}/decisions"): "decide",
    ("POST", "/api/v1/reviews/{ref}/comments"): "comment",
    ("GET", "/api/v1/reviews/{ref}/evidence/{slug}/figure"): "see",
    ("GET", "/api/v1/runs/{ref}/events"): "see",
    ("POST", "/api/v1/runs"): "run",
    ("POST", "/api/v1/runs/{ref}/stop"): "run",
}


def twin(path: str) -> str:
    return "/api/v1/inbox" if path == "/" else f"/api/v1{path}"


ROUTES: dict[tuple[str, str], str] = {
    **{("GET", path): asks for path, asks in PAGES.items()},
    **{("GET", twin(path)): asks for path, asks in PAGES.items()},
    **OTHERS,
}
