"""A method: the few lines between a caller and the driver."""

from salacia_db.codegen.emit import names
from salacia_db.codegen.emit.imports import RUNTIME, Imports, reference
from salacia_db.codegen.emit.plan import Method, Row
from salacia_db.codegen.emit.types import optional
from salacia_db.codegen.emit.writer import (
    STEP,
    WIDTH,
    Call,
    Code,
    Comprehension,
    Lambda,
    docstring,
    flat,
    layout,
    literal,
    strings,
)
from salacia_db.codegen.facts import Query

BODY = "        "
_UNLESS = "None if "
LIST = reference("builtins", "list")
INT = reference("builtins", "int")
STR = reference("builtins", "str")
BOOL = reference("builtins", "bool")
STARMAP = reference("itertools", "starmap")
ITERABLE = reference("collections.abc", "Iterable")
ROWS = reference(RUNTIME, "Rows")
OUTPUT = reference(RUNTIME, "Output")
COPY_TARGET = reference(RUNTIME, "CopyTarget")
ROW = reference(RUNTIME, "Row")
REFUSE = reference(RUNTIME, "refuse")
TAKEN = reference(RUNTIME, "taken")
STREAM = reference(RUNTIME, "Stream")
PAGE = reference(RUNTIME, "Page")
NUMBERED_PAGE = reference(RUNTIME, "NumberedPage")


