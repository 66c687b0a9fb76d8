"""Types: what Python sees of a PostgreSQL type, and how a value crosses the driver's border.

As asyncpg 0.32 really returns them, with the runtime's codecs for json, jsonb, interval and timetz.
JSON comes as the bytes of its text, decoded by the code that knows its type. Elements of an array
may be NULL and nothing in PostgreSQL says otherwise, so they are `T | None`, unless they are of a
domain that is NOT NULL. An array of several dimensions arrives as nested lists, which its type
can't tell: map such a column under `[tool.salacia.types]`.
"""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from salacia_db.codegen.emit.imports import RUNTIME, reference
from salacia_db.codegen.facts import PgType

ANY = reference("typing", "Any")
SECRET = reference(RUNTIME, "Secret")
RAW = reference("msgspec", "Raw")
ENCODE = reference("msgspec.json", "encode")
DECODE = reference(RUNTIME, "decode_json")
DECODE_AT = reference(RUNTIME, "decode_at")
INTERVAL = reference(RUNTIME, "Interval")
TIMEDELTA = reference("datetime", "timedelta")


class PyType(Struct, frozen=True):
    """A type as text with references.

    `read` is what a row holds, `given` what a parameter takes. `load` turns the driver's value
    into it and `dump` back, with `{}` for the value; None where nothing has to be done. `atomic`:
    no value of it can be part of a reference cycle. `base` is what the driver gives.
    `dumps_null`: `dump` is right for None, too. `text`: the driver carries it only as text, so that
    it can't read a composite that holds it. `empty`: such a text may be empty, so that the driver
    crashes the interpreter on an array of it. `sequence`: a value is a sequence, which within an
    array the driver would take for a further dimension: it is `untold`, can't be given. `json` is
    the type that it decodes JSON into. `encoded`: it holds JSON, which the driver gives as the
    bytes of its text. `labels`: the values of an enum of the application's, as far as they are
    known.
    """

    read: str
    given: str
    base: str
    load: str | None = None
    dump: str | None = None
    atomic: bool = True
    json: str = ""
    dumps_null: bool = False
    secret: bool = False
    enum: PgType | None = None
    labels: tuple[str, ...] = ()
    text: bool = False
    empty: bool = False
    sequence: bool = False
    untold: bool = False
    encoded: bool = False

    @property
    def decoded(self) -> "PyType":
        """The type where the driver's codec has decoded JSON, which it can if that is all of it."""
        if not self.encoded or not self.json:
            return self
        return replace(self, base=self.read, load=None, encoded=False)

    def loaded(self, value: str, *, nullable: bool) -> str:
        """The expression for a value that the driver gave."""
        return _applied(self.load, value, nullable=nullable)

    @property
    def kept(self) -> "PyType":
        """The type of a field that holds a parameter: a secret there must not show in a repr."""
        if not self.secret:
            return self
        return replace(self, given=self.read, dump="{}.reveal()", dumps_null=False)

    def dumped(self, value: str, *, nullable: bool) -> str:
        """The expression for a value that the driver takes."""
        return _applied(self.dump, value, nullable=nullable and not self.dumps_null)


def base_of(type_: PgType) -> PgType:
    """The type, or what a domain is over."""
    while type_.kind == "domain" and type_.element is not None:
        type_ = type_.element
    return type_


def optional(text: str, nullable: bool) -> str:
    """The type, with None where it may be NULL."""
    return f"{text} | None" if nullable and text != "None" else text


def _applied(template: str | None, value: str, *, nullable: bool) -> str:
    if template is None:
        return value
    applied = template.replace("{}", value)
    return f"None if {value} is None else {applied}" if nullable else applied


def same(text: str, *, atomic: bool = True) -> PyType:
    """A type that crosses the border as it is."""
    return PyType(text, text, text, atomic=atomic)


def json_type(text: str, decoder: str) -> PyType:
    """A type that JSON becomes, by a function that decodes it."""
    base, load = BYTES, f"{decoder}({{}})"
    json = ANY if decoder == DECODE else text
    return PyType(text, text, base, load=load, atomic=False, json=json, encoded=True)


