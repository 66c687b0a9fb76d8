"""The shapes of a statement: as if a person had written each of them."""

from collections.abc import Iterable
from itertools import combinations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parsing import parse, statement, text_at

from salacia_db.codegen.facts import Statement
from salacia_db.codegen.source import span_at
from salacia_db.codegen.source.fragments import Fragments, compose
from salacia_db.codegen.source.lexer import lex
from salacia_db.codegen.source.optional import Shape, optional_names, shape, shapes
from salacia_db.codegen.source.rewriting import file_offset


def given_by(found: Statement, names: Iterable[str]) -> Shape:
    """The shape in which these parameters are given."""
    return shape(found, [(name, None) for name in names])


def lines(sql: str, *names: str) -> list[str]:
    """The lines of the shape in which `names` are given."""
    return given_by(statement(sql), names).sql.split("\n")


SEARCH = """
select i.id
from items i
where i.model = :model          -- if :model
  and i.size >= :size           -- if :size
  and (i.a in (                 -- if :tags
    select :tags
  ))
order by
  i.created desc,
  f(i.size, :size)              -- if :size
limit :limit
"""


def test_lines_of_what_is_absent_are_gone():
    assert lines(SEARCH) == [
        "select i.id", "from items i", "order by", "  i.created desc", "limit $1"
    ]  # fmt: skip
    assert lines(SEARCH, "size") == [
        "select i.id", "from items i", "where", "  i.size >= $1", "order by", "  i.created desc,",
        "  f(i.size, $1)", "limit $2"
    ]  # fmt: skip


def test_with_everything_given_the_text_is_the_statements_own():
    found = statement(SEARCH)
    complete = given_by(found, ["model", "size", "tags"])
    assert (complete.sql, complete.parameters) == (found.sql, found.parameters)


def test_parameters_are_numbered_anew_and_keep_their_places():
    found = given_by(statement(SEARCH), ["tags"])
    assert [(p.number, p.name) for p in found.parameters] == [(1, "tags"), (2, "limit")]
    for parameter in found.parameters:
        for marker in parameter.markers:
            assert found.sql[marker.start : marker.end] == f"${parameter.number}"
            assert text_at(marker.source) == f":{parameter.name}"


