"""The gateway in a process of its own, as people serve it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def served(url: str, *, port: int = 0, **environment: str) -> Iterator[str]:
    """The address of a server in a process of its own."""
    program = "import sys; from salacia_db.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "serve", "--port", str(port), "--database-url", url]
    paths = os.pathsep.join(path for path in sys.path if path)
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths, "SALACIA_TOKEN": "", **environment},
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]
    finally:
        process.terminate()
        process.wait(120)
        process.stdout.close()