def json_of(types: Iterable[PyType | None]) -> str:
    """The type that the driver's codec is to decode JSON into, where these are a row's types.

    `bytes` where they decode it themselves, since they are of several types or hold it within
    other values; empty where there is none.
    """
    found = {type_.json or BYTES for type_ in types if type_ is not None and type_.encoded}
    return found.pop() if len(found) == 1 else BYTES if found else ""


def _builtin(name: str) -> str:
    return reference("builtins", name)


def _union(module: str, *names: str) -> str:
    return " | ".join(reference(module, name) for name in names)


BYTES = _builtin("bytes")
INT = same(_builtin("int"))
TEXT = same(_builtin("str"))
ONLY_TEXT = replace(TEXT, text=True)
MAYBE_EMPTY = replace(ONLY_TEXT, empty=True)
TUPLE = f"{_builtin('tuple')}[{ANY}, ...]"
_DATETIME = same(reference("datetime", "datetime"))
_TIME = same(reference("datetime", "time"))
_ANY = json_type(ANY, DECODE)
_PAIR = same(f"{_builtin('tuple')}[{_builtin('int')}, {_builtin('int')}]", atomic=False)
_SNAPSHOT = same(
    "{0}[{1}, {1}, {0}[{1}, ...]]".format(_builtin("tuple"), _builtin("int")), atomic=False
)

_BUILTIN: dict[str, PyType] = {
    **dict.fromkeys(
        ("int2", "int4", "int8", "oid", "xid", "xid8", "cid", "pg_lsn"),
        INT,
    ),
    **dict.fromkeys(
        ("text", "varchar", "bpchar", "name", "unknown", "xml", "jsonpath", "cstring"),
        TEXT,
    ),
    **dict.fromkeys(
        """
        money macaddr macaddr8 aclitem regclass regcollation regconfig
        regdictionary regnamespace regoper regoperator regproc regprocedure regrole regtype
        """.split(),
        ONLY_TEXT,
    ),
    "tsvector": MAYBE_EMPTY,
    "tsquery": MAYBE_EMPTY,
    "refcursor": MAYBE_EMPTY,
    "bool": same(_builtin("bool")),
    "float4": same(_builtin("float")),
    "float8": same(_builtin("float")),
    "numeric": same(reference("decimal", "Decimal")),
    "uuid": same(reference("uuid", "UUID")),
    "bytea": same(_builtin("bytes")),
    "char": same(_builtin("bytes")),
    "timestamp": _DATETIME,
    "timestamptz": _DATETIME,
    "date": same(reference("datetime", "date")),
    "time": _TIME,
    "timetz": _TIME,
    "interval": PyType(read=INTERVAL, given=f"{INTERVAL} | {TIMEDELTA}", base=INTERVAL),
    "json": _ANY,
    "jsonb": _ANY,
    # An address with a netmask comes as an interface, which is an address to Python.
    "inet": same(_union("ipaddress", "IPv4Address", "IPv6Address")),
    "cidr": same(_union("ipaddress", "IPv4Network", "IPv6Network")),
    "void": same("None"),
    "tid": _PAIR,
    "pg_snapshot": _SNAPSHOT,
    "txid_snapshot": _SNAPSHOT,
    "path": replace(same(reference("asyncpg", "Path")), sequence=True),
    "polygon": replace(same(reference("asyncpg", "Polygon")), sequence=True),
    **{
        name: same(reference("asyncpg", python))
        for name, python in {
            "bit": "BitString",
            "varbit": "BitString",
            "point": "Point",
            "line": "Line",
            "lseg": "LineSegment",
            "box": "Box",
            "circle": "Circle",
        }.items()
    },
}
_PAIRS = f"[{_builtin('str')}, {_builtin('str')} | None]"
_VECTOR = PyType(
    read=f"{_builtin('list')}[{_builtin('float')}]",
    given=f"{reference('collections.abc', 'Sequence')}[{_builtin('float')}]",
    base=f"{_builtin('list')}[{_builtin('float')}]",
    atomic=False,
    sequence=True,
)
# Types of the usual extensions; the runtime has codecs for those that are not only text.
_EXTENSIONS: dict[str, PyType] = {
    **dict.fromkeys(("citext", "lquery", "ltree", "ltxtquery"), TEXT),
    **dict.fromkeys(
        "cube ean13 isbn isbn13 ismn ismn13 issn issn13 seg sparsevec upc".split(), ONLY_TEXT
    ),
    "query_int": MAYBE_EMPTY,
    "hstore": PyType(
        read=f"{_builtin('dict')}{_PAIRS}",
        given=f"{reference('collections.abc', 'Mapping')}{_PAIRS}",
        base=f"{_builtin('dict')}{_PAIRS}",
        atomic=False,
    ),
    "vector": _VECTOR,
    "halfvec": _VECTOR,
}