TIDYING = [
    # commas behind
    ("select\n 1,\n :a, -- if :a\n 2", (), "select\n 1,\n 2"),
    ("select\n 1,\n :a -- if :a\nfrom t", (), "select\n 1\nfrom t"),
    ("select\n :a, -- if :a\n 1", (), "select\n 1"),
    ("select\n 1,\n :a, -- if :a\n :b -- if :b\nfrom t", ("b",), "select\n 1,\n $1\nfrom t"),
    ("select\n 1,\n :a, -- if :a\n :b -- if :b\nfrom t", ("a",), "select\n 1,\n $1\nfrom t"),
    ("select\n 1,\n :a, -- if :a\n :b -- if :b\nfrom t", (), "select\n 1\nfrom t"),
    ("select f(1,\n :a) -- if :a\nfrom t", (), "select f(1\n )\nfrom t"),
    ("select array[\n :a, -- if :a\n 2,\n :b -- if :b\n]", (), "select array[\n 2\n]"),
    # commas in front
    ("select 1\n , :a -- if :a\n , 2", (), "select 1\n , 2"),
    ("select\n   :a -- if :a\n , 2", (), "select\n 2"),
    ("select distinct\n   :a -- if :a\n , 2", (), "select distinct\n 2"),
    ("select f(\n   :a -- if :a\n , :b -- if :b\n , 2)", (), "select f(\n 2)"),
    ("select 1 group by\n   :a -- if :a\n , x", (), "select 1 group by\n x"),
    ("delete from t returning\n :a -- if :a\n , x", (), "delete from t returning\n x"),
    # doubled: a comma on each side
    ("select 1,\n :a -- if :a\n , 2", (), "select 1\n , 2"),
    # AND and OR
    ("select 1\nwhere\n :a -- if :a\n and x", (), "select 1\nwhere\n x"),
    ("select 1\nwhere :a -- if :a\n or :b -- if :b", ("b",), "select 1\nwhere\n $1"),
    ("select 1 where x\n and :a -- if :a\n and y", (), "select 1 where x\n and y"),
    ("select 1 where\n :a and -- if :a\n :b -- if :b\norder by 1", ("a",),
     "select 1 where\n $1\norder by 1"),
    ("select 1 where y and (\n :a -- if :a\n or :b -- if :b\n)", ("b",),
     "select 1 where y and (\n $1\n)"),
    ("select 1 from t join u on\n u.x = :a -- if :a\n and u.y = t.y", (),
     "select 1 from t join u on\n u.y = t.y"),
    ("select 1 group by x having\n x = :a -- if :a\n and x = 1", (),
     "select 1 group by x having\n x = 1"),
    # an empty WHERE, HAVING, ORDER BY
    ("select 1\nwhere\n :a -- if :a\n and :b -- if :b\nlimit 1", (), "select 1\nlimit 1"),
    ("select 1\nwhere\n :a -- if :a", (), "select 1"),
    ("select (select 1 where\n :a -- if :a\n)", (), "select (select 1\n)"),
    ("select 1 group by x having\n :a -- if :a\nlimit 1", (), "select 1 group by x\nlimit 1"),
    ("select 1\norder by\n :a, -- if :a\n :b -- if :b\nlimit 1", (), "select 1\nlimit 1"),
    ("select 1 order by\n :a -- if :a\n, :b -- if :b", (), "select 1"),
    ("select 1\nwhere\n :a -- if :a\norder by\n :b -- if :b\nlimit 1", (), "select 1\nlimit 1"),
    # INSERT: columns and values under one name go together
    ("insert into t (\n x,\n y -- if :y\n) values (\n :x,\n :y -- if :y\n)", (),
     "insert into t (\n x\n) values (\n $1\n)"),
    ("insert into t (x,\n y) -- if :y\nvalues (:x,\n :y) -- if :y", (),
     "insert into t (x\n )\nvalues ($1\n )"),
    # UPDATE
    ("update t set\n a = :a, -- if :a\n b = :b -- if :b\nwhere id = :id", ("a",),
     "update t set\n a = $1\nwhere id = $2"),
    ("update t\nset a = :a -- if :a\n  , b = :b -- if :b\n  , c = 1\nwhere x", ("b",),
     "update t\nset\n  b = $1\n  , c = 1\nwhere x"),
    ("update t set\n  a = :a -- if :a\n  , b = :b -- if :b\nwhere x", ("b",),
     "update t set\n  b = $1\nwhere x"),
    # what looks like a list or its end, but is a column of that name, keeps its comma
    ("select x,\n :a, -- if :a\n rows,\n update,\n values", (),
     "select x,\n rows,\n update,\n values"),
    ("select values\n , :a -- if :a\n , set\n , :b -- if :b\n , y", (),
     "select values\n , set\n , y"),
    # where nothing was dropped nothing is tidied
    ("select 1,, 2\nwhere and x\n and :a -- if :a\n", (), "select 1,, 2\nwhere and x"),
    # other comments stay, those of dropped lines go
    ("select 1 -- one\n , /* two */ :a -- if :a\n -- three\n , 3 -- four\n , 5", (),
     "select 1 -- one\n -- three\n , 3 -- four\n , 5"),
    # the line breaks of a string are its own
    ("select\n :a -- if :a\n , 'x  \n\n y'", (), "select\n 'x  \n\n y'"),
    ("select 'a\n\n   b  \n',\n :a -- if :a", (), "select 'a\n\n   b  \n'"),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "names", "expected"), TIDYING)
def test_what_dropped_lines_leave_behind_is_tidied(sql, names, expected):
    assert given_by(statement(sql), names).sql == expected


@pytest.mark.parametrize("main", ["select 1", "insert into t values (1)", "update t set a = 1"])
@pytest.mark.parametrize("first", ["with ", "with recursive ", "with\n"])
def test_a_with_goes_when_all_its_queries_do(first, main):
    sql = (
        f"{first}a as ( -- if :a\n  select :a\n), b as ( -- if :b\n  select :b\n)\n{main}"
    ).replace("), b", "),\nb")
    assert lines(sql) == [main]
    assert " ".join(lines(sql, "a")) == f"{first.strip()} a as (   select $1 ) {main}"
    assert " ".join(lines(sql, "b")) == f"{first.strip()} b as (   select $1 ) {main}"


def test_what_follows_a_gap_stays_apart_from_what_is_before_it():
    sql = "select 1\nwhere exists ( -- if :a\n  select :a\n)\nand b"
    assert lines(sql) == ["select 1", "where", "b"]
    assert lines("with a as (-- if :a\nselect :a\n),\nb as (select 2) select 1") == [
        "with", "b as (select 2) select 1"
    ]  # fmt: skip


