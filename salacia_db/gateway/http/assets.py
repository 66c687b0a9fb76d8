"""The dashboard: plain files that hold no data, and ask the endpoints for it."""

from hashlib import sha256
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_FOLDER = Path(__file__).with_name("page")
_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_HEADERS = {
    # Nothing from elsewhere, nothing inline, and no text that becomes markup.
    "content-security-policy": "default-src 'self'; object-src 'none'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    # Kept, and asked about each time: after an upgrade no old module meets a new one.
    "cache-control": "no-cache",
}


def page_routes() -> list[Route]:
    """`/`, and `/page/…` for what it is made of."""
    return [
        _route("/" if file.name == "index.html" else f"/page/{file.name}", file)
        for file in sorted(_FOLDER.iterdir())
        if file.suffix in _TYPES
    ]


def _route(path: str, file: Path) -> Route:
    content = file.read_bytes()
    tag = f'"{sha256(content).hexdigest()[:32]}"'
    headers = {**_HEADERS, "etag": tag}

    async def answered(request: Request) -> Response:
        known = request.headers.get("if-none-match", "")
        if tag in [each.strip().removeprefix("W/") for each in known.split(",")]:
            return Response(status_code=304, headers=headers)
        return Response(content, headers=headers, media_type=_TYPES[file.suffix])

    return Route(path, answered)