class _Writer:
    """Writes one method; `row`, `rows` and `value` are names that no argument has."""

    def __init__(self, method: Method, constant: str, imports: Imports) -> None:
        self.method = method
        self.statement = method.query.statement
        self.constant = constant
        self.imports = imports
        arguments = (*method.arguments, *method.choices)
        taken = set[str]() if method.input else {argument.name for argument in arguments}
        self.row = names.unused("row", taken)
        self.rows = names.unused("rows", taken)
        self.value = names.unused("value", taken)
        self.build = names.unused("build", taken)
        self.chosen = names.unused("statement", taken)
        self.values = names.unused("values", taken)
        self.dynamic = method.query.dynamic is not None
        self.to = names.unused("to", taken)
        self.given = names.unused("given", taken)
        self.error = names.unused("error", taken)

    def lines(self) -> list[str]:
        """The method, four spaces in."""
        if self.statement.kind == "page":
            return [*self._page(), "", *self._numbered()]
        body = {
            "one": self._one,
            "one!": self._one,
            "many": self._many,
            "exec": self._exec,
            "bulk": self._bulk,
            "batchone": self._batch_one,
            "batchmany": self._batch_many,
            "copy": self._copy,
            "stream": self._stream,
        }[self.statement.kind]()
        keyword = "def" if self.statement.kind == "stream" else "async def"
        head = Call(f"{keyword} {self.method.name}(", self._parameters())
        return [
            *layout(head, indent="    ", after=f" -> {self.imports.spell(self._result())}:"),
            *self._docstring(),
            *self._convert(),
            *self._choose(),
            *body,
        ]

    @property
    def _statement(self) -> str:
        return self.chosen if self.dynamic else self.constant

    @property
    def _always(self) -> bool:
        """Whether a row is there: proven, or its absence raises."""
        return self.statement.kind == "one!" or self.method.query.cardinality == "one"

    def _result(self) -> str:
        kind, row = self.statement.kind, self.method.row
        if kind in ("exec", "copy") or row is None:
            return INT
        if kind in ("many", "bulk"):
            return f"{LIST}[{row.text}]"
        if kind == "stream":
            return f"{STREAM}[{row.text}]"
        if kind == "batchmany":
            return f"{LIST}[{LIST}[{row.text}]]"
        if kind == "batchone":
            return f"{LIST}[{optional(row.text, not (self._always or row.nullable))}]"
        return row.text if self._always else optional(row.text, not row.nullable)

    def _parameters(self) -> list[Code]:
        if self.method.input:
            spell, row = self.imports.spell, self.method.input
            # A loop over single calls takes no async iterable.
            rows = ROWS if self.statement.kind in ("bulk", "copy") else ITERABLE
            return ["self", f"rows: {spell(rows)}[{row}]"]
        found: list[Code] = [
            f"{argument.name}: {self.imports.spell(argument.annotation)}"
            for argument in (*self.method.arguments, *self.method.choices)
        ]
        head: list[Code] = ["self"]
        if self.statement.kind == "copy":
            head += [f"{self.to}: {self.imports.spell(OUTPUT)}", "/"]
        return [*head, "*", *found] if found else head

    def _docstring(self) -> list[str]:
        doc = self.statement.doc.strip()
        if self.statement.kind == "one!" and self.method.query.cardinality != "one":
            doc += f"\n\nRaises `{self.statement.none or 'NotFound'}` where there is no row."
        source = f"Source: {source_path(self.method.query)} ({self.statement.name})"
        return [*docstring(f"{doc}\n\n{source}".strip(), BODY)]

    @property
    def _converts(self) -> bool:
        """Whether an argument may be none that can be converted; a secret is taken as it comes."""
        return any(a.type.dump is not None and not a.type.secret for a in self.method.arguments)

    def _convert(self) -> list[str]:
        """The arguments as the driver takes them, where one of them might not be what it should."""
        if not self._converts or self.method.input:
            return []
        values = [self.imports.spell(a.value(a.name)) for a in self.method.arguments]
        given = Call("(", values, ",)" if len(values) == 1 else ")", hug=False)
        refuse = f"{self.imports.spell(REFUSE)}({self.constant}, {self.error})"
        return [
            f"{BODY}try:",
            *layout(given, indent=BODY + STEP, before=f"{self.given} = "),
            f"{BODY}except Exception as {self.error}:",
            f"{BODY}{STEP}{refuse}",
        ]

    def _choose(self) -> list[str]:
        """The shape of the statement for what is given."""
        if not self.dynamic:
            return []
        values = [*self._all_values(), *(argument.name for argument in self.method.choices)]
        other = self.method.instead
        instead: list[str] = []
        if other is not None:
            test = Call(f"if {self.constant}.sets_nothing(", values)
            given = {argument.name for argument in self.method.arguments}
            same = [f"{a.name}={a.name}" for a in other.arguments if a.name in given]
            result = Call(f"return await self.{other.name}(", same)
            instead = layout(test, indent=BODY, after=":") + layout(result, indent=BODY + STEP)
        call = Call(f"{self.constant}.choose(", values)
        return [*instead, *layout(call, indent=BODY, before=f"{self.chosen}, {self.values} = ")]

    def _values(self) -> list[Code]:
        return [f"*{self.values}"] if self.dynamic else self._all_values()

    def _all_values(self) -> list[Code]:
        if self._converts:
            return [f"*{self.given}"]
        return [self.imports.spell(a.value(a.name)) for a in self.method.arguments]

    def _arguments(self) -> Code:
        if self._converts and not self.dynamic:
            return self.given
        values = self._values()
        return Call("(", values, ",)" if len(values) == 1 else ")", hug=False)

    def _call(self, function: str, *more: Code) -> Call:
        return Call(f"self._session.{function}(", [self._statement, *more])

    def _awaited(self, function: str) -> Call:
        session = "batched." if self.method.query.batch else ""
        return Call(f"await self._session.{session}{function}(", [self._statement, *self._values()])

    def _return(self, code: Code) -> list[str]:
        return layout(code, indent=BODY, before="return ")

    def _let(self, name: str, code: Code) -> list[str]:
        return layout(code, indent=BODY, before=f"{name} = ")

    # --- one row ---

    def _one(self) -> list[str]:
        row = self.method.row
        assert row is not None
        if row.value and row.direct:
            return self._value(row)
        fetch = "fetchone" if self._always else "fetchrow"
        found = self._build(row, self.row)
        lines = self._let(self.row, self._awaited(fetch))
        if self._always:
            return [*lines, *self._return(found)]
        missing = f"{self.row} is None"
        if isinstance(found, str) and found.startswith(_UNLESS):
            # A value that may be missing in a row that may be missing.
            test, _, found = found.removeprefix(_UNLESS).partition(" else ")
            missing += f" or {test}"
        line = f"{BODY}return None if {missing} else {flat(found)}"
        if len(line) <= WIDTH:
            return [*lines, line]
        lines += [f"{BODY}if {missing}:", f"{BODY}    return None"]
        return [*lines, *self._return(found)]

    def _value(self, row: Row) -> list[str]:
        text = self.imports.spell(self._result())
        name = f"{self.value}: {text}"
        if self.statement.kind == "one!":
            lines = self._let(self.row, self._awaited("fetchone"))
            lines += [f"{BODY}{name} = {self.row}[0]"]
        else:
            lines = self._let(name, self._awaited("fetchval"))
        return [*lines, f"{BODY}return {self.value}"]

    # --- many rows ---

    def _many(self) -> list[str]:
        row = self.method.row
        assert row is not None
        fetched = self._awaited("fetch")
        line = self._collect(row, flat(fetched))
        if len(f"{BODY}return {flat(line)}") <= WIDTH and row.shape and not row.items:
            return self._return(line)
        return [*self._let(self.rows, fetched), *self._return(self._collect(row, self.rows))]

    def _stream(self) -> list[str]:
        arguments = self._arguments()
        before, build = self._builder(BODY + STEP)
        return [*before, *self._return(self._call("stream", arguments, build))]

    def _builder(self, indent: str) -> tuple[list[str], Code]:
        """A function from rows of the wire to a list: its lines, if it needs some, and itself."""
        row = self.method.row
        assert row is not None
        build = Lambda("rows", self._collect(row, "rows"))
        if len(f"{indent}{flat(build)},") <= WIDTH:
            return [], build
        spell = self.imports.spell
        head = f"{BODY}def {self.build}(rows: {spell(ITERABLE)}[{spell(ROW)}]) -> "
        body = layout(self._collect(row, "rows"), indent=BODY + STEP, before="return ")
        return ["", f"{head}{spell(LIST)}[{spell(row.text)}]:", *body, ""], self.build

    # --- pages ---

    def _page(self) -> list[str]:
        text = self.imports.spell(f"{optional(STR, True)}")
        more: list[Code] = [
            f"limit: {self.imports.spell(INT)} = {self._limit}",
            f"after: {text} = None",
            f"before: {text} = None",
            f"total: {self.imports.spell(BOOL)} = False",
        ]
        return self._paged(self.method.name, PAGE, "page", more, self._docstring())

    def _numbered(self) -> list[str]:
        spell = self.imports.spell
        more: list[Code] = [
            f"page: {spell(INT)} = 1",
            f"limit: {spell(INT)} = {self._limit}",
        ]
        doc = docstring(f"`{self.method.name}` by the number of the page, from 1 on.", BODY)
        name = names.numbered_name(self.method.name)
        return self._paged(name, NUMBERED_PAGE, "numbered", more, doc)

    @property
    def _limit(self) -> int:
        paging = self.method.query.paging
        assert paging is not None
        return paging.limit

    def _paged(
        self, name: str, result: str, function: str, more: list[Code], doc: list[str]
    ) -> list[str]:
        row = self.method.row
        assert row is not None
        own = [parameter for parameter in self._parameters() if parameter not in ("self", "*")]
        head = Call(f"async def {name}(", ["self", "*", *own, *more])
        text = self.imports.spell(f"{result}[{row.text}]")
        values = [*self._all_values(), *(argument.name for argument in self.method.choices)]
        arguments = Call("(", values, ",)" if len(values) == 1 else ")", hug=False)
        before, build = self._builder(BODY + STEP)
        names_ = [flat(one).partition(":")[0] for one in more]
        call = Call(
            f"await {self.constant}.{function}(",
            ["self._session", arguments, build, *(f"{one}={one}" for one in names_)],
        )
        return [
            *layout(head, indent="    ", after=f" -> {text}:"),
            *doc,
            *self._convert(),
            *before,
            *self._return(call),
        ]

    def _exec(self) -> list[str]:
        return self._return(self._awaited("execute"))

    # --- many arguments ---

    def _records(self) -> Code:
        values = [
            self.imports.spell(argument.value(f"row.{argument.name}"))
            if not argument.computed
            else f"row.{argument.name}"
            for argument in self.method.arguments
        ]
        return Call("(", values, ",)" if len(values) == 1 else ")", hug=False)

    def _taking(self, function: str, *items: Code) -> tuple[list[str], Call]:
        """The call for all rows, and the lines before it: a function that takes a row apart."""
        record = Lambda("row", self._records())
        if len(f"{BODY}{STEP}{flat(record)},") <= WIDTH:
            return [], self._awaited_with(function, *items, "rows", record)
        return self._record(), self._awaited_with(function, *items, "rows", "record")

    def _bulk(self) -> list[str]:
        row = self.method.row
        before, call = self._taking("executemany" if row is None else "fetchmany")
        if row is None:
            return [*before, *self._return(call)]
        return [*before, *self._let("found", call), *self._return(self._collect(row, "found"))]

    def _batch_one(self) -> list[str]:
        row = self.method.row
        assert row is not None
        if self._always and self.method.query.writes:
            return self._bulk()  # a row for each argument: they need no telling apart
        found = self._build(row, self.row)
        if not self._always:
            found = f"None if {self.row} is None else {flat(found)}"
        fetched = self._fetched("fetchone" if self._always else "fetchrow")
        before = self._record() if self._converts else []
        built = Comprehension(found, "row in found")
        return [*before, *self._let("found", fetched), *self._return(built)]

    def _batch_many(self) -> list[str]:
        row = self.method.row
        assert row is not None
        each = flat(self._collect(row, "rows"))
        before = self._record() if self._converts else []
        fetched = self._let("found", self._fetched("fetch"))
        return [*before, *fetched, *self._return(Comprehension(each, "rows in found"))]

    def _fetched(self, function: str) -> Comprehension:
        """One call for each argument, one after the other."""
        head = f"await self._session.{function}("
        if self._converts:
            taken = f"{self.imports.spell(TAKEN)}(rows, record, {self.constant}.name)"
            return Comprehension(Call(head, [self.constant, "*given"]), f"given in {taken}")
        values = [
            self.imports.spell(a.value(f"row.{a.name}")) if not a.computed else f"row.{a.name}"
            for a in self.method.arguments
        ]
        return Comprehension(Call(head, [self.constant, *values]), "row in rows")

    def _record(self) -> list[str]:
        """A function that takes a row apart."""
        spell = self.imports.spell
        head = f"{BODY}def record(row: {self.method.input}) -> {spell(ROW)}:"
        body = layout(self._records(), indent=BODY + STEP, before="return ")
        return ["", head, *body, ""]

    def _copy(self) -> list[str]:
        target = self.method.query.copy_target
        if target is None:
            return self._return(self._awaited_with("copy_out", self._arguments(), self.to))
        place: list[Code] = [
            literal(target.table.name),
            literal(target.table.schema),
            strings(target.columns),
        ]
        into = Call(f"{self.imports.spell(COPY_TARGET)}(", place)
        before, call = self._taking("copy", into)
        return [*before, *self._return(call)]

    def _awaited_with(self, function: str, *items: Code) -> Call:
        return Call(f"await self._session.{function}(", [self._statement, *items])

    # --- building rows ---

    def _build(self, row: Row, name: str) -> Code:
        if row.value:
            return self.imports.spell(row.value.replace("{}", name))
        assert row.shape is not None
        if row.items:
            items = [self.imports.spell(item.replace("{}", name)) for item in row.items]
            return Call(f"{self.imports.spell(row.shape.class_.text)}(", items)
        return Call(f"{self.imports.spell(row.shape.builder)}(", [f"*{name}"])

    def _collect(self, row: Row, rows: str) -> Code:
        if row.shape and not row.items:
            builder = self.imports.spell(row.shape.builder)
            starmap = Call(f"{self.imports.spell(STARMAP)}(", [builder, rows])
            return Call(f"{self.imports.spell(LIST)}(", [starmap])
        return Comprehension(self._build(row, self.row), f"{self.row} in {rows}")


def method_lines(method: Method, constant: str, imports: Imports) -> list[str]:
    """The method, four spaces in."""
    return _Writer(method, constant, imports).lines()


def source_path(query: Query) -> str:
    """The file of a query, as it is shown; never an absolute path."""
    path = query.statement.header.file.path.replace("\\", "/")
    return path.rsplit("/", 1)[-1] if path.startswith("/") or ":" in path else path
