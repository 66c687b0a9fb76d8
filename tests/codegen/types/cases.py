"""The table of types: what Python reads and gives for each, values of it, and its edges.

`edges` are literals of SQL with what is read for them. `normal` is what PostgreSQL makes of a value
that it stores in another form; what comes back is compared with that.
"""

import ipaddress
import os
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from math import inf, nan
from typing import Any

from asyncpg import BitString, Box, Circle, Line, LineSegment, Path, Point, Polygon, Range
from hypothesis import strategies as st

from salacia_db.postgres.account import server_account
from salacia_db.postgres.binaries import find_binaries
from salacia_db.runtime import Interval

MAJOR = find_binaries(server_account()).major
"""The version of the servers that the tests start."""


@dataclass(frozen=True)
class Case:
    """A type of PostgreSQL: as it is written, as it is read and given in Python, and values.

    `kin` is the type whose row of the table speaks for it, too.
    """

    type: str
    read: str
    given: str
    values: st.SearchStrategy[Any]
    edges: Mapping[str, Any] = field(default_factory=dict)
    normal: Callable[[Any], Any] = lambda value: value
    kin: str | None = None

    @property
    def many(self) -> bool:
        """Whether arrays of it can be given: not of texts that may be empty, nor of sequences."""
        return self.type not in UNGIVEN


UNREAD = ("tsvector", "tsquery", "query_int", "refcursor")
MULTIRANGES = tuple(f"{of}multirange" for of in ("int4", "int8", "num", "date", "ts", "tstz"))
UNGIVEN = (*UNREAD, *MULTIRANGES, "path", "polygon", "vector(3)", "halfvec(2)")


def case(
    type_: str,
    read: str,
    values: st.SearchStrategy[Any],
    edges: Mapping[str, Any] | None = None,
    *,
    given: str | None = None,
    normal: Callable[[Any], Any] = lambda value: value,
    kin: str | None = None,
) -> Case:
    return Case(type_, read, given or read, values, edges or {}, normal, kin)


def words(type_: str, *texts: str, kin: str | None = None) -> Case:
    """A type that is carried as text, of which PostgreSQL prints just these."""
    return case(type_, "str", st.sampled_from(texts), kin=kin)


def integers(bits: int, *, signed: bool = True) -> st.SearchStrategy[int]:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return st.integers(low, high) | st.sampled_from([low, high, 0])


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
ASCII = st.text(string.ascii_letters + string.digits + " '\\\"", max_size=20)
WORD = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=20)
# PostgreSQL 16 brought labels with hyphens.
LABEL = WORD if MAJOR >= 16 else WORD.map(lambda word: word.replace("-", "_"))
FINITE = st.floats(allow_nan=False, allow_infinity=False)
NUMBERS = st.builds(
    lambda digits, scale: Decimal(digits).scaleb(-scale),
    st.integers(-(10**40), 10**40),
    st.integers(-40, 40),
).filter(lambda number: abs(number.adjusted()) < 100)
ZONES = st.integers(-900, 900).map(lambda m: timezone(timedelta(minutes=m)))
# Around the sentinels a time zone would leave Python's range.
INSTANTS = st.datetimes(
    datetime(2, 1, 1),
    datetime(9998, 12, 31),
    timezones=ZONES,
)
ZONED = st.builds(
    lambda t, seconds: t.replace(tzinfo=timezone(timedelta(seconds=seconds))),
    st.times(),
    st.integers(-57599, 57599),
)
INTERVALS = st.builds(Interval, integers(32), integers(32), integers(64)) | st.builds(
    Interval, st.integers(-20, 20), st.integers(-400, 400), st.integers(-(10**12), 10**12)
)
POINTS = st.builds(Point, FINITE, FINITE)
PATHS = st.lists(POINTS, min_size=1, max_size=5)
MACS = st.binary(min_size=6, max_size=6).map(lambda b: b.hex(":"))
MACS8 = st.binary(min_size=8, max_size=8).map(lambda b: b.hex(":"))


def interfaces(address: Any) -> st.SearchStrategy[Any]:
    return st.integers(0, address.max_prefixlen - 1).map(
        lambda bits: ipaddress.ip_interface(f"{address}/{bits}")
    )


def networks(address: Any) -> st.SearchStrategy[Any]:
    return st.integers(0, address.max_prefixlen).map(
        lambda bits: ipaddress.ip_network(f"{address}/{bits}", strict=False)
    )


