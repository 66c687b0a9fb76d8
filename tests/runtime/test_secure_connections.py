"""TLS against real servers: whom a password is given to, and whom nothing is said at all."""

import asyncio
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest
from items import Database

from salacia_db import ConnectionFailed
from salacia_db.postgres import PostgresError
from salacia_db.postgres.connection import connect as by_libpq

# What this machine has under another name is as good as another machine: nobody looks names up.
NAME = "db.salacia.test"
PASSWORD = "hunter2-s3cret"
TLS_REQUEST = b"\0\0\0\x08\x04\xd2\x16\x2f"

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")


class Certificates:
    """An authority, and a server's certificate by it."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.root, self.certificate, self.key = (
            folder / file for file in ("root.crt", "server.crt", "server.key")
        )
        self._openssl(
            *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=ours"),
            *("-keyout", "root.key", "-out", "root.crt"),
        )
        self._openssl(
            *("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}"),
            *("-keyout", "server.key", "-out", "server.csr"),
        )
        (folder / "names").write_text(f"subjectAltName=DNS:{name}\n")
        self._openssl(
            *("x509", "-req", "-in", "server.csr", "-CA", "root.crt", "-CAkey", "root.key"),
            *("-CAcreateserial", "-days", "2", "-extfile", "names", "-out", "server.crt"),
        )
        self.key.chmod(0o600)

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)


class TlsServer:
    """What a server with TLS does, before one that is built without: it takes either."""

    def __init__(self, url: str, certificates: Certificates) -> None:
        query = parse_qs(urlsplit(url).query)
        self._socket = f"{query['host'][0]}/.s.PGSQL.{query['port'][0]}"
        self._database = urlsplit(url).path
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificates.certificate, certificates.key)
        self._tasks: list[asyncio.Task[None]] = []
        self._writers: list[asyncio.StreamWriter] = []
        self.certificates = certificates
        self.encrypted: list[bool] = []
        """Of each session that began, whether it is encrypted."""

    async def __aenter__(self) -> "TlsServer":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await asyncio.sleep(0.01)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()

    def url(self, host: str, options: str = "") -> str:
        return f"postgresql://postgres:{PASSWORD}@{host}:{self._port}{self._database}{options}"

    def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Not a coroutine: one that never gets its turn would leave its writer open.
        self._writers.append(writer)
        self._tasks.append(asyncio.ensure_future(self._pass_on(reader, writer)))

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.readexactly(8)
        encrypted = first == TLS_REQUEST
        if encrypted:
            writer.write(b"S")
            try:
                await writer.start_tls(self._context)
            except (OSError, ConnectionError):
                return
            first = await reader.read(8)
        if not first:
            return
        self.encrypted.append(encrypted)
        back, forth = await asyncio.open_unix_connection(self._socket)
        self._writers.append(forth)
        forth.write(first)
        await asyncio.gather(_pass(reader, forth), _pass(back, writer))


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("tls"), NAME)


@pytest.fixture
async def secured(template: str, certificates: Certificates) -> AsyncIterator[TlsServer]:
    async with TlsServer(template, certificates) as made:
        yield made


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Names under .test lead to this machine, and nothing of its user's settings counts."""
    known = socket.getaddrinfo

    def resolve(host, *args, **options):
        name = "127.0.0.1" if str(host).endswith(".test") else host
        return known(name, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("PGSSLMODE", "PGSSLROOTCERT", "PGHOST"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def trusted(secured: TlsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system trusts our authority."""
    monkeypatch.setenv("SSL_CERT_FILE", str(secured.certificates.root))


async def encrypted(server: TlsServer, host: str, options: str = "") -> bool:
    async with Database(server.url(host, options)) as db:
        assert await db.fetchval("select 1") == 1
    return server.encrypted[-1]


async def refusal(server: "TlsServer | Impostor", host: str, options: str = "") -> str:
    with pytest.raises(ConnectionFailed) as caught:
        await Database(server.url(host, options)).open()
    assert PASSWORD not in str(caught.value)
    assert caught.value.retry_safe == (getattr(server, "answer", b"N") != b"N")
    return str(caught.value)


@pytest.mark.usefixtures("trusted")
async def test_a_server_that_the_system_trusts_is_spoken_to(secured: TlsServer):
    assert await encrypted(secured, NAME)


async def test_a_server_by_an_unknown_authority_is_refused(secured: TlsServer):
    message = await refusal(secured, NAME)
    assert "its certificate is not to be trusted" in message
    assert "sslrootcert=FILE" in message


@pytest.mark.usefixtures("trusted")
async def test_a_server_by_another_name_is_refused(secured: TlsServer):
    assert "not to be trusted: Hostname mismatch" in await refusal(secured, "other.test")


async def test_an_authority_of_ones_own_is_named_in_the_url(secured: TlsServer):
    root = f"?sslrootcert={secured.certificates.root}"
    assert await encrypted(secured, NAME, root)
    assert "not to be trusted" in await refusal(secured, "other.test", root)


async def test_the_system_s_authorities_can_be_asked_for(secured: TlsServer, trusted: None):
    assert await encrypted(secured, NAME, "?sslmode=verify-full&sslrootcert=system")
    # On this machine, too, if somebody says so.
    assert "mismatch" in await refusal(secured, "localhost", "?sslmode=verify-full")


@pytest.mark.parametrize(
    ("mode", "is_encrypted"), [("disable", False), ("prefer", True), ("require", True)]
)
async def test_less_is_done_where_it_is_asked_for(
    secured: TlsServer, monkeypatch: pytest.MonkeyPatch, mode: str, is_encrypted: bool
):
    assert await encrypted(secured, NAME, f"?sslmode={mode}") is is_encrypted
    monkeypatch.setenv("PGSSLMODE", mode)
    assert await encrypted(secured, NAME) is is_encrypted


async def test_this_machine_needs_no_certificate(secured: TlsServer):
    assert await encrypted(secured, "127.0.0.1")
    assert await encrypted(secured, "localhost", "?sslmode=disable") is False


class Impostor:
    """Somebody who answers in the server's place, without TLS, and keeps what it is told."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.told = b""

    async def __aenter__(self) -> "Impostor":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    def url(self, host: str, options: str = "") -> str:
        return f"postgresql://user:{PASSWORD}@{host}:{self.port}/x{options}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            self.told += data
            # "Tell me your password", where it isn't the request for TLS.
            writer.write(self.answer if data == TLS_REQUEST else b"R\0\0\0\x08\0\0\0\x03")
            await writer.drain()
        writer.close()


@pytest.fixture(params=[b"N", b"E\0\0\0\x09SFATAL\0\0"])
async def impostor(request: pytest.FixtureRequest) -> AsyncIterator[Impostor]:
    async with Impostor(request.param) as made:
        yield made


async def test_a_plaintext_impostor_learns_nothing(impostor: Impostor):
    message = await refusal(impostor, NAME)
    assert impostor.told == TLS_REQUEST
    if impostor.answer == b"N":
        assert "it offers no TLS; beyond this machine" in message
    # That it would ask, and be told, shows that it is one.
    with pytest.raises((asyncpg.PostgresError, OSError, asyncio.TimeoutError)):
        await asyncpg.connect(impostor.url(NAME, "?sslmode=disable"), timeout=0.5)
    assert PASSWORD.encode() in impostor.told


async def test_commands_are_as_careful(secured: TlsServer):
    async def is_encrypted(host: str, options: str) -> bool:
        # libpq asks nobody for the address, but looks whether the certificate is the name's.
        url = secured.url(host, f"{options}&hostaddr=127.0.0.1")
        (await asyncio.to_thread(by_libpq, url)).close()
        return secured.encrypted[-1]

    root = f"?sslrootcert={secured.certificates.root}"
    assert await is_encrypted(NAME, root)
    assert not await is_encrypted(NAME, "?sslmode=disable")
    for host, options in ((NAME, "?application_name=x"), ("other.test", root)):
        with pytest.raises(PostgresError, match="sslmode=disable") as caught:
            await is_encrypted(host, options)
        assert PASSWORD not in str(caught.value)
