"""Names in a query tree: output columns, and how the text may call the tables of a query."""

import re

from salacia_db.codegen.analysis.catalog import Catalog
from salacia_db.codegen.analysis.tree import Node, Value

SUBQUERY, JOIN, VALUES, GROUP = 1, 2, 5, 9  # RTEKind
SELECT = 1  # CmdType
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
# Since then a subquery in FROM needs no alias; its made-up one can't be used.
_UNNAMED_SUBQUERIES = 160000


def plain(word: Value) -> str:
    """A name as it is, without the backslashes of the printed tree."""
    if isinstance(word, str):
        return _ESCAPE.sub(r"\1", word)
    return "" if word is None else str(word).lower()  # a column may be called `true`


def outputs(query: Node) -> list[Node]:
    """The TARGETENTRYs of the columns that the query returns."""
    field = "targetList" if query.number("commandType") == SELECT else "returningList"
    return [entry for entry in query.nodes(field) if not entry.flag("resjunk")]


def ungrouped(expression: Node | None, query: Node) -> Node | None:
    """The expression itself where PostgreSQL 18 refers to one of GROUP BY."""
    if expression is None or expression.tag != "VAR" or not query.flag("hasGroupRTE"):
        return expression
    entries = query.nodes("rtable")
    number = expression.number("varno")
    if not 0 < number <= len(entries) or expression.number("varlevelsup"):
        return expression
    groups = entries[number - 1].nodes("groupexprs")
    position = expression.number("varattno") - 1
    grouped = entries[number - 1].number("rtekind") == GROUP and 0 <= position < len(groups)
    return groups[position] if grouped else expression


class Qualifiers:
    """What stands before a column's name so that it means one table of the query."""

    def __init__(self, query: Node, catalog: Catalog) -> None:
        self._entries = query.nodes("rtable")
        self._unnamed = catalog.server_version >= _UNNAMED_SUBQUERIES
        self._catalog = catalog
        self._hiding: dict[int, str] = {}
        self._hide(query.node("jointree"), None)

    def prefix(self, number: int) -> str:
        """`p.` for the range table's entry `number`; nothing where only the bare name will do."""
        alias = self._hiding.get(number) or self._alias(number)
        return "" if alias is None else f"{self._catalog.quote(alias)}."

    def _alias(self, number: int) -> str | None:
        if not 0 < number <= len(self._entries):
            return None
        entry = self._entries[number - 1]
        alias, shown = entry.node("alias"), entry.node("eref")
        if alias is not None:
            return plain(alias.get("aliasname"))
        kind = entry.number("rtekind")
        # A merged column of a join without alias belongs to neither table.
        if kind == JOIN or (
            kind in (SUBQUERY, VALUES) and self._unnamed and not entry.get("relid")
        ):
            return None
        return None if shown is None else plain(shown.get("aliasname"))

    def _hide(self, node: Node | None, alias: str | None) -> None:
        """The alias of a join hides those of the tables in it."""
        if node is None:
            return
        if node.tag == "RANGETBLREF" and alias is not None:
            self._hiding[node.number("rtindex")] = alias
        elif node.tag == "FROMEXPR":
            for item in node.nodes("fromlist"):
                self._hide(item, alias)
        elif node.tag == "JOINEXPR":
            own = node.node("alias")
            hiding = alias or (None if own is None else plain(own.get("aliasname")))
            if hiding is not None:
                self._hiding[node.number("rtindex")] = hiding
            self._hide(node.node("larg"), hiding)
            self._hide(node.node("rarg"), hiding)
