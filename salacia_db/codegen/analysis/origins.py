"""Where the values of a query tree come from and go to: columns behind expressions, parameters."""

from msgspec import Struct
from msgspec.structs import replace

from salacia_db.codegen.analysis.catalog import Catalog
from salacia_db.codegen.analysis.names import GROUP, JOIN, SUBQUERY, VALUES, outputs, plain
from salacia_db.codegen.analysis.tree import Node
from salacia_db.codegen.facts import ColumnRef, Table, TableColumn

_RELATION, _CTE = 0, 6  # RTEKind
_GIVEN, _OF_SEVERAL = 0, 3  # ParamKind: PARAM_EXTERN, PARAM_MULTIEXPR
_MULTIEXPR = 5  # SubLinkType
_UPDATE, _INSERT, _MERGE = 2, 3, 5  # CmdType
_BOOLEAN = 16
_CASTS = (1, 2)  # CoercionForm: explicit and implicit
_SAME_VALUE = ("RELABELTYPE", "COLLATEEXPR", "COERCETODOMAIN")
_CONVERSIONS = (*_SAME_VALUE, "COERCEVIAIO", "ARRAYCOERCEEXPR")


class Place(Struct, frozen=True):
    """Where a value goes: a column it is stored to or compared with, or a clause with a name.

    `asks` is True where NULL has a meaning of its own: `:x is null`, `coalesce(:x, …)`. `part`: it
    is stored as a field of a composite value or an element of an array, which may be NULL.
    """

    table: Table | None = None
    column: TableColumn | None = None
    clause: str | None = None
    stored: bool = False
    asks: bool = False
    part: bool = False


class Use(Struct, frozen=True):
    """A use of parameter `$number`."""

    number: int
    place: Place


_NOWHERE, _PART = Place(), Place(part=True)


def parameter_uses(query: Node, catalog: Catalog) -> list[Use]:
    """Every use of every parameter in the tree, in no particular order."""
    walker = _Walker(catalog)
    walker.query(query, ())
    return [Use(number, place) for (number, _), place in walker.uses.items()]


def output_origins(query: Node, catalog: Catalog) -> list[ColumnRef | None]:
    """The table's column whose value each output is as it is; None where it is none."""
    walker = _Walker(catalog)
    found = (walker.column(entry.node("expr"), (query,)) for entry in outputs(query))
    return [None if at is None else ColumnRef(at[0].ref, at[1].name) for at in found]