def test_lines_inside_an_absent_bracket_are_absent_too():
    found = statement("select 1\nwhere x = any(array[ -- if :a\n :a,\n :b -- if :b\n])")
    assert given_by(found, ["b"]).sql == "select 1"
    assert given_by(found, ["b"]).parameters == ()
    assert given_by(found, ["a"]).sql == "select 1\nwhere x = any(array[\n $1\n])"


@pytest.mark.parametrize(
    ("sql", "empty"),
    [
        ("update t set\n a = :a -- if :a\nwhere id = 1", True),
        ("update only t as x set\n a = :a -- if :a", True),
        ("update t set\n a = :a, -- if :a\n b = :b -- if :b\nreturning id", True),
        ("with y as (select 1) update t set\n a = :a -- if :a\nfrom y", True),
        ("update t set x = 1,\n a = :a -- if :a\nwhere id = 1", False),
        ("insert into t values (1) on conflict (id) do update set\n a = :a -- if :a", False),
        ("with y as (update t set\n a = :a -- if :a\n) select 1", False),
        ("select update,\n set\nwhere :a -- if :a", False),
    ],
)
def test_an_update_with_an_empty_set_writes_nothing(sql, empty):
    found = statement(sql)
    assert shape(found, ()).writes_nothing is empty
    assert given_by(found, optional_names(found)).writes_nothing is False


def many_lines(names: int, labels: int) -> Statement:
    lines = [f"and :p{i} -- if :p{i}" for i in range(names)]
    lines += [f"and x = {i} -- if :choice = l{i}" for i in range(labels)]
    return statement("select 1 where true\n" + "\n".join(lines))


def test_all_shapes_up_to_256():
    def count(names: int, labels: int) -> int:
        found = shapes(many_lines(names, labels))
        assert len({s.given for s in found}) == len(found)
        return len(found)

    assert [count(n, 0) for n in (0, 1, 3, 8)] == [1, 2, 8, 256]
    assert count(6, 3) == 256


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 14), st.integers(0, 9))
def test_beyond_every_pair_occurs_and_each_by_itself_and_all(names, labels):
    found = many_lines(names, labels)
    given_sets = {s.given for s in shapes(found)}
    states = [{None, f"p{i}"} for i in range(names)]
    states += [{None, *(f"l{i}" for i in range(labels))}] if labels else []

    def state(given: frozenset, index: int) -> str | None:
        if index == names:
            return next((value for name, value in given if name == "choice"), None)
        return f"p{index}" if (f"p{index}", None) in given else None

    for i, j in combinations(range(len(states)), 2):
        occurring = {(state(given, i), state(given, j)) for given in given_sets}
        assert occurring == set(product(states[i], states[j]))
    assert frozenset() in given_sets
    assert {frozenset({(f"p{i}", None)}) for i in range(names)} <= given_sets
    assert {frozenset({("choice", f"l{i}")}) for i in range(labels)} <= given_sets
    assert any(len(given) == len(states) for given in given_sets) or not states


def test_a_place_in_a_shape_leads_to_the_file():
    from msgspec.structs import replace

    found = statement(SEARCH)
    one = given_by(found, ["size"])
    shaped = replace(found, sql=one.sql, pieces=one.pieces, parameters=one.parameters)
    assert text_at(span_at(shaped, one.sql.index("created") + 1)) == "created"
    assert text_at(span_at(shaped, one.sql.index("$2") + 1)) == ":limit"


# --- laws -----------------------------------------------------------------------------------------


def words(sql: str) -> list[str]:
    return [token.text for token in lex(sql) if token.significant]


_CLAUSES = st.fixed_dictionaries(
    {
        "columns": st.integers(0, 3),
        "conditions": st.integers(0, 3),
        "terms": st.integers(0, 2),
        "fixed_column": st.booleans(),
        "fixed_condition": st.booleans(),
        "fixed_term": st.booleans(),
        "leading": st.booleans(),
        "update": st.booleans(),
        "limit": st.booleans(),
    }
)


