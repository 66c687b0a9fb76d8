"""Stars and whole rows of a statement's output, written out as columns in its text."""

from itertools import takewhile

from msgspec import Struct

from salacia_db.codegen.analysis.catalog import Catalog
from salacia_db.codegen.analysis.names import Qualifiers, outputs, plain, ungrouped
from salacia_db.codegen.analysis.tree import Node
from salacia_db.codegen.facts import Table
from salacia_db.codegen.source.lexer import Token, lex

_WIDTH = 96
_BEFORE = ("select", "returning", "distinct", "all")
# What may follow an output column without being its alias.
_AFTER = (
    "from where group having window union intersect except order limit offset fetch for into"
).split()


class Part(Struct, frozen=True):
    """Output columns that belong together: a whole row of `table`, or one column (no table).

    `output` is the index of the output column before the expansion.
    """

    name: str
    output: int
    width: int = 1
    table: Table | None = None
    marker: bool = False


class Expansion(Struct, frozen=True):
    """The new text, what its columns are, and the names that the server must give them."""

    sql: str
    parts: tuple[Part, ...]
    names: tuple[str | None, ...]
    start: int
    """The character where the first of them stood."""
    edits: tuple["Edit", ...]

    def before(self, offset: int) -> int:
        """Where a character of the new text, or what it was made from, stood in the old one."""
        shift = 0
        for edit in self.edits:
            if offset + shift < edit.start:
                break
            if offset + shift < edit.start + len(edit.text):
                return edit.start
            shift += edit.end - edit.start - len(edit.text)
        return offset + shift


class Edit(Struct, frozen=True):
    """What stood at `start:end` of the old text, and the text that came in its place."""

    start: int
    end: int
    text: str


class _WholeRow(Struct, frozen=True):
    """A whole row in the text: `ref` as it is written, up to `end`, its alias included."""

    start: int
    end: int
    ref: str


def expand(
    sql: str, query: Node, catalog: Catalog, missing: frozenset[int] = frozenset()
) -> Expansion | None:
    """The statement with its stars and whole rows written out; None where it has none.

    `query` is its tree before rewriting. `missing` holds the outputs whose rows may be missing: a
    table without a NOT NULL column then gets a marker column behind its own.
    """
    text = _Text(sql)
    edits = _stars(query, text, catalog)
    names: list[str | None] = []
    parts: list[Part] = []
    for index, entry in enumerate(outputs(query)):
        name = plain(entry.get("resname"))
        table = _whole_row_table(entry, query, catalog)
        found = None if table is None else text.whole_row(entry, name)
        if table is None or found is None:
            names.append(name)
            parts.append(Part(name, index))
            continue
        marker = index in missing and not any(column.not_null for column in table.columns)
        edits.append(_columns_edit(found, table, marker, text, catalog))
        parts.append(Part(name, index, len(table.columns), table, marker))
        names += [column.name for column in table.columns]
        names += [None] if marker else []
    if not edits:
        return None
    edits.sort(key=lambda edit: edit.start)
    for edit in reversed(edits):
        sql = sql[: edit.start] + edit.text + sql[edit.end :]
    return Expansion(sql, tuple(parts), tuple(names), edits[0].start, tuple(edits))


def whole_rows(query: Node, catalog: Catalog) -> dict[int, Table]:
    """The outputs that are whole rows of a relation, by index."""
    found = ((i, _whole_row_table(e, query, catalog)) for i, e in enumerate(outputs(query)))
    return {index: table for index, table in found if table is not None}


class _Text:
    """The statement's significant tokens, found by byte offset as trees have them."""

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self.tokens = [token for token in lex(sql) if token.significant]
        self._index = {token.start: i for i, token in enumerate(self.tokens)}

    def at(self, location: int) -> int | None:
        """The index of the token that starts at a byte offset."""
        if location < 0:
            return None
        ascii_only = self.sql.isascii()
        before = self.sql[:location] if ascii_only else _decoded(self.sql, location)
        return self._index.get(len(before))

    def star(self, location: int) -> tuple[str, int, int] | None:
        """The prefix (`p.`, or nothing), start and end of the star that starts there."""
        index = self.at(location)
        if index is None:
            return None
        path = self._path(index)
        last = index + len(path)
        if last >= len(self.tokens) or self.tokens[last].text != "*":
            return None
        if path and not path[-1].is_symbol("."):
            return None
        start = self.tokens[index].start
        return self.sql[start : self.tokens[last].start], start, self.tokens[last].end

    def whole_row(self, entry: Node, name: str) -> _WholeRow | None:
        """The whole row that is all of an output column; None if it is part of an expression."""
        expression = entry.node("expr")
        index = None if expression is None else self.at(expression.number("location"))
        if not index:
            return None
        before = self.tokens[index - 1]
        if not (before.is_word(*_BEFORE) or before.is_symbol(",", ")")):
            return None
        path = self._path(index)
        if not path or path[-1].is_symbol("."):
            return None
        end = index + len(path) - 1
        following = self.tokens[end + 1 : end + 3]
        if following and following[0].is_word("as"):
            end += 2
        elif following and _identifier(following[0]) == name and not _ends(following[0]):
            end += 1
        after = self.tokens[end + 1 : end + 2]
        if after and not _ends(after[0]):
            return None
        start = self.tokens[index].start
        return _WholeRow(start, self.tokens[end].end, self.sql[start : path[-1].end])

    def indent(self, at: int) -> str:
        """Blanks for lines that continue what starts at a character."""
        line = self.sql[self.sql.rfind("\n", 0, at) + 1 : at]
        blanks = len(line) if len(line) <= _WIDTH // 2 else len(line) - len(line.lstrip()) + 2
        return " " * blanks

    def _path(self, index: int) -> list[Token]:
        """`schema.table.column` from there on; it may end in a dot."""
        path = list(
            takewhile(
                lambda t: t.kind in ("name", "quoted") or t.is_symbol("."), self.tokens[index:]
            )
        )
        length = 0
        while length < len(path) and path[length].is_symbol(".") == bool(length % 2):
            length += 1
        return path[:length]


