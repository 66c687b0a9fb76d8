"""A server to work with: found, started, stopped. Needs no driver, and imports fast.

`scratch` and `migrations` beside need the generator's dependencies and are imported by name.
"""

from salacia_db.postgres.durable import data_folder, embedded_url, start_durable, stop_durable
from salacia_db.postgres.errors import PostgresError
from salacia_db.postgres.server import Server, start_scratch

__all__ = [
    "PostgresError",
    "Server",
    "data_folder",
    "embedded_url",
    "start_durable",
    "start_scratch",
    "stop_durable",
]
