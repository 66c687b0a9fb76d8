"""Starlette: structs as responses."""

from typing import Any

from starlette.responses import Response

from salacia_db.web.values import encode_json


class StructResponse(Response):
    """JSON of a struct, or of lists and dicts of structs. Secrets are masked."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The body."""
        return encode_json(content)
