"""TLS against real servers: whom a password is given to, and whom nothing is said at all."""

import asyncio
import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Self
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


class Listener:
    """Somebody who answers on a port of this machine, until the end of the block."""

    path = "/x"

    def __enter__(self) -> Self:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._open = [self._socket]
        self._threads = [Thread(target=self._accept)]
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(5)

    def url(self, host: str, options: str = "") -> str:
        return f"postgresql://postgres:{PASSWORD}@{host}:{self.port}{self.path}{options}"

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                self.spawn(self._serve, self.kept(self._socket.accept()[0]))

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError):
            self.serve(client)

    def kept(self, opened: socket.socket) -> socket.socket:
        self._open.append(opened)
        return opened

    def spawn(self, function: Callable[..., None], *args: object) -> None:
        self._threads.append(Thread(target=function, args=args))
        self._threads[-1].start()

    def serve(self, client: socket.socket) -> None:
        raise NotImplementedError


class TlsServer(Listener):
    """What a server with TLS does, before one that is built without: it takes either."""

    def __init__(self, url: str, certificates: Certificates) -> None:
        query = parse_qs(urlsplit(url).query)
        self._behind = f"{query['host'][0]}/.s.PGSQL.{query['port'][0]}"
        self.path = urlsplit(url).path
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificates.certificate, certificates.key)
        self.certificates = certificates
        self.encrypted: list[bool] = []
        """Of each session that began, whether it is encrypted."""

    def serve(self, client: socket.socket) -> None:
        first = client.recv(8)
        encrypted = first == TLS_REQUEST
        if encrypted:
            client.sendall(b"S")
            client = self.kept(self._context.wrap_socket(client, server_side=True))
            first = client.recv(8)
        if not first:
            return
        self.encrypted.append(encrypted)
        behind = self.kept(socket.socket(socket.AF_UNIX))
        behind.connect(self._behind)
        behind.sendall(first)
        self.spawn(_pass, behind, client)
        _pass(client, behind)


def _pass(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("tls"), NAME)


@pytest.fixture
def secured(template: str, certificates: Certificates) -> Iterator[TlsServer]:
    with TlsServer(template, certificates) as made:
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


class Impostor(Listener):
    """Answers in the server's place, without TLS, and keeps what it is told."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.told = b""

    def serve(self, client: socket.socket) -> None:
        while data := client.recv(65536):
            self.told += data
            # "Tell me your password", where it isn't the request for TLS.
            client.sendall(self.answer if data == TLS_REQUEST else b"R\0\0\0\x08\0\0\0\x03")


@pytest.fixture(params=[b"N", b"E\0\0\0\x09SFATAL\0\0"])
def impostor(request: pytest.FixtureRequest) -> Iterator[Impostor]:
    with Impostor(request.param) as made:
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
