"""Statements to facts: PostgreSQL is asked what each one means, and nothing is guessed."""

from salacia_db.codegen.analysis.project import Analysis, analyse_project
from salacia_db.codegen.analysis.schema import (
    LiveDatabase,
    Migrations,
    SchemaFiles,
    SchemaSource,
)

__all__ = [
    "Analysis",
    "LiveDatabase",
    "Migrations",
    "SchemaFiles",
    "SchemaSource",
    "analyse_project",
]