class _Walker:
    def __init__(self, catalog: Catalog) -> None:
        self.uses: dict[tuple[int, int], Place] = {}
        """By number and place in the text: INSERT … SELECT repeats a parameter in its tree."""
        self._catalog = catalog

    def query(
        self, query: Node, outer: tuple[Node, ...], places: dict[int, Place] | None = None
    ) -> None:
        """A query; `places` says where its output columns go, counted from 1."""
        scopes = (query, *outer)
        stored: dict[tuple[int, int], Place] = {}
        command = query.number("commandType")
        if command in (_INSERT, _UPDATE):
            self._assignments(query.nodes("targetList"), query, scopes, stored)
        else:
            for entry in query.nodes("targetList"):
                place = (places or {}).get(entry.number("resno"), _NOWHERE)
                self._visit(entry.get("expr"), scopes, place)
                self._through(entry.node("expr"), place, stored)
        conflict = query.node("onConflict")
        if conflict is not None:
            self._assignments(conflict.nodes("onConflictSet"), query, scopes, stored)
            for name in ("arbiterWhere", "onConflictWhere"):
                self._visit(conflict.get(name), scopes)
        for action in query.nodes("mergeActionList"):
            self._assignments(action.nodes("targetList"), query, scopes, stored)
            self._visit(action.get("qual"), scopes)
        for number, entry in enumerate(query.nodes("rtable"), 1):
            self._entry(entry, scopes, {a: p for (n, a), p in stored.items() if n == number})
        self._visit(query.get("limitCount"), scopes, Place(clause="limit"))
        self._visit(query.get("limitOffset"), scopes, Place(clause="offset"))
        rest = query.fields.keys() - {
            *("targetList", "onConflict", "mergeActionList", "rtable", "limitCount"),
            "limitOffset",
        }
        for name in rest:
            self._visit(query.get(name), scopes)

    def _assignments(
        self,
        entries: list[Node],
        query: Node,
        scopes: tuple[Node, ...],
        stored: dict[tuple[int, int], Place],
    ) -> None:
        table = self._target(query)
        columns = {} if table is None else {column.number: column for column in table.columns}
        several: dict[int, dict[int, Place]] = {}  # `(a, b) = (select …)`, by number of the SELECT
        for entry in entries:
            column, value = columns.get(entry.number("resno")), entry.node("expr")
            place = _NOWHERE if column is None else Place(table, column, stored=True)
            source = _stripped(value, _CONVERSIONS)
            if source is not None and source.number("paramkind") == _OF_SEVERAL:
                number, position = divmod(source.number("paramid"), 1 << 16)
                several.setdefault(number, {})[position] = place
            elif value is not None and value.number("subLinkType") == _MULTIEXPR:
                selected = value.node("subselect")
                if selected is not None:
                    self.query(selected, scopes, several.get(value.number("subLinkId")))
            else:
                self._visit(value, scopes, place)
                self._through(value, place, stored)

    def _target(self, query: Node) -> Table | None:
        number = query.number("resultRelation")
        entries = query.nodes("rtable")
        if not 0 < number <= len(entries):
            return None
        relation = self._catalog.relations.get(entries[number - 1].number("relid"))
        return None if relation is None else relation.table

    def _through(
        self, expression: Node | None, place: Place, stored: dict[tuple[int, int], Place]
    ) -> None:
        """A column of VALUES or of a subquery goes where the variable goes that reads it."""
        variable = _stripped(expression, _CONVERSIONS)
        if variable is not None and _is_cast(variable):
            variable = _stripped(next(iter(variable.nodes("args")), None), _CONVERSIONS)
        if variable is not None and variable.tag == "VAR" and place is not _NOWHERE:
            stored[variable.number("varno"), variable.number("varattno")] = place

    def _entry(self, entry: Node, scopes: tuple[Node, ...], places: dict[int, Place]) -> None:
        kind = entry.number("rtekind")
        subquery = entry.node("subquery")
        if subquery is not None:
            self.query(subquery, scopes, places)
        elif kind == VALUES:
            rows = entry.get("values_lists")
            for row in rows if isinstance(rows, list) else []:
                for position, value in enumerate(row if isinstance(row, list) else [], 1):
                    self._visit(value, scopes, places.get(position, _NOWHERE))
        elif kind not in (JOIN, GROUP):  # their expressions stand elsewhere too
            for value in entry.fields.values():
                self._visit(value, scopes)

    def _visit(self, value: object, scopes: tuple[Node, ...], place: Place = _NOWHERE) -> None:
        if isinstance(value, list):
            for item in value:  # pyright: ignore[reportUnknownVariableType]
                self._visit(item, scopes)  # pyright: ignore[reportUnknownArgumentType]
        if not isinstance(value, Node):
            return
        if value.tag == "QUERY":
            self.query(value, scopes)
        elif value.tag == "PARAM":
            if value.number("paramkind") == _GIVEN:
                location = value.number("location")
                # Without places each is a use of its own.
                use = value.number("paramid"), location if location >= 0 else -1 - len(self.uses)
                if place != _NOWHERE or use not in self.uses:
                    self.uses[use] = place
        else:
            for item, inner in self._inner(value, scopes, place):
                self._visit(item, scopes, inner)

    def _inner(
        self, node: Node, scopes: tuple[Node, ...], place: Place
    ) -> list[tuple[object, Place]]:
        """A node's parts, each with the place where its value goes."""
        tag, arguments = node.tag, node.nodes("args")
        if tag in _CONVERSIONS:
            return [(node.get("arg"), place)]
        if tag == "FUNCEXPR" and _is_cast(node):
            return [
                (argument, place if i == 0 else _NOWHERE) for i, argument in enumerate(arguments)
            ]
        if tag == "ARRAYEXPR":
            return [(element, place) for element in node.nodes("elements")]
        if tag == "FIELDSTORE":
            return [(node.get("arg"), _NOWHERE), *((v, _PART) for v in node.nodes("newvals"))]
        if tag == "SUBSCRIPTINGREF" and not node.get("reflowerindexpr"):
            names = ("refupperindexpr", "refexpr")
            return [(node.get("refassgnexpr"), _PART), *((node.get(n), _NOWHERE) for n in names)]
        if tag == "CASEEXPR":
            return [
                (node.get("arg"), _NOWHERE),
                *((when.get("expr"), _NOWHERE) for when in arguments),
                *((when.get("result"), place) for when in arguments),
                (node.get("defresult"), place),
            ]
        if tag == "COALESCEEXPR":
            asking = replace(place, asks=True)
            return [*((a, asking) for a in arguments[:-1]), *((a, place) for a in arguments[-1:])]
        if tag == "NULLTEST":
            return [(node.get("arg"), replace(_NOWHERE, asks=True))]
        if tag in ("OPEXPR", "SCALARARRAYOPEXPR", "DISTINCTEXPR") and len(arguments) == 2:
            compared = node.number("opresulttype") in (_BOOLEAN, 0)
            return (
                self._compared([arguments], scopes, tag == "DISTINCTEXPR")
                if compared
                else [(argument, _NOWHERE) for argument in arguments]
            )
        if tag == "ROWCOMPAREEXPR":
            pairs = zip(node.nodes("largs"), node.nodes("rargs"), strict=False)
            return self._compared([list(pair) for pair in pairs], scopes, False)
        return [(part, _NOWHERE) for part in node.fields.values()]

    def _compared(
        self, pairs: list[list[Node]], scopes: tuple[Node, ...], asks: bool
    ) -> list[tuple[object, Place]]:
        found: list[tuple[object, Place]] = []
        for left, right in pairs:
            for node, other in ((left, right), (right, left)):
                column = self.column(other, scopes)
                place = Place(asks=asks) if column is None else Place(*column, asks=asks)
                found.append((node, place))
        return found

    def column(
        self, expression: Node | None, scopes: tuple[Node, ...]
    ) -> tuple[Table, TableColumn] | None:
        """The column of a relation whose value the expression is."""
        node = _stripped(expression, _SAME_VALUE)
        if node is None or node.tag != "VAR":
            return None
        scopes = scopes[node.number("varlevelsup") :]
        entries = scopes[0].nodes("rtable") if scopes else []
        number, position = node.number("varno"), node.number("varattno")
        if not 0 < number <= len(entries) or position <= 0:
            return None
        entry = entries[number - 1]
        match entry.number("rtekind"):
            case kind if kind == _RELATION:
                return self._table_column(entry.number("relid"), position)
            case kind if kind == SUBQUERY:
                return self._output(entry.node("subquery"), position, scopes)
            case kind if kind == _CTE:
                return self._cte_column(entry, position, scopes)
            case kind if kind in (JOIN, GROUP):
                field = "joinaliasvars" if kind == JOIN else "groupexprs"
                values = entry.nodes(field)
                return (
                    self.column(values[position - 1], scopes) if position <= len(values) else None
                )
            case _:
                return None

    def _table_column(self, oid: int, number: int) -> tuple[Table, TableColumn] | None:
        relation = self._catalog.relations.get(oid)
        columns = () if relation is None else relation.table.columns
        column = next((column for column in columns if column.number == number), None)
        return None if relation is None or column is None else (relation.table, column)

    def _output(
        self, query: Node | None, position: int, scopes: tuple[Node, ...]
    ) -> tuple[Table, TableColumn] | None:
        if query is None or query.node("setOperations") is not None:
            return None
        field = "targetList" if query.number("commandType") == 1 else "returningList"
        entry = next((e for e in query.nodes(field) if e.number("resno") == position), None)
        return None if entry is None else self.column(entry.node("expr"), (query, *scopes))

    def _cte_column(
        self, entry: Node, position: int, scopes: tuple[Node, ...]
    ) -> tuple[Table, TableColumn] | None:
        scopes = scopes[entry.number("ctelevelsup") :]
        name = plain(entry.get("ctename"))
        for cte in scopes[0].nodes("cteList") if scopes else []:
            if plain(cte.get("ctename")) == name and not cte.flag("cterecursive"):
                return self._output(cte.node("ctequery"), position, scopes)
        return None


def _is_cast(node: Node) -> bool:
    return node.tag == "FUNCEXPR" and node.number("funcformat") in _CASTS


def _stripped(expression: Node | None, tags: tuple[str, ...]) -> Node | None:
    while expression is not None and expression.tag in tags:
        expression = expression.node("arg")
    return expression
