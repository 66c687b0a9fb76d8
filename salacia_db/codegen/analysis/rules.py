"""What rewriting makes of a query, as far as it can be told from the catalog: views, defaults."""

from collections.abc import Iterable

import msgspec
from msgspec import Struct

from salacia_db.codegen.analysis.printed import parse_tree, queries
from salacia_db.codegen.analysis.session import Session
from salacia_db.codegen.analysis.tree import Node
from salacia_db.codegen.analysis.walk import INSERT, MERGE, SELECT, descend

_RELATION, _SUBQUERY = 0, 1  # RTEKind
_RULES = """
select json_build_array(
  (select coalesce(json_agg(json_build_array(ev_class::int8, ev_action::text)), '[]')
   from pg_rewrite where ev_type = '1'),
  (select coalesce(json_agg(json_build_array(ev_class::int8, ev_type::text::int)), '[]')
   from pg_rewrite where ev_type <> '1' and ev_enabled not in ('D', 'R')),
  (select coalesce(json_agg(json_build_array(
     a.attrelid::int8, a.attnum, a.attidentity <> '',
     coalesce(d.adbin::text, t.typdefaultbin::text, ''))), '[]')
   from pg_attribute a
   join pg_type t on t.oid = a.atttypid
   left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
   where a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
     and (a.attidentity <> '' or d.adbin is not null or t.typdefaultbin is not null)))
"""


class UntoldError(Exception):
    """What the query is rewritten to can't be told, and why."""


class _Default(Struct, frozen=True, array_like=True):
    relation: int
    column: int
    identity: bool
    expression: str


class Rules:
    """The views, rules and defaults of a database."""

    def __init__(
        self,
        views: list[tuple[int, str]],
        ruled: list[tuple[int, int]],
        defaults: list[_Default],
    ) -> None:
        self._views = dict(views)
        self._ruled = frozenset(ruled)
        self._defaults: dict[int, list[_Default]] = {}
        for default in defaults:
            self._defaults.setdefault(default.relation, []).append(default)

    def rewritten(self, written: tuple[Node, ...]) -> tuple[Node, ...]:
        """The queries after rewriting, changed in place. Raises UntoldError.

        The expressions of defaults become a field of the query, `defaults`: they are called,
        though they needn't stand where PostgreSQL would put them.
        """
        for query in written:
            self._rewrite(query, ())
        return written

    def _rewrite(self, query: Node, inside: tuple[int, ...]) -> None:
        """`inside` are the views that the query is part of: older ones name themselves in it."""
        for node in list(descend(query)):
            if node.tag == "QUERY" and node.number("commandType") != SELECT:
                self._change(node)
            elif node.get("search_clause") is not None or node.get("cycle_clause") is not None:
                raise UntoldError("SEARCH and CYCLE add columns")
            elif node.get("relkind") == "v" and node.number("rtekind") == _RELATION:
                oid = node.number("relid")
                if oid and oid not in inside:
                    node.fields["subquery"] = self._view(oid, inside)
                    node.fields["rtekind"] = _SUBQUERY

    def _view(self, oid: int, inside: tuple[int, ...]) -> Node:
        found = queries(self._views.get(oid, "").encode())
        if len(found) != 1:
            raise UntoldError("a view that it reads is not known")
        for node in descend(found[0]):
            if "location" in node.fields:
                node.fields["location"] = -1  # a place in the text of CREATE VIEW
        self._rewrite(found[0], (*inside, oid))
        return found[0]

    def _change(self, query: Node) -> None:
        entries = query.nodes("rtable")
        number = query.number("resultRelation")
        target = entries[number - 1] if 0 < number <= len(entries) else None
        if target is None or target.get("relkind") not in ("r", "p", "f"):
            raise UntoldError("it changes a view")
        oid = target.number("relid")
        given = [entry.number("resno") for entry in query.nodes("targetList")]
        if (oid, query.number("commandType")) in self._ruled:
            raise UntoldError("rules rewrite what it changes")
        if len(set(given)) != len(given):
            raise UntoldError("it sets parts of one column")
        missing = self._missing(query, frozenset(given), self._defaults.get(oid, []))
        query.fields["defaults"] = [_expression(default) for default in missing]

    def _missing(
        self, query: Node, given: frozenset[int], defaults: list[_Default]
    ) -> Iterable[_Default]:
        """The defaults that may be computed."""
        command = query.number("commandType")
        if command == MERGE or any(node.tag == "SETTODEFAULT" for node in descend(query)):
            return defaults
        if command == INSERT:
            return [default for default in defaults if default.column not in given]
        return ()


def read_rules(session: Session) -> Rules:
    """The rules of the database that the session is connected to. Raises ServerError."""
    kinds = tuple[list[tuple[int, str]], list[tuple[int, int]], list[_Default]]
    return Rules(*msgspec.json.decode(session.json(_RULES), type=kinds))


def _expression(default: _Default) -> Node:
    if default.identity:
        return Node("NEXTVALUEEXPR", {})
    try:
        value = parse_tree(default.expression.encode())
    except ValueError:
        value = None
    if not isinstance(value, Node):
        raise UntoldError("a default is not understood")
    return value
