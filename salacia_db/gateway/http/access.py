"""Who may ask: on this machine anybody by a local name, elsewhere whoever has the token."""

from hmac import compare_digest

from starlette.datastructures import Headers
from starlette.responses import Response

from salacia_db.gateway.http.failures import failure
from salacia_db.web.middleware import App, Receive, Scope, Send

_LOCAL = {"localhost", "127.0.0.1", "[::1]"}


class TokenRequired:
    """ASGI middleware: all paths but `free` ones ask for `Authorization: Bearer TOKEN`."""

    def __init__(self, app: App, token: str, free: frozenset[str]) -> None:
        self.app = app
        self.token = token.encode()
        self.free = free

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["path"] not in self.free:
            scheme, _, given = Headers(scope=scope).get("authorization", "").partition(" ")
            right = compare_digest(given.strip().encode("latin-1"), self.token)
            if scheme.lower() != "bearer" or not right:
                refused = failure(401, "a token is needed: Authorization: Bearer …")
                refused.headers["www-authenticate"] = "Bearer"
                await refused(scope, receive, send)
                return
        await self.app(scope, receive, send)


class LocalOnly:
    """ASGI middleware: pages of other sites are turned away.

    So are those that make their name lead to this machine.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and not _is_local(Headers(scope=scope)):
            refused: Response = failure(403, "ask for localhost, or serve with a token")
            await refused(scope, receive, send)
            return
        await self.app(scope, receive, send)


def _is_local(headers: Headers) -> bool:
    _, _, origin = headers.get("origin", "").rpartition("://")
    return _name(headers.get("host", "")) in _LOCAL and (not origin or _name(origin) in _LOCAL)


def _name(host: str) -> str:
    host = host.lower()
    return host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
