"""A server of the gateway in a process of its own, for what measures it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from resource import RUSAGE_CHILDREN, getrusage

PROGRAM = "import sys; from salacia_db.cli import main; sys.exit(main())"


@contextmanager
def served(url: str, *arguments: str) -> Iterator[str]:
    """The address of `salacia serve` on a database."""
    command = [sys.executable, "-c", PROGRAM, "serve", "--port", "0", "--database-url", url]
    server = subprocess.Popen(
        [*command, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "SALACIA_TOKEN": ""},
    )
    try:
        assert server.stdout is not None
        yield server.stdout.readline().split()[-1]
    finally:
        before = getrusage(RUSAGE_CHILDREN)
        server.terminate()
        server.wait()
        after = getrusage(RUSAGE_CHILDREN)
        took = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(f"the server took {took:.1f} s of processor time", flush=True)