def write(plan: dict, given: set[str] | None) -> str:
    """The statement of a plan: with conditions (None), or as a person writes it for `given`."""

    def items(prefix: str, count: int, fixed: str | None, text: str) -> list[tuple[str, str]]:
        named = [(text.format(name=f"{prefix}{i}"), f"{prefix}{i}") for i in range(count)]
        if fixed:
            named.insert(len(named) // 2, (fixed, ""))
        return [item for item in named if given is None or not item[1] or item[1] in given]

    def listed(found: list[tuple[str, str]], separator: str) -> str:
        rows = []
        for index, (text, name) in enumerate(found):
            condition = f"   -- if :{name}" if name and given is None else ""
            if plan["leading"]:
                text = text if index == 0 else f"{separator} {text}"
            elif index < len(found) - 1:
                text = f"{text} {separator}"
            rows.append(f"  {text}{condition}")
        return "\n".join(rows)

    update = plan["update"]
    template = "{name} = :{name}::int" if update else "f(:{name}, 1)"
    fixed = ("z = 1" if update else "z") if plan["fixed_column"] or not update else None
    columns = items("c", plan["columns"], fixed, template)
    conditions = items("w", plan["conditions"], "true" if plan["fixed_condition"] else None,
                       "(x, y) = (:{name}, ',')")  # fmt: skip
    terms = items("o", plan["terms"], "1" if plan["fixed_term"] else None, "f(:{name}) desc")
    parts = ["update t set" if update else "select", listed(columns, ",")]
    if not update:
        parts.append("from t")
    if conditions:
        parts += ["where", listed(conditions, "and")]
    if terms and not update:
        parts += ["order by", listed(terms, ",")]
    if plan["limit"] and not update:
        parts.append("limit :limit")
    return "\n".join(part for part in parts if part)


@settings(deadline=None)
@given(_CLAUSES)
def test_a_shape_is_what_a_person_would_write_for_it(plan):
    statements, problems = parse(f"-- name: it :exec\n{write(plan, None)}")
    assert problems == []
    (found,) = statements
    names = optional_names(found)
    parts, written = Fragments(found).all(), Fragments(found).written()
    for flags in product((False, True), repeat=len(names)):
        chosen = {name for name, flag in zip(names, flags, strict=True) if flag}
        made = given_by(found, chosen)
        text, indexes = compose(parts, made.given)
        if made.writes_nothing:
            assert plan["update"]
            assert not any(name.startswith("c") for name in chosen)
            assert written
            assert made.given.isdisjoint(written)
            continue
        assert words(text) == words(made.sql)
        assert [found.parameters[i].name for i in indexes] == [
            p.name for p in sorted(made.parameters, key=lambda p: p.markers[0].start)
        ]
        (expected,), _ = parse(f"-- name: it :exec\n{write(plan, chosen)}")
        assert words(made.sql) == words(expected.sql)
        assert [p.name for p in made.parameters] == [p.name for p in expected.parameters]


_LINES = st.lists(
    st.tuples(
        st.sampled_from(["select", "where", "order by", "x", "1,", ", 2", "and", "(", ")", "f(x,",
                         "'a\nb'", "/* c */", "-- d", "é😀", "set", "update t set", "[", "]"]),
        st.sampled_from(["", ":a", ":b", ":c", ":a?5"]),
        st.sampled_from(["", "", "-- if :a", "-- if :b", "-- if :c", "-- e"]),
    ),
    max_size=8,
).map(lambda rows: "\n".join(" ".join(row) for row in rows))  # fmt: skip


@settings(deadline=None)
@given(_LINES)
def test_shapes_of_any_text_keep_order_places_and_numbers(sql):
    statements, _ = parse(f"-- name: it :exec\nselect {sql}")
    for found in statements:
        text, whole = found.body.file.text, words(found.sql)
        for made in shapes(found):
            assert made.sql == made.sql.rstrip()
            inside = {i for p in made.parameters for m in p.markers for i in range(m.start, m.end)}
            offsets = [file_offset(made.pieces, i) for i in range(len(made.sql))]
            assert offsets == sorted(offsets)
            for i, at in enumerate(offsets):
                assert i in inside or made.sql[i] in (text[at], " ")
            assert [p.number for p in made.parameters] == list(range(1, len(made.parameters) + 1))
            rest = iter(whole)
            assert all(
                any(seen == word or (word[0] == seen[0] == "$") for seen in rest)
                for word in words(made.sql)
            )
            absent = set(optional_names(found)) - {name for name, _ in made.given}
            assert absent.isdisjoint({p.name for p in made.parameters})
