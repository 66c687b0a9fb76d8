"""Endpoints: what each takes and gives, and how a request becomes a call of it."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import fields
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from salacia import Database, UnitOfWork
from salacia_db.gateway.events import MessageEvents
from salacia_db.gateway.http.feed import StatisticsFeed
from salacia_db.web import current_unit, decode_other, encode_json

T = TypeVar("T", bound=Struct)


class Services(Struct, frozen=True):
    """What endpoints work with.

    `heartbeat` is how many seconds a stream is silent at most; streams end with `closing`.
    """

    database: Database
    events: MessageEvents
    figures: StatisticsFeed
    heartbeat: float
    max_body: int
    closing: asyncio.Event


class Call:
    """A request on its way to an endpoint, with what it asked for."""

    def __init__(self, request: Request, services: Services, query: Any, body: Any) -> None:
        self.request = request
        self.services = services
        self.query = query
        self.body = body

    @property
    def database(self) -> Database:
        """For what reads, and for what writes with one statement: each is by itself."""
        return self.services.database

    @property
    def unit(self) -> UnitOfWork:
        """For what writes with several: committed before the answer is sent."""
        unit: UnitOfWork = current_unit(self.request)
        return unit

    @property
    def id(self) -> str:
        """The id of the path, which may be no UUID."""
        id: str = self.request.path_params["id"]  # noqa: A001
        return id


class Endpoint(Struct, frozen=True):
    """A method and path, the function that answers, and the types that it takes and gives.

    The first line of the function's docstring describes it. `answer` is None where there is no
    body, or a text where it is a stream of that.
    """

    method: str
    path: str
    function: Callable[[Call], Awaitable[Any]]
    answer: Any
    status: int = 200
    query: type[Struct] | None = None
    body: Any = None
    errors: tuple[int, ...] = ()

    def route(self, services: Services) -> Route:
        """The endpoint for Starlette."""

        names = _names(self.query)

        async def answered(request: Request) -> Response:
            query = _query(request, self.query, names)
            body = None if self.body is None else await _body(request, self.body, services.max_body)
            given = await self.function(Call(request, services, query, body))
            if isinstance(given, Response):
                return given
            content = b"" if given is None else encode_json(given)
            media = None if given is None else "application/json"
            return Response(content, self.status, media_type=media)

        return Route(self.path, answered, methods=[self.method], name=self.function.__name__)


def _names(kind: type[Struct] | None) -> Mapping[str, str]:
    """The fields of a query by their names in URLs."""
    return {} if kind is None else {field.encode_name: field.name for field in fields(kind)}


def _query(request: Request, kind: type[T] | None, names: Mapping[str, str]) -> T | None:
    given = request.query_params
    if len(given.multi_items()) != len(given):
        raise HTTPException(400, "a parameter is given twice")
    if kind is None:
        if given:
            raise HTTPException(400, "there are no parameters here")
        return None
    try:
        query = msgspec.convert(dict(given), kind, strict=False)
    except msgspec.ValidationError as error:
        raise HTTPException(400, reason(error)) from None
    # The text `null` is None to msgspec here, and a filter that is given must not be left out.
    for name in given:
        if getattr(query, names[name]) is None:
            raise HTTPException(400, f"`{name}` can't be null")
    return query


async def _body(request: Request, kind: Any, most: int) -> Any:
    _check_headers(request.headers, most)
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > most:
            raise HTTPException(413, f"a body has {most} bytes at most")
    try:
        return msgspec.json.decode(data, type=kind, dec_hook=decode_other)
    except msgspec.ValidationError as error:
        raise HTTPException(400, reason(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise HTTPException(400, "the body is no JSON, or nested too deeply") from None


def _check_headers(headers: Headers, most: int) -> None:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    # Asking for it also keeps pages of other origins out: browsers ask first before they send it.
    if kind != "application/json":
        raise HTTPException(415, "a body is application/json")
    length = headers.get("content-length", "0")
    if length.isdecimal() and int(length) > most:
        raise HTTPException(413, f"a body has {most} bytes at most")


def reason(error: msgspec.ValidationError) -> str:
    """What is wrong and where, without the value."""
    told = re.sub(r"Invalid enum value .*?(?= - at |$)", "Invalid value", str(error), flags=re.S)
    return told[0].lower() + told[1:]