INET = st.ip_addresses() | st.ip_addresses().flatmap(interfaces)


def json(text: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """Every shape of JSON; a bare null would be NULL."""
    scalars = st.none() | st.booleans() | st.integers(-(2**80), 2**80) | FINITE | text
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
        max_leaves=12,
    ).filter(lambda value: value is not None)


def ranges(bounds: st.SearchStrategy[Any], *, discrete: bool) -> st.SearchStrategy[Any]:
    """Ranges in their canonical form; the discrete ones begin in it and end before."""

    def make(one: Any, other: Any, lower: bool, upper: bool) -> Any:
        if one is not None and other is not None:
            if one == other:
                return Range(empty=True)
            one, other = min(one, other), max(one, other)
        return Range(one, other, lower_inc=discrete or lower, upper_inc=not discrete and upper)

    bound = st.none() | bounds
    return st.just(Range(empty=True)) | st.builds(make, bound, bound, st.booleans(), st.booleans())


def multiranges(bounds: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Ranges apart from one another, in order."""
    several = st.lists(bounds, max_size=8, unique=True).map(sorted)
    return several.map(
        lambda found: [Range(*pair) for pair in zip(found[::2], found[1::2], strict=False)]
    )


def multirange(type_: str, bound: str, bounds: st.SearchStrategy[Any]) -> Case:
    read, given = f"list[Range[{bound}]]", f"Sequence[Range[{bound}]]"
    return case(type_, read, multiranges(bounds), {"'{}'": [], "'{(,)}'": [Range()]}, given=given)


SMALL = st.integers(-(10**6), 10**6)
DATES = st.dates(date(1, 1, 2), date(9999, 12, 30))
MOMENTS = st.datetimes()
OID = integers(32, signed=False)
LINE = st.builds(Line, FINITE, FINITE.filter(lambda b: abs(b) > 1e-3), FINITE)
INT4RANGE = "Range[int]"
SNAPSHOT = "tuple[int, int, tuple[int, ...]]"
# The lower half of a transaction's number is never 0.
XID8S = st.integers(1, 2**62).filter(lambda number: number % 2**32 > 0)
SNAPSHOTS = st.lists(XID8S, min_size=1, max_size=6, unique=True).map(
    lambda found: (min(found), max(found), tuple(sorted(found)[:-1]))
)

CASES = (
    case("smallint", "int", integers(16)),
    case("integer", "int", integers(32)),
    case("bigint", "int", integers(64)),
    case("real", "float", st.floats(width=32), {"'-0'": -0.0, "'NaN'": nan, "'-inf'": -inf}),
    case("double precision", "float", st.floats(), {"'-0'": -0.0, "'inf'": inf, "5e-324": 5e-324}),
    case(
        "numeric",
        "Decimal",
        NUMBERS | st.sampled_from([Decimal("NaN"), Decimal("Infinity"), Decimal("-Infinity")]),
        {"'1.500'": Decimal("1.500"), "1e-1000": Decimal("1e-1000"), "1e5": Decimal(100000)},
    ),
    case(
        "numeric(12,2)",
        "Decimal",
        st.decimals("-9999999999.99", "9999999999.99", places=2),
        {"'NaN'": Decimal("NaN"), "7": Decimal("7.00")},
    ),
    case("boolean", "bool", st.booleans()),
    case("text", "str", TEXT, {"''": "", "U&'\\+01F600'": "\U0001f600"}),
    case(
        "varchar(20)",
        "str",
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20),
    ),
    case(
        "character(3)", "str", st.text(string.ascii_letters, min_size=3, max_size=3), {"'a'": "a  "}
    ),
    case("name", "str", ASCII),
    case('"char"', "bytes", st.binary(min_size=1, max_size=1), {"''": b"\0"}),
    case("bytea", "bytes", st.binary(), {"''": b""}),
    case("uuid", "UUID", st.uuids()),
    case(
        "date",
        "date",
        DATES,
        {"'infinity'": date.max, "'-infinity'": date.min, "'9999-12-30'": date(9999, 12, 30)},
    ),
    case("time", "time", st.times(), {"'23:59:59.999999'": time(23, 59, 59, 999999)}),
    case(
        "timetz",
        "time",
        ZONED,
        {"'10:00+01:02:03'": time(10, tzinfo=timezone(timedelta(seconds=3723)))},
    ),
    case(
        "timestamp",
        "datetime",
        MOMENTS,
        {"'infinity'": datetime.max, "'-infinity'": datetime.min},
    ),
    case(
        "timestamptz",
        "datetime",
        INSTANTS,
        # The sentinels have no time zone: no instant of theirs exists in every zone.
        {"'infinity'": datetime.max, "'-infinity'": datetime.min},
    ),
    case(
        "interval",
        "Interval",
        INTERVALS,
        {
            "'1 year 2 mons -3 days 04:05:06.000007'": Interval(14, -3, 14706000007),
            "'infinity'": Interval(2**31 - 1, 2**31 - 1, 2**63 - 1),
        },
        given="Interval | timedelta",
    ),
    case("inet", "IPv4Address | IPv6Address", INET),
    case("cidr", "IPv4Network | IPv6Network", st.ip_addresses().flatmap(networks)),
    case("macaddr", "str", MACS),
    case("macaddr8", "str", MACS8),
    case("bit(8)", "BitString", st.text("01", min_size=8, max_size=8).map(BitString)),
    case("bit varying", "BitString", st.text("01").map(BitString), {"B''": BitString("")}),
    case(
        "json",
        "Any",
        json(st.text(st.characters(exclude_categories=["Cs"]))),
        {"'null'": None, "'\"\\u0000\"'": "\0"},
    ),
    case("jsonb", "Any", json(TEXT), {"'null'": None, "'1e400'": 10**400, "'[-0]'": [0]}),
    case("jsonpath", "str", WORD.map(lambda name: f'$."{name}"')),
    case("xml", "str", st.nothing()),
    case("tsvector", "str", st.sampled_from(["'a':1 'b':2A", "", "'it''s'"])),
    case("tsquery", "str", st.sampled_from(["'a' & 'b'", "", "!'c'"])),
    case("money", "str", st.integers(0, 10**15).map(lambda n: f"${n / 100:,.2f}")),
    case("oid", "int", OID),
    case("xid", "int", OID),
    case("cid", "int", OID, kin="xid"),
    case("xid8", "int", integers(64, signed=False)),
    case("pg_lsn", "int", integers(64, signed=False)),
    case("tid", "tuple[int, int]", st.tuples(OID, integers(16, signed=False))),
    case("pg_snapshot", SNAPSHOT, SNAPSHOTS),
    case("txid_snapshot", SNAPSHOT, SNAPSHOTS, kin="pg_snapshot"),
    case("refcursor", "str", TEXT),
    words("regclass", "pg_class", "pg_type"),
    words("regtype", "integer", "text[]"),
    words("regproc", "pg_sleep", "now"),
    words("regprocedure", "pg_sleep(double precision)", "now()", kin="regclass"),
    words("regoper", "||/", kin="regclass"),
    words("regoperator", "+(integer,integer)", "-(NONE,integer)", kin="regclass"),
    words("regcollation", '"C"', '"POSIX"', kin="regclass"),
    words("regconfig", "english", "simple", kin="regclass"),
    words("regdictionary", "simple", kin="regclass"),
    words("regnamespace", "pg_catalog", "public", kin="regclass"),
    words("regrole", "pg_monitor", kin="regclass"),
    words("aclitem", "pg_monitor=r/pg_monitor", "=r*/pg_monitor"),
    case("point", "Point", POINTS, {"'(NaN,Infinity)'": Point(nan, inf)}),
    case("line", "Line", LINE),
    case("lseg", "LineSegment", st.builds(LineSegment, POINTS, POINTS)),
    case(
        "box",
        "Box",
        st.builds(Box, POINTS, POINTS),
        normal=lambda box: Box(
            Point(max(box[0][0], box[1][0]), max(box[0][1], box[1][1])),
            Point(min(box[0][0], box[1][0]), min(box[0][1], box[1][1])),
        ),
    ),
    case("path", "Path", st.builds(lambda p, c: Path(*p, is_closed=c), PATHS, st.booleans())),
    case("polygon", "Polygon", PATHS.map(lambda points: Polygon(*points))),
    case("circle", "Circle", st.builds(Circle, POINTS, st.floats(0, 1e300))),
    case(
        "int4range",
        INT4RANGE,
        ranges(SMALL, discrete=True),
        {"'empty'": Range(empty=True), "'(,)'": Range(), "'[1,4]'": Range(1, 5)},
    ),
    case("int8range", INT4RANGE, ranges(SMALL, discrete=True)),
    case("numrange", "Range[Decimal]", ranges(NUMBERS, discrete=False)),
    case(
        "daterange", "Range[date]", ranges(DATES, discrete=True), {"'[infinity,)'": Range(date.max)}
    ),
    case("tsrange", "Range[datetime]", ranges(MOMENTS, discrete=False)),
    case("tstzrange", "Range[datetime]", ranges(INSTANTS, discrete=False)),
    case(
        "int4multirange",
        f"list[{INT4RANGE}]",
        multiranges(SMALL),
        {"'{}'": [], "'{(,1),[5,)}'": [Range(None, 1), Range(5)]},
        given=f"Sequence[{INT4RANGE}]",
    ),
    multirange("int8multirange", "int", SMALL),
    multirange("nummultirange", "Decimal", NUMBERS),
    multirange("datemultirange", "date", DATES),
    multirange("tsmultirange", "datetime", MOMENTS),
    multirange("tstzmultirange", "datetime", INSTANTS),
    case("citext", "str", TEXT),
    case("ltree", "str", st.lists(LABEL, min_size=1, max_size=5).map(".".join), {"''": ""}),
    words("lquery", "*.a|b.*{1,2}", "a@", kin="ltree"),
    words("ltxtquery", "a & !b", "a*", kin="ltree"),
    case(
        "hstore",
        "dict[str, str | None]",
        st.dictionaries(TEXT, st.none() | TEXT, max_size=5),
        {"''": {}, "'a=>NULL'": {"a": None}, """'"\\"k\\\\"=>", =>"'""": {'"k\\': ", =>"}},
        given="Mapping[str, str | None]",
    ),
    case(
        "vector(3)",
        "list[float]",
        st.lists(
            st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=3, max_size=3
        ),
        given="Sequence[float]",
    ),
    case(
        "halfvec(2)",
        "list[float]",
        st.lists(
            st.floats(width=16, allow_nan=False, allow_infinity=False), min_size=2, max_size=2
        ),
        given="Sequence[float]",
    ),
    words("cube", "(1, 2)", "(1, 2),(3, 4)"),
    words("seg", "1", "1 .. 2", kin="cube"),
    words("sparsevec(3)", "{1:1.5,3:2}/3", "{}/3", kin="cube"),
    words("isbn", "0-393-04002-X", kin="cube"),
    words("isbn13", "978-0-393-04002-9", kin="cube"),
    words("ismn", "M-2306-7118-7", kin="cube"),
    words("ismn13", "979-0-2306-7118-7", kin="cube"),
    words("issn", "1436-4522", kin="cube"),
    words("issn13", "977-1436-452-00-8", kin="cube"),
    words("ean13", "979-0-2306-7118-7", kin="cube"),
    words("upc", "036000291452", kin="cube"),
    words("query_int", "1 & !2", kin="tsquery"),
)
# Servers other than the wheel's may lack an extension.
WITHOUT = os.environ.get("SALACIA_TEST_WITHOUT", "").split()
_EXTENSIONS = ("hstore", "citext", "ltree", "vector", "cube", "seg", "isn", "intarray")
EXTENSIONS = [name for name in _EXTENSIONS if name not in WITHOUT]
_VECTORS = ("vector", "halfvec", "sparsevec")
AVAILABLE = [c for c in CASES if "vector" in EXTENSIONS or not c.type.startswith(_VECTORS)]
# Python's words for those of SQL that a name of a query can't hold.
NAMES = {case.type: f"t{number}" for number, case in enumerate(CASES)}


def alike(one: object, other: object) -> bool:
    """Whether two values are the same, NaN included, and of the same type."""
    if isinstance(one, float) and isinstance(other, float | int):
        # jsonb prints a great float as an integer, which is the float's shortest form.
        return one == float(other) or (one != one and other != other)
    if isinstance(one, Decimal) and isinstance(other, Decimal):
        return one == other or (one.is_nan() and other.is_nan())
    if isinstance(one, Path | Polygon):
        return type(one) is type(other) and list(one) == list(other)  # type: ignore[call-overload]
    if isinstance(one, tuple | list) and isinstance(other, tuple | list):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, time) and isinstance(other, time):
        return one == other and one.utcoffset() == other.utcoffset()
    if isinstance(one, datetime) and isinstance(other, datetime):
        return one == other and (one.tzinfo is None) == (other.tzinfo is None)
    if isinstance(one, int | float):
        return one == other
    return one == other and (isinstance(one, type(other)) or isinstance(other, type(one)))