def _decoded(sql: str, end: int) -> str:
    return sql.encode("utf-8", "surrogatepass")[:end].decode("utf-8", "ignore")


def _identifier(token: Token) -> str | None:
    if token.kind == "quoted":
        return token.text[1:-1].replace('""', '"')
    return token.text.lower() if token.kind == "name" else None


def _ends(token: Token) -> bool:
    return token.is_word(*_AFTER) or token.is_symbol(",", ")", ";")


def _stars(query: Node, text: _Text, catalog: Catalog) -> list[Edit]:
    """An edit for each star in the output, those of the branches of a set operation included."""
    edits: list[Edit] = []
    if query.node("setOperations") is not None:
        for entry in query.nodes("rtable"):
            branch = entry.node("subquery")
            if branch is not None and entry.number("rtekind") == 1 and _is_branch(query, entry):
                edits += _stars(branch, text, catalog)
        return edits
    qualifiers = Qualifiers(query, catalog)
    entries = outputs(query)
    variables = [ungrouped(entry.node("expr"), query) for entry in entries]
    stars: dict[int, list[str]] = {}
    for entry, variable, location in zip(
        entries, variables, _sources(variables, text), strict=True
    ):
        found = None if variable is None else text.star(location)
        if variable is None or found is None:
            continue
        prefix = found[0] or qualifiers.prefix(variable.number("varno"))
        name = catalog.quote(plain(entry.get("resname")))
        stars.setdefault(location, []).append(prefix + name)
    for location, columns in stars.items():
        found = text.star(location)
        if found is not None:
            edits.append(Edit(found[1], found[2], _listed(columns, text.indent(found[1]))))
    return edits


def _sources(variables: list[Node | None], text: _Text) -> list[int]:
    """Where each output column stands in the text; all columns of a star stand at the star."""
    locations: list[int] = []
    for variable in variables:
        known = variable is not None and variable.tag == "VAR"
        locations.append(variable.number("location") if variable is not None and known else -1)
    # A column of GROUP BY that is selected twice is placed where it stands first: then it
    # belongs to the star beside it.
    for i, location in enumerate(locations):
        if location < 0 or location not in locations[:i]:
            continue
        if location != locations[i - 1] or text.star(location) is None:
            following = locations[i + 1] if i + 1 < len(locations) else -1
            locations[i] = following if following >= 0 else locations[i - 1]
    return locations


def _is_branch(query: Node, entry: Node) -> bool:
    """Whether the range table's entry is a leaf of the set operation itself."""
    leaves: set[int] = set()
    pending = [query.node("setOperations")]
    while pending:
        node = pending.pop()
        if node is not None and node.tag == "RANGETBLREF":
            leaves.add(node.number("rtindex"))
        elif node is not None:
            pending += [node.node("larg"), node.node("rarg")]
    return any(e is entry for i, e in enumerate(query.nodes("rtable"), 1) if i in leaves)


def _whole_row_table(entry: Node, query: Node, catalog: Catalog) -> Table | None:
    variable = ungrouped(entry.node("expr"), query)
    if variable is None or variable.tag != "VAR" or variable.number("varattno") != 0:
        return None
    relation = catalog.relation_of_type(variable.number("vartype"))
    return None if relation is None or variable.number("varlevelsup") else relation.table


def _columns_edit(
    found: _WholeRow, table: Table, marker: bool, text: _Text, catalog: Catalog
) -> Edit:
    columns = [f"{found.ref}.{catalog.quote(column.name)}" for column in table.columns]
    columns += [f"({found.ref} is not distinct from null)"] if marker else []
    return Edit(found.start, found.end, _listed(columns, text.indent(found.start)))


def _listed(columns: list[str], indent: str) -> str:
    """The columns with commas, in lines of a readable width."""
    lines = [columns[0]]
    for column in columns[1:]:
        if len(indent) + len(lines[-1]) + len(column) + 2 <= _WIDTH:
            lines[-1] += f", {column}"
        else:
            lines.append(column)
    return f",\n{indent}".join(lines)
