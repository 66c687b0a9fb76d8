"""The contenders: one module each, with a class `Bench`."""

from importlib.util import find_spec

from msgspec import Struct


class Entry(Struct, frozen=True):
    """A contender: its module here, and the package that has to be installed."""

    name: str
    title: str
    module: str
    needs: str
    node: bool = False


CONTENDERS = (
    Entry("salacia", "salacia_db", "salacia", "salacia_db"),
    Entry("salacia-again", "salacia_db again (control)", "salacia", "salacia_db"),
    Entry("asyncpg", "asyncpg as people write it", "asyncpg_written", "asyncpg"),
    Entry("asyncpg-tuned", "asyncpg tuned by hand", "asyncpg_tuned", "asyncpg"),
    Entry("sqlc", "sqlc, code of its Python plugin", "sqlc_plugin", "asyncpg"),
    Entry("aiosql", "aiosql on asyncpg", "aiosql_queries", "aiosql"),
    Entry("sqlspec", "SQLSpec on asyncpg", "sqlspec_queries", "sqlspec"),
    Entry("psycopg", "psycopg 3", "psycopg3", "psycopg_pool"),
    Entry("sqlalchemy-core", "SQLAlchemy Core", "sqlalchemy_core", "sqlalchemy"),
    Entry("sqlalchemy-orm", "SQLAlchemy ORM", "sqlalchemy_orm", "sqlalchemy"),
    Entry("tortoise", "Tortoise", "tortoise_orm", "tortoise"),
    Entry("piccolo", "Piccolo", "piccolo_orm", "piccolo"),
    Entry("postgresjs", "postgres.js", "postgresjs", "", node=True),
    Entry("sequelize", "Sequelize 6", "sequelize", "", node=True),
)
TUNED = "asyncpg-tuned"
WRITTEN = "asyncpg"


def installed(entry: Entry) -> bool:
    """Whether a contender in Python can be measured in this environment."""
    return not entry.node and find_spec(entry.needs) is not None
