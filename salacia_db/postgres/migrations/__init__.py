"""Migrations that can be trusted: yoyo's files, applied once, whole, in order, and unchanged.

yoyo reads the files and orders them. What it leaves open is made good here: a migration and its
mark are one transaction, files that were edited, deleted or inserted late are refused, and the lock
ends with the connection that holds it. `Migrator` and `apply_all` are in `.migrator`, apart from
what is here, since a driver takes long to import.
"""

from salacia_db.postgres.migrations.errors import MigrationError
from salacia_db.postgres.migrations.files import fingerprint

__all__ = ["BOOKKEEPING_SCHEMA", "YOYO_TABLES", "MigrationError", "fingerprint"]

BOOKKEEPING_SCHEMA = "salacia_migrations"
"""The schema that holds the ledger of migrations. It is no part of what an application sees."""

YOYO_TABLES = ("_yoyo_log", "_yoyo_migration", "_yoyo_version", "yoyo_lock")
"""What yoyo itself leaves in the schema of a database that it migrated."""
