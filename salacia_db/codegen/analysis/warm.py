"""An analyser that stays for some minutes after an editor has asked, its server and schema ready.

An editor asks at every pause, about text that was never seen before. A server that has to be
started and brought to the schema takes most of the time of an answer. So `describe` leaves a
process behind that has both, and the next `describe` asks that one: over a Unix socket in the
user's own cache, which nobody else can enter.
"""

import hashlib
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from salacia_db.codegen.analysis.outcome import Outcome
from salacia_db.codegen.analysis.packed import unpack
from salacia_db.codegen.analysis.schema import Migrations, SchemaFiles
from salacia_db.codegen.facts import SourceFile, Statement

_PATIENCE = 3.0
"""Seconds for an answer; without one the server is started as if nobody had been there."""
_FEW = 16
"""Statements at once: more of them are no keystroke."""
_START = "from salacia_db.codegen.analysis.lingering import main; main()"


class Question(Struct, frozen=True, array_like=True):
    """What is asked: statements, under the schema and by the analyser that `key` names."""

    key: str
    statements: tuple[Statement, ...]


class Errand(Struct, frozen=True, array_like=True):
    """What the process is given: its schema, its socket, and how many idle seconds it stays."""

    key: str
    socket: str
    seconds: float
    directory: str | None
    files: tuple[SourceFile, ...]


class Warm:
    """The analyser of one schema source, which may be there or not.

    `key` names the schema as it is now; one that has another ends when it is asked. It stays for
    `seconds` after the last question.
    """

    def __init__(
        self, folder: Path, key: str, source: Migrations | SchemaFiles, seconds: float
    ) -> None:
        self._key = key
        self._source = source
        self._seconds = seconds
        # One for each project: the schema of the next moment takes the place of this one's.
        files = source.files if isinstance(source, SchemaFiles) else ()
        directory = str(source.directory) if isinstance(source, Migrations) else ""
        named = [str(Path.cwd()), directory, *(file.path for file in files)]
        place = hashlib.sha256("\0".join(named).encode("utf-8", "surrogateescape")).hexdigest()
        self._socket = folder / f"warm-{place[:16]}"

    def ask(self, statements: Sequence[Statement]) -> list[Outcome] | None:
        """What the statements mean; None where nobody is there who can tell it at once."""
        if len(statements) > _FEW:
            return None
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(_PATIENCE)
                client.connect(str(self._socket))
                client.sendall(msgspec.msgpack.encode(Question(self._key, tuple(statements))))
                client.shutdown(socket.SHUT_WR)
                answer = msgspec.msgpack.decode(read(client), type=tuple[bytes, ...])
        except (OSError, msgspec.MsgspecError):
            return None
        pairs = zip(answer, statements, strict=False)
        found = [outcome for raw, s in pairs if (outcome := unpack(raw, s)) is not None]
        return found if len(found) == len(statements) else None

    def leave(self) -> None:
        """Start the process. Where it can't be, the next question takes as long as this one."""
        source = self._source
        errand = Errand(
            self._key,
            str(self._socket),
            self._seconds,
            str(source.directory.resolve()) if isinstance(source, Migrations) else None,
            source.files if isinstance(source, SchemaFiles) else (),
        )
        with suppress(OSError), tempfile.TemporaryFile() as file:
            file.write(msgspec.msgpack.encode(errand))
            file.seek(0)
            # -P: no module of the folder in which somebody works may stand for one of Python's.
            subprocess.Popen(  # noqa: S603 (ourselves)
                [sys.executable, "-P", "-c", _START],
                stdin=file,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,
            )


def read(client: socket.socket) -> bytes:
    """Everything that the other side sends until it has said that this is all."""
    return b"".join(iter(lambda: client.recv(1 << 16), b""))
