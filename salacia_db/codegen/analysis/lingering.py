"""The process that `warm` leaves behind: it analyses statements until nobody asks any more."""

import os
import socket
import sys
import time
from pathlib import Path

import msgspec

from salacia_db.codegen.analysis.analyse import analyse
from salacia_db.codegen.analysis.cache import cache_key
from salacia_db.codegen.analysis.catalog import Catalog
from salacia_db.codegen.analysis.loading import load
from salacia_db.codegen.analysis.packed import pack
from salacia_db.codegen.analysis.schema import Migrations, SchemaFiles, fingerprint, prepared
from salacia_db.codegen.analysis.server import Server
from salacia_db.codegen.analysis.views import with_views
from salacia_db.codegen.analysis.warm import Errand, Question, read

_LOOK = 2.0
"""Seconds between two looks at whether the socket is still this process's own."""
_SILENCE = 5.0
"""Seconds for one who asks to say what, and to take the answer."""


def main() -> None:
    """Do the errand on standard input, and end. Whatever fails ends the process as well."""
    errand = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Errand)
    os.umask(0o077)
    # The socket is there before the server: who asks meanwhile waits, and starts no other.
    with socket.socket(socket.AF_UNIX) as listener:
        own = _listen(listener, Path(errand.socket))
        try:
            _linger(listener, own, errand)
        finally:
            if _inode(Path(errand.socket)) == own:
                Path(errand.socket).unlink(missing_ok=True)


def _listen(listener: socket.socket, path: Path) -> int | None:
    """Take the place of whoever listened there before; returns what tells this socket."""
    new = path.with_name(f"{path.name}.{os.getpid()}")
    new.unlink(missing_ok=True)
    listener.bind(str(new))
    listener.listen()
    new.replace(path)
    listener.settimeout(_LOOK)
    return _inode(path)


def _linger(listener: socket.socket, own: int | None, errand: Errand) -> None:
    source: Migrations | SchemaFiles = SchemaFiles(errand.files)
    if errand.directory is not None:
        source = Migrations(Path(errand.directory))
    with prepared(source, None) as ready:
        catalog = with_views(load(ready.server), ready.server)
        # A migration may have been changed since, or the analyser itself.
        if cache_key(fingerprint(source, None) or "") != errand.key:
            return
        end = time.monotonic() + errand.seconds
        # Another process may have taken the place, or somebody has emptied the cache.
        while time.monotonic() < end and _inode(Path(errand.socket)) == own:
            try:
                client, _ = listener.accept()
            except TimeoutError:
                continue
            with client:
                client.settimeout(_SILENCE)
                try:
                    if not _answered(client, errand.key, ready.server, catalog):
                        return
                except (OSError, msgspec.MsgspecError):
                    continue  # whoever asked has gone, or talks another language
            end = time.monotonic() + errand.seconds


def _answered(client: socket.socket, key: str, server: Server, catalog: Catalog) -> bool:
    """Answer one question; False where it is about another schema, so that this one is past."""
    question = msgspec.msgpack.decode(read(client), type=Question)
    if question.key != key:
        return False
    found = [(statement, analyse(statement, server, catalog)) for statement in question.statements]
    answer = [pack(outcome, statement) or b"" for statement, outcome in found]
    client.sendall(msgspec.msgpack.encode(answer))
    return True


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None
