"""SQL files to statements: what a person wrote, before PostgreSQL says what it means."""

from salacia_db.codegen.source.files import read_queries
from salacia_db.codegen.source.positions import span_at, span_at_byte
from salacia_db.codegen.source.statements import parse_file
from salacia_db.codegen.source.suggest import did_you_mean

__all__ = ["did_you_mean", "parse_file", "read_queries", "span_at", "span_at_byte"]
