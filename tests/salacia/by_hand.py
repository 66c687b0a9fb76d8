"""Rows written and values read by hand, for tests of the schema itself."""

import uuid
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

PROVIDER = {"name": "p", "type": "openai"}
INTERACTION = {"model": "m", "request": Jsonb({})}


def provider(session: psycopg.Connection, name: str = "OpenAI", **values: object) -> uuid.UUID:
    columns = {"name": name, "type": "openai", **values}
    insert(session, "ai_providers", columns)
    made: uuid.UUID = value(session, "select id from ai_providers where name = %s", name)
    return made


def insert(session: psycopg.Connection, table: str, row: Mapping[str, object]) -> None:
    places = ", ".join(["%s"] * len(row))
    statement = f"insert into {table} ({', '.join(row)}) values ({places})"
    session.execute(statement.encode(), list(row.values()))


def value(session: psycopg.Connection, sql: str, *parameters: object) -> Any:
    row = session.execute(sql.encode(), parameters).fetchone()
    assert row is not None
    return row[0]
