"""What goes wrong, as answers: `{"error": …}` with a status, and nothing that gives us away."""

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from salacia_db.gateway.errors import Conflict, Missing
from salacia_db.gateway.http.bodies import Failure
from salacia_db.gateway.wire import camel_name
from salacia_db.runtime import InvalidArgument, InvalidCursor, SalaciaError
from salacia_db.web import answer_to, encode_json
from salacia_db.web.middleware import record

CONSTRAINTS = {"ai_providers_name_key": "a provider of this name is there"}


def failure(status: int, text: str) -> Response:
    """An answer that says why not."""
    return Response(encode_json(Failure(text)), status, media_type="application/json")


async def on_error(request: Request, error: Exception) -> Response:
    """What to say of an error of the services, or of Starlette's; of others that there is one."""
    if isinstance(error, HTTPException):
        # Starlette's own is the status in words; ours names fields, whose capitals matter.
        is_plain = error.detail == HTTPStatus(error.status_code).phrase
        answer = failure(error.status_code, error.detail.lower() if is_plain else error.detail)
        answer.headers.update(error.headers or {})
        return answer
    if isinstance(error, Missing):
        return failure(404, str(error))
    if isinstance(error, Conflict):
        return failure(409, str(error))
    if isinstance(error, InvalidArgument) and not isinstance(error, InvalidCursor):
        return failure(400, f"`{camel_name(error.parameter)}` has to be {error.expected}")
    if isinstance(error, SalaciaError):
        told = answer_to(error, CONSTRAINTS)
        record(error, told, request.method, request.url.path)
        answer = failure(told.status, told.error)
        answer.headers.update(told.headers)
        return answer
    return failure(500, "something went wrong here; it has been recorded")
