"""What the conditions of one query determine: columns with one value, tables with one row."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from msgspec import Struct

from salacia_db.codegen.analysis.catalog import FIRST_USER_OID, Catalog, Relation
from salacia_db.codegen.analysis.predicates import implied
from salacia_db.codegen.analysis.tree import Node, Value
from salacia_db.codegen.analysis.walk import SELECT, behind, outputs, returns_set, with_query
from salacia_db.codegen.facts import Table

RELATION, SUBQUERY, _, FUNCTION, _, VALUES, CTE, _, RESULT = range(9)  # RTEKind
INNER, LEFT, FULL, RIGHT = range(4)  # JoinType
_ONE_EACH = "nothing in FROM has more than one row"
_ROW_COMPARED, _SCALAR, _ARRAY = 3, 4, 6  # SubLinkType
_COMPUTED_ONCE = (_SCALAR, _ARRAY)  # if they read none of our columns
_UNSTEADY = ("NEXTVALUEEXPR", "SETTODEFAULT", "WINDOWFUNC")

Column: TypeAlias = tuple[int, int]
Around: TypeAlias = tuple[Node, ...]
# How many rows at most a query has that share one value in each of some output columns.
Most: TypeAlias = Callable[[Node, Catalog, frozenset[int], Around], int]


class _Equality(Struct, frozen=True):
    """`column` equals `value` in every row; from an outer join's side, once `gate` is single."""

    column: Column
    value: Node
    gate: frozenset[int]


