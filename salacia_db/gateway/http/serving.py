"""Serving the gateway: on loopback for anybody here, elsewhere for whoever has the token."""

import ipaddress
import socket
from contextlib import AsyncExitStack
from datetime import timedelta

import uvicorn
from starlette.applications import Starlette

from salacia import Database
from salacia_db.gateway.http.application import create_app
from salacia_db.gateway.upkeep import Retention
from salacia_db.runtime import ConfigurationError, InvalidStatement

_SHORTEST = 16


def serve(
    database: Database,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    token: str | None = None,
    upkeep_every: timedelta | None = timedelta(seconds=60),
    retention: Retention | None = None,
    request_log: bool = True,
    log_health: bool = False,
) -> None:
    """Answers requests until it is interrupted, records them, and keeps the house meanwhile.

    Raises `ConfigurationError` for an address that isn't loopback without a token, or with one
    that can be guessed, an address that can't be had, and a database without the gateway's tables;
    `ConnectionFailed` where the database can't be reached.
    """
    if token is None and not _is_loopback(host):
        raise ConfigurationError(
            f"{host} can be reached from elsewhere: set SALACIA_TOKEN, which each request has to"
            " bring, or serve on 127.0.0.1"
        )
    if token is not None and len(token) < _SHORTEST:
        raise ConfigurationError(f"a token has {_SHORTEST} characters at least")
    app = create_app(
        database,
        token=token,
        upkeep_every=upkeep_every,
        retention=retention,
        request_log=request_log,
        log_health=log_health,
    )
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=2,
        lifespan="off",  # the server has it, and raises what it raises
    )
    try:
        _Server(config, app).run(sockets=[_socket(host, port)])
    except InvalidStatement as error:
        raise ConfigurationError(
            f"the database lacks tables of the gateway: run `salacia migrate up` ({error})"
        ) from error


class _Server(uvicorn.Server):
    """Says where it is once it answers, and ends its streams, which don't end by themselves."""

    def __init__(self, config: uvicorn.Config, app: Starlette) -> None:
        super().__init__(config)
        self._app = app
        self._lifespan = AsyncExitStack()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self._lifespan.enter_async_context(self._app.router.lifespan_context(self._app))
        await super().startup(sockets)
        if self.started and sockets:
            port = sockets[0].getsockname()[1]
            print(f"serving on http://{self.config.host}:{port}", flush=True)  # noqa: T201

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.state.closing.set()
        await super().shutdown(sockets)
        if not self.force_exit:
            await self._lifespan.aclose()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's wait off only where the protocol is named; it costs 40 ms an answer.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host.strip("[]"), port))
    except OSError as error:
        made.close()
        raise ConfigurationError(f"{host}:{port} can't be had: {error.strerror}") from None
    return made