KNOWN = frozenset((*_BUILTIN, *_EXTENSIONS))
"""The names of types that PostgreSQL or a usual extension brings."""


def base_type(type_: PgType) -> PyType | None:
    """The type of a scalar that PostgreSQL or a usual extension brings; None for others."""
    if type_.schema == "pg_catalog":
        return _BUILTIN.get(type_.name)
    return _EXTENSIONS.get(type_.name)


def secret(type_: PyType) -> PyType:
    """The type wrapped in Secret on reading, unwrapped on writing."""
    text = f"{SECRET}[{type_.read}]"
    unwrapped = "{}.reveal() if " + _builtin("isinstance") + "({}, " + SECRET + ") else {}"
    return PyType(
        read=text,
        given=f"{text} | {type_.given}",
        base=type_.base,
        load=f"{SECRET}({type_.loaded('{}', nullable=False)})",
        dump=unwrapped,
        dumps_null=True,
        secret=True,
        atomic=type_.atomic,
        text=type_.text,
        encoded=type_.encoded,
    )


def enum_type(type_: PgType, text: str) -> PyType:
    """An enum, of the class `text`: the driver gives a label, and takes a member: a string."""
    return PyType(text, text, TEXT.base, load=f"{text}({{}})", enum=type_)


def array_type(element: PyType, *, nulls: bool) -> PyType:
    """A list of the elements; a parameter takes any sequence of them."""
    sequence = reference("collections.abc", "Sequence")
    array = _builtin("list")
    # To the driver a list within an array is a further dimension of it.
    dump = f"{RAW}({ENCODE}({{}}))" if element.json else element.dump
    return PyType(
        read=f"{array}[{optional(element.read, nulls)}]",
        given=f"{sequence}[{optional(element.given, nulls)}]",
        base=f"{array}[{optional(element.base, nulls)}]",
        load=_each(element.load, nulls=nulls),
        dump=_each(dump, nulls=nulls),
        atomic=False,
        text=element.text,
        sequence=True,
        untold=element.sequence or element.untold,
        encoded=element.encoded,
    )


def nested_type(element: PyType, dimensions: int, *, nulls: bool) -> PyType:
    """Lists of lists of the elements: an array of that many dimensions."""
    read, given = optional(element.read, nulls), optional(element.given, nulls)
    for _ in range(dimensions):
        read = f"{_builtin('list')}[{read}]"
        given = f"{reference('collections.abc', 'Sequence')}[{given}]"
    load, dump = (
        "" if each is None else f", lambda v: {_applied(each, 'v', nullable=nulls)}"
        for each in (element.load, element.dump)
    )
    return PyType(
        read=read,
        given=given,
        base=f"{_builtin('list')}[{ANY}]",
        load=f"{reference(RUNTIME, 'read_array')}({read}, {dimensions}, {{}}{load})",
        dump=f"{reference(RUNTIME, 'write_array')}({dimensions}, {{}}{dump})",
        atomic=False,
        text=element.text,
        sequence=True,
        untold=element.untold,
        encoded=element.encoded,
    )


def listed(text: str) -> str | None:
    """What a type is a list of, None where it is no list."""
    head = f"{_builtin('list')}["
    if not text.startswith(head) or not text.endswith("]"):
        return None
    inner, depth = text.removeprefix(head)[:-1], 0
    for character in inner:
        depth += (character == "[") - (character == "]")
        if depth < 0:
            return None
    return inner


def _each(template: str | None, *, nulls: bool) -> str | None:
    if template is None:
        return None
    return f"[{_applied(template, 'v', nullable=nulls)} for v in {{}}]"


def range_type(element: PyType) -> PyType:
    """A range of something that crosses the border as it is."""
    return same(f"{reference('asyncpg', 'Range')}[{element.read}]", atomic=False)
