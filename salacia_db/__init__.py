"""salacia_db: write SQL, get a typed, fast, dependable Python API for PostgreSQL.

The public names; each is loaded when it is first used, so that a command that needs no database
doesn't wait for the driver.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from salacia_db.config import ConfigurationError, DatabaseSettings, PoolSettings, SalaciaError
    from salacia_db.runtime import Database, Hooks, Secret, UnitOfWork, retry_safe, uuid7

_HOMES = {
    "ConfigurationError": "salacia_db.config",
    "Database": "salacia_db.runtime",
    "DatabaseSettings": "salacia_db.config",
    "Hooks": "salacia_db.runtime",
    "PoolSettings": "salacia_db.config",
    "SalaciaError": "salacia_db.config",
    "Secret": "salacia_db.runtime",
    "UnitOfWork": "salacia_db.runtime",
    "retry_safe": "salacia_db.runtime",
    "uuid7": "salacia_db.runtime",
}

__all__ = [
    "ConfigurationError",
    "Database",
    "DatabaseSettings",
    "Hooks",
    "PoolSettings",
    "SalaciaError",
    "Secret",
    "UnitOfWork",
    "retry_safe",
    "uuid7",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
