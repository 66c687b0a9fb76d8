"""A unit of work per request, for ASGI applications, whatever their framework.

`starlette`, `fastapi` and `litestar` in this package fit it to these frameworks; each imports only
its own.
"""

from salacia_db.web.answers import Answer, answer_to
from salacia_db.web.lifespan import lifespan
from salacia_db.web.middleware import UnitOfWorkMiddleware, UnitOptions, current_unit
from salacia_db.web.values import (
    decode_other,
    encode_json,
    encode_other,
    is_secret,
    schema_of_other,
)

__all__ = [
    "Answer",
    "UnitOfWorkMiddleware",
    "UnitOptions",
    "answer_to",
    "current_unit",
    "decode_other",
    "encode_json",
    "encode_other",
    "is_secret",
    "lifespan",
    "schema_of_other",
]
