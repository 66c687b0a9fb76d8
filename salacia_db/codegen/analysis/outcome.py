"""What comes of asking about a statement."""

from msgspec import Struct

from salacia_db.codegen.facts import Query
from salacia_db.codegen.problems import Problem


class Outcome(Struct, frozen=True):
    """A statement's facts, unless one of the problems is an error."""

    query: Query | None
    problems: tuple[Problem, ...]
