"""Keys: what two expressions share that must have the same value for one row."""

from typing import TypeAlias

from salacia_db.codegen.analysis.catalog import Catalog
from salacia_db.codegen.analysis.tree import Node, Value

# A column is (levels up, range table index, attribute number); an expression is its printed tree.
ColumnKey: TypeAlias = tuple[int, int, int]
Key: TypeAlias = "ColumnKey | str"

_FUNCTIONS = ("funcid", "opfuncid", "aggfnoid", "winfnoid")
# What differs between two spellings of one expression, or between a stored and a fresh one.
_IGNORED = frozenset(
    """
    location opfuncid varnosyn varattnosyn varnullingrels funcformat relabelformat coerceformat
    row_format list_start list_end rexpr_list_start rexpr_list_end
    """.split()
)
# Set where a node means a value of another query, of another row, of the sublink around it, or
# several values.
_ELSEWHERE = ("varlevelsup", "agglevelsup", "varreturningtype", "paramkind", "funcretset")
# Nodes whose value may differ between two places of one row.
_OPAQUE = frozenset(("SUBLINK", "WINDOWFUNC", "CASETESTEXPR", "SETTODEFAULT", "NEXTVALUEEXPR"))


def column_key(var: Node) -> ColumnKey | None:
    """The column that a VAR reads; None for `old` and `new`, which are other rows."""
    if var.number("varreturningtype"):
        return None
    return var.number("varlevelsup"), var.number("varno"), var.number("varattno")


def expression_key(node: Node, catalog: Catalog) -> str | None:
    """The key of an expression that gives one value per row however often it is computed."""
    parts: list[str] = []
    return "".join(parts) if _print(node, catalog, parts) else None


def _print(value: Value, catalog: Catalog, parts: list[str]) -> bool:
    if isinstance(value, Node):
        if value.tag in _OPAQUE or not _steady(value, catalog):
            return False
        parts.append("{" + value.tag)
        for name, field in value.fields.items():
            if name not in _IGNORED:
                parts.append(" :" + name)
                if not _print(field, catalog, parts):
                    return False
        parts.append("}")
    elif isinstance(value, list):
        parts.append("(")
        if not all(_print(item, catalog, parts) for item in value):
            return False
        parts.append(")")
    else:
        parts.append(f" {value!r}")
    return True


def _steady(node: Node, catalog: Catalog) -> bool:
    """Whether the node's own function gives the same answer twice; a user's may only say so."""
    fields = node.fields
    for name in _ELSEWHERE:
        if name in fields and node.number(name):
            return False
    operator = catalog.operators.get(node.number("opno"))
    oids = [node.number(name) for name in _FUNCTIONS if name in fields]
    if operator is not None:
        oids.append(operator[1])
    for oid in filter(None, oids):
        function = catalog.functions.get(oid)
        if function is None or not function.builtin or function.volatility == "v":
            return False
    return True
