"""The server that is measured on: the embedded one, as durable as any, with an empty database."""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg

from salacia_db.postgres import embedded_url, stop_durable
from salacia_db.postgres.scratch import scratch_database

# fsync and synchronous_commit stay on. Vacuum and checkpoints come between the rounds.
_SETTINGS = {
    "max_connections": "250",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "30min",
    "autovacuum": "off",
}


@contextmanager
def database(url: str | None) -> Iterator[str]:
    """The URL of a new database, on the server of `url` or one of our own; gone afterwards."""
    if url is not None:
        with scratch_database(url) as made:
            yield made
        return
    with TemporaryDirectory(prefix="salacia-bench-") as folder:
        data = Path(folder) / "data"
        try:
            with scratch_database(_start(data)) as made:
                yield made
        finally:
            stop_durable(data)
            # Root's data lies elsewhere, behind a link.
            shutil.rmtree(data.resolve())


def _start(data: Path) -> str:
    asked = f"embedded://{data}"
    asyncio.run(_configure(embedded_url(asked, "postgres")))
    stop_durable(data)
    return embedded_url(asked, "postgres")


async def _configure(url: str) -> None:
    connection = await asyncpg.connect(url)
    for name, value in _SETTINGS.items():
        await connection.execute(f"alter system set {name} = '{value}'")
    await connection.close()