class Determined:
    """Columns that an equality gives one value for all rows of a query, and what follows.

    An entry of the range table is single where a unique key of it is fixed: then one row of it at
    most takes part, and all its columns are fixed as well. Constants, parameters and columns of
    outer queries are fixed from the start. What holds only for the optional side of an outer join
    says nothing of the rows as a whole until the other side is single.
    """

    def __init__(
        self, query: Node, catalog: Catalog, fixed: frozenset[int], outer: Around, most: Most
    ) -> None:
        self.entries: list[int] = []
        """The tables and other FROM items, joins left out."""
        self._query = query
        self._catalog = catalog
        self._around = (*outer, query)
        self._most = most
        self._rtable = query.nodes("rtable")
        self._outputs = fixed
        self._gates: dict[int, frozenset[int]] = {}
        self._equalities: list[_Equality] = []
        self._conditions: list[tuple[Node, frozenset[int] | None]] = []
        """What holds of every row, or of those of the entries that come second."""
        self._columns: set[Column] = set()
        self._single: set[int] = set()
        self._keys: dict[int, str] = {}
        """The unique keys that make tables single, in words."""
        for target in outputs(query):
            expression = target.node("expr")
            column = None if expression is None else self._column(expression)
            if target.number("resno") in fixed and column is not None:
                self._columns.add(column)

    def solve(self, tree: Node) -> None:
        """Take in the join tree, and go on until nothing new is determined."""
        self._read(tree, frozenset())
        self._spread()

    def join(self, entry: int, condition: Node) -> None:
        """Add one more entry that is joined by a condition, as MERGE joins its target."""
        self.entries.append(entry)
        self._gates[entry] = frozenset()
        self._take(condition, frozenset())
        self._spread()

    def single(self, entry: int) -> bool:
        """Whether one row of the entry at most takes part."""
        return entry in self._single

    def all_fixed(self, clause: str) -> bool:
        """Whether every expression of GROUP BY or DISTINCT has one value."""
        wanted = {item.number("tleSortGroupRef") for item in self._query.nodes(clause)}
        for target in self._query.nodes("targetList"):
            reference, expression = target.number("ressortgroupref"), target.node("expr")
            given = target.number("resno") in self._outputs
            if given or (expression is not None and self._fixed(expression)):
                wanted.discard(reference)
        return not wanted

    def why(self, entry: int) -> str:
        """Why several rows of the entry may take part."""
        node = self._rtable[entry - 1]
        relation = self._catalog.relations.get(node.number("relid"))
        kind = node.number("rtekind")
        if kind == RELATION and relation is not None:
            name = relation.table.ref.name
            if not relation.keys and not relation.keys_alone:
                return f"{name} has no unique key"
            return f"no unique key of {name} is fixed by the conditions"
        if kind == SUBQUERY and relation is not None:
            return f"{relation.table.ref.name} may have several rows"
        shown = {FUNCTION: "a function in FROM", VALUES: "VALUES", CTE: "a WITH query"}
        return f"{shown.get(kind, 'a subquery in FROM')} may have several rows"

    def why_single(self, entries: Sequence[int]) -> str:
        """Why one row at most of each of these entries takes part."""
        keys = dict.fromkeys(self._keys[entry] for entry in entries if entry in self._keys)
        if keys:
            return "conditions fix " + ", ".join(keys)
        return "one row is made" if self._query.number("commandType") != SELECT else _ONE_EACH

    # --- reading ----------------------------------------------------------------------------------

    def _read(self, node: Node, gate: frozenset[int]) -> None:
        if node.tag == "RANGETBLREF":
            self.entries.append(node.number("rtindex"))
            self._gates[node.number("rtindex")] = gate
            return
        if node.tag == "FROMEXPR":
            for child in node.nodes("fromlist"):
                self._read(child, gate)
            self._take(node.node("quals"), gate)
            return
        left, right, quals = node.node("larg"), node.node("rarg"), node.node("quals")
        if left is None or right is None:
            return
        kind = node.number("jointype")
        if kind == INNER:
            self._read(left, gate)
            self._read(right, gate)
            self._take(quals, gate)
        elif kind in (LEFT, RIGHT):
            kept, optional = (left, right) if kind == LEFT else (right, left)
            start = len(self.entries)
            self._read(kept, gate)
            behind_gate = gate | frozenset(self.entries[start:])
            start = len(self.entries)
            self._read(optional, behind_gate)
            self._take(quals, behind_gate, frozenset(self.entries[start:]))
        else:
            # Nothing below a FULL JOIN is sure, so its gate never opens.
            for side in (left, right):
                self._read(side, gate | {0})

    def _take(
        self, condition: Node | None, gate: frozenset[int], about: frozenset[int] | None = None
    ) -> None:
        """Collect the equalities of a condition; of an outer join's, those about one side."""
        if condition is None:
            return
        if condition.tag == "BOOLEXPR" and condition.get("boolop") == "and":
            for part in condition.nodes("args"):
                self._take(part, gate, about)
            return
        self._conditions.append((condition, about))
        for column, value in self._equalities_of(condition):
            if about is None or column[0] in about:
                self._equalities.append(_Equality(column, value, gate))

    def _equalities_of(self, condition: Node) -> Iterator[tuple[Column, Node]]:
        arguments = condition.nodes("args")
        if condition.tag == "SUBLINK":
            yield from self._equalities_of_row(condition)
            return
        if condition.tag == "OPEXPR" and len(arguments) == 2 and self._is_equality(condition):
            for side, value in (arguments, arguments[::-1]):
                column = self._column(side)
                if column is not None and self._comparable(condition, side):
                    yield column, value
            return
        # A boolean column by itself, or its negation, leaves it one value.
        flag = arguments[0] if condition.get("boolop") == "not" and arguments else condition
        column = self._column(flag)
        if column is not None:
            yield column, Node("CONST", {})

    def _equalities_of_row(self, condition: Node) -> Iterator[tuple[Column, Node]]:
        """`(a, b) = (select …)`: each column equals one value, since the query has one row."""
        test = condition.node("testexpr")
        rows = condition.number("subLinkType") == _ROW_COMPARED
        if not rows or test is None or test.get("boolop") != "and":
            return
        value = Node("SUBLINK", {"subLinkType": _SCALAR, "subselect": condition.get("subselect")})
        for part in test.nodes("args"):
            for column, _ in self._equalities_of(part):
                yield column, value

    def _is_equality(self, condition: Node) -> bool:
        # A collation that a person made may ignore case, and then several values pass.
        collation = condition.number("inputcollid")
        return condition.number("opno") in self._catalog.equality and collation < FIRST_USER_OID

    def _comparable(self, condition: Node, side: Node) -> bool:
        """Whether the operator compares the column as its own unique index does.

        An extension's type brings its equality with it. Cast to such a type, a column of another
        may match several values; then the operator isn't built in and the type isn't its own.
        """
        if condition.number("opno") < FIRST_USER_OID:
            return True
        if side.tag == "VAR":
            return side.number("vartype") in self._catalog.extension_types
        return (
            self._sheds_domain(side) and side.number("resulttype") in self._catalog.extension_types
        )

    def _column(self, node: Node) -> Column | None:
        """The column of one of this query's tables that the expression reads unchanged."""
        while node.tag == "RELABELTYPE" and (
            node.number("resulttype") < FIRST_USER_OID or self._sheds_domain(node)
        ):
            inner = node.node("arg")
            if inner is None:
                return None
            node = inner
        if node.tag != "VAR" or node.number("varlevelsup") or node.number("varreturningtype"):
            return None
        entry, attribute = node.number("varno"), node.number("varattno")
        inner = behind(self._query, entry, attribute)
        if inner is not None:
            return self._column(inner)
        return (entry, attribute) if attribute > 0 else None

    def _sheds_domain(self, node: Node) -> bool:
        """Whether a column of a domain is read as the type below it, which its index compares."""
        inner = node.node("arg")
        if node.tag != "RELABELTYPE" or inner is None or inner.tag != "VAR":
            return False
        kind = self._catalog.types.get(inner.number("vartype"))
        while kind is not None and kind.kind == "domain":
            kind = kind.element
        return kind is not None and kind.oid == node.number("resulttype")

    # --- concluding -------------------------------------------------------------------------------

    def _spread(self) -> None:
        size = -1
        while size != len(self._columns) + len(self._single):
            size = len(self._columns) + len(self._single)
            for equality in self._equalities:
                if equality.gate <= self._single and self._fixed(equality.value):
                    self._columns.add(equality.column)
            for entry in self.entries:
                if entry not in self._single and self._has_one_row(entry):
                    self._single.add(entry)

    def _has_one_row(self, entry: int) -> bool:
        node = self._rtable[entry - 1]
        kind = node.number("rtekind")
        fixed = frozenset(column[1] for column in self._columns if column[0] == entry)
        if kind == RELATION:
            relation = self._catalog.relations.get(node.number("relid"))
            if relation is None:
                return False
            whole = node.flag("inh") or relation.table.kind != "r"
            keys = relation.keys if whole else relation.keys_alone
            fitting = next((key for key in keys if key and key <= fixed), None)
            if fitting is None and relation.partial_keys:
                fitting = self._partial_key(entry, relation, fixed)
            if fitting is not None:
                self._keys[entry] = _key(relation.table, fitting)
            return fitting is not None
        if not self._gates[entry] <= self._single:
            return False
        if kind == SUBQUERY:
            query = node.node("subquery")
            return query is not None and self._most(query, self._catalog, fixed, self._around) <= 1
        if kind == CTE:
            found = with_query(self._around, node.get("ctename"), node.number("ctelevelsup"))
            return found is not None and self._most(found[0], self._catalog, fixed, found[1]) <= 1
        return has_one_row(node)

    def _partial_key(
        self, entry: int, relation: Relation, fixed: frozenset[int]
    ) -> frozenset[int] | None:
        """A key that holds for the rows that the conditions leave of the entry, if one is fixed."""
        holding = [c for c, about in self._conditions if about is None or entry in about]
        for key, predicate in relation.partial_keys:
            if key and key <= fixed and implied(predicate, entry, holding):
                return key
        return None

    def _fixed(self, node: Node) -> bool:
        return self._steady(node, 0)

    def _steady(self, value: Value, depth: int) -> bool:
        """Whether all that the expression reads is fixed, `depth` queries inside it."""
        if isinstance(value, list):
            return all(self._steady(item, depth) for item in value)
        if not isinstance(value, Node):
            return True
        if value.tag == "VAR":
            return self._steady_column(value, depth)
        if value.tag == "QUERY":
            depth += 1
        elif value.tag in _UNSTEADY or (
            value.tag == "SUBLINK" and value.number("subLinkType") not in _COMPUTED_ONCE
        ):
            return False
        if value.tag == "AGGREF" and value.number("agglevelsup") == depth:
            return False  # groups differ in their rows, though nothing of these is read
        if not self._same_each_time(value):
            return False
        return all(
            self._steady(field, depth)
            for field in value.fields.values()
            if isinstance(field, (Node, list))
        )

    def _steady_column(self, var: Node, depth: int) -> bool:
        levels = var.number("varlevelsup")
        if levels != depth:
            return True  # the subquery's own, or an outer query's
        if depth:
            return False  # a subquery that depends on our rows is computed for each of them
        entry, attribute = var.number("varno"), var.number("varattno")
        inner = behind(self._query, entry, attribute)
        if inner is not None:
            return self._fixed(inner)
        return entry in self._single or (entry, attribute) in self._columns

    def _same_each_time(self, node: Node) -> bool:
        """Whether the node's function, if it calls one, is built in and not volatile."""
        operator = self._catalog.operators.get(node.number("opno"))
        oid = operator[1] if operator is not None else 0
        for called in (
            oid,
            node.number("funcid"),
            node.number("aggfnoid"),
            node.number("winfnoid"),
        ):
            function = self._catalog.functions.get(called)
            if called and (function is None or not function.builtin or function.volatility == "v"):
                return False
        return not (node.number("opno") and operator is None)


def _key(table: Table, key: frozenset[int]) -> str:
    names = ", ".join(column.name for column in table.columns if column.number in key)
    return f"the unique key ({names}) of {table.ref.name}"


def has_one_row(entry: Node) -> bool:
    """Whether a FROM item that reads no table has exactly one row."""
    kind = entry.number("rtekind")
    if kind == VALUES:
        lists = entry.get("values_lists")
        return isinstance(lists, list) and len(lists) == 1
    if kind == FUNCTION:
        calls = [function.node("funcexpr") for function in entry.nodes("functions")]
        return not any(call is None or returns_set(call) for call in calls)
    return kind == RESULT
