"""A unit of work per request, committed before the answer goes out.

It stands where every answer has to pass, so that no framework can send a 200 for what was not
kept: the first message of an answer waits for the commit, and is replaced by an error's where that
fails.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Protocol, TypeAlias, TypedDict
from urllib.parse import quote

import msgspec

from salacia_db.runtime import Database, Isolation, SalaciaError, UnitOfWork, UsageError
from salacia_db.web.answers import Answer, answer_to

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

_KEY = "salacia_db.unit_of_work"
_log = logging.getLogger("salacia_db.web")


class UnitOptions(TypedDict, total=False):
    """What `db.unit_of_work()` takes."""

    isolation: Isolation | None
    read_only: bool
    deferrable: bool
    settings: Mapping[str, str | int | float | bool]
    defer_begin: bool


class _Connection(Protocol):
    """A request, of any framework."""

    @property
    def scope(self) -> Any: ...


def current_unit(request: _Connection) -> Any:
    """The unit of work of this request, of the generated package's class.

    Raises `UsageError` where no `UnitOfWorkMiddleware` is in front of the endpoint, and for a
    websocket.
    """
    unit = request.scope.get(_KEY)
    if unit is None and request.scope["type"] == "websocket":
        raise UsageError(
            "a websocket has no unit of work: open one for each message, with"
            " `async with db.unit_of_work()`"
        )
    if unit is None:
        raise UsageError("this request has no unit of work: add UnitOfWorkMiddleware")
    return unit


class UnitOfWorkMiddleware:
    """ASGI middleware: each HTTP request has a unit of work of its own.

    The unit is committed where the answer's status is below 400, and rolled back otherwise, both
    before anything of the answer is sent. Errors of salacia_db that nobody handled are answered as
    `{"error": …}`; others go on to the server. A request that doesn't use the database costs it
    nothing.

    `options` gives for an ASGI scope what `database.unit_of_work()` is to be called with, such as
    the settings that row-level security reads. `constraints` says what violating a constraint
    means to people, by its name.
    """

    def __init__(
        self,
        app: App,
        database: Database[Any],
        *,
        options: Callable[[Scope], UnitOptions] | None = None,
        constraints: Mapping[str, str] | None = None,
    ) -> None:
        self.app = app
        self.database = database
        self.options = options
        self.constraints = constraints or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        options = self.options(scope) if self.options is not None else UnitOptions()
        unit = self.database.unit_of_work(**options)
        # Where it was made is the same for all requests.
        unit.session.transaction.where = _named(scope["method"], scope["path"])
        response = _Response(send, unit)
        try:
            async with unit:
                scope[_KEY] = unit
                await self.app(scope, receive, response)
            error = response.failure
        except Exception as raised:
            if response.started:
                raise
            # What ended the answer, not what the application made of it.
            error = response.failure or raised
        if error is None:
            return
        if not isinstance(error, SalaciaError):
            raise error
        answer = answer_to(error, self.constraints)
        record(error, answer, scope["method"], scope["path"])
        await _send_error(send, answer)


def record(error: SalaciaError, answer: Answer, method: str, path: str) -> None:
    """Logs what clients are only told to be a failure, to `salacia_db.web`."""
    if answer.status >= 500:
        _log.error("%s: %s", _named(method, path), error, exc_info=error)


def _named(method: str, path: str) -> str:
    """A request in a message; its path can't begin a new line or reach a terminal."""
    return f"{method} {quote(path)}"


class _Response:
    """An application's `send`: lets an answer out once the unit of work has ended."""

    __slots__ = ("failure", "send", "started", "unit")

    def __init__(self, send: Send, unit: UnitOfWork) -> None:
        self.send = send
        self.unit = unit
        self.started = False
        self.failure: Exception | None = None

    async def __call__(self, message: Message) -> None:
        if self.failure is not None:
            return  # a framework answers the failure in its own way; ours comes
        if message["type"] == "http.response.start":
            try:
                await self._end(keep=message["status"] < 400)
            except Exception as error:
                self.failure = error
                raise  # so that a stream ends
            self.started = True
        await self.send(message)

    async def _end(self, *, keep: bool) -> None:
        if not self.unit.is_open:
            return  # by commit() or rollback() of the application
        if keep:
            await self.unit.commit()
        else:
            await self.unit.rollback()


async def _send_error(send: Send, answer: Answer) -> None:
    body = msgspec.json.encode({"error": answer.error})
    headers = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        **answer.headers,
    }
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
