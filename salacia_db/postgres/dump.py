"""The schema of a database, as pg_dump writes it."""

import os
import subprocess
from urllib.parse import unquote, urlsplit

from salacia_db.postgres.account import server_account
from salacia_db.postgres.binaries import find_binaries
from salacia_db.postgres.connection import place
from salacia_db.postgres.errors import PostgresError


def dump_schema(url: str) -> str:
    """The statements that make the schema of the database at `url`, without owners and grants.

    Raises `PostgresError`, also where pg_dump isn't among the server's programs.
    """
    parts = urlsplit(url)
    # Other users of the machine can read a command line, but not an environment.
    password = {"PGPASSWORD": unquote(parts.password)} if parts.password else {}
    user, _, _ = parts.netloc.rpartition("@")
    shown = parts._replace(
        netloc=parts.netloc.replace(user, user.partition(":")[0], 1) if user else parts.netloc
    )
    program = find_binaries(server_account()).program("pg_dump")
    command = [program, "--schema-only", "--no-owner", "--no-privileges"]
    try:
        done = subprocess.run(
            [*command, f"--dbname={shown.geturl()}"],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | password,
        )
    except OSError as error:
        raise PostgresError(
            f"can't start {program}: {error.strerror}",
            "install PostgreSQL's client programs beside the server's, or name another folder"
            " in SALACIA_PG_BIN",
        ) from None
    if done.returncode:
        raise PostgresError(f"pg_dump can't read the schema of {place(url)}: {done.stderr.strip()}")
    return done.stdout
