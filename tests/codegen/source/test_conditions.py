"""`-- if :x` governs its line, brackets and all; what comes near it is refused."""

import pytest
from parsing import problem, statement, summary


def governed(sql: str) -> list[tuple[str, str]]:
    found = statement(sql)
    return [(line.name, found.sql[line.start : line.end]) for line in found.optional]


def test_a_condition_governs_its_line_and_leaves_the_text():
    found = statement(
        "select 1\nwhere true\n  and a = :a::int   -- if :a\n  and b > :b -- if :b  \n  -- c\n;"
    )
    assert found.sql == "select 1\nwhere true\n  and a = $1::int\n  and b > $2"
    assert [(o.name, found.sql[o.start : o.end]) for o in found.optional] == [
        ("a", "and a = $1::int"),
        ("b", "and b > $2"),
    ]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        # A bracket that opens on the line is governed to its close, and the line that closes it.
        (
            "select 1 where true\nand exists (  -- if :a\n  select 1\n  where x = :a\n)\nand true",
            [("a", "and exists (\n  select 1\n  where x = $1\n)")],
        ),
        (
            "select 1 where true\nand (select f(  -- if :a\n1)) >= :a\nand true",
            [("a", "and (select f(\n1)) >= $1")],
        ),
        (
            "select 1,\n(select 1  -- if :a\n where :a) as x, (\n2) as y,\n3",
            [("a", "(select 1\n where $1) as x, (\n2) as y,")],
        ),
        # Inside it, further conditions are nested.
        (
            "select 1\nwhere (  -- if :a\n :a\n or :b -- if :b\n)",
            [("a", "(\n $1\n or $2\n)"), ("b", "or $2")],
        ),
        # What closes a bracket of a line above is not governed.
        ("select f(1,\n  :a)  -- if :a", [("a", "$1")]),
        ("select f((1),\n  (:a) ), 2", []),
        ("select f(g(1,\n  :a)),  -- if :a\n 2", [("a", "$1")]),
        ("select (1 in (\n  :a  -- if :a\n))", [("a", "$1")]),
        (
            "select 1 where (true\n and x in (  -- if :a\n :a))\nand true",
            [("a", "and x in (\n $1)")],
        ),
        # A token of many lines is one line, and a bracket in it is none.
        ("select 1,\n  'x\ny (' || :a,  -- if :a\n  2", [("a", "'x\ny (' || $1,")]),
        ("select 1,\n  /* (\n */ :a,  -- if :a\n  2", [("a", "$1,")]),
        ("select 1 -- (\n, :a  -- if :a", [("a", ", $1")]),
        # The semicolon is no part of the last line.
        ("select 1\nlimit :a; -- if :a", [("a", "limit $1")]),
        ("select 1\nlimit :a -- if :a\n;", [("a", "limit $1")]),
        # The same name on many lines.
        (
            "select 1\nlimit :a -- if :a\noffset :a -- if :a",
            [("a", "limit $1"), ("a", "offset $1")],
        ),
        ("select 1\nlimit :userId -- if :userId", [("user_id", "limit $1")]),
        ("select 1\nlimit :a? -- if :a", [("a", "limit $1")]),
        # A key word that the next lines need too is not governed.
        ("select 1\nwhere :a -- if :a\nor :a -- if :a", [("a", "$1"), ("a", "or $1")]),
        ("select 1\nORDER  BY :a, -- if :a\n1", [("a", "$1,")]),
        ("select 1 having 1\nhaving :a -- if :a", [("a", "$1")]),
        ("update t\nset a = :a -- if :a\n, b = 1", [("a", "a = $1")]),
        ("select\nset, -- if :a\nf(  -- if :a\n:a)", [("a", "set,"), ("a", "f(\n$1)")]),
        ("select 1,\nf(:a) -- if :a\nwhere -- if :a", [("a", "f($1)"), ("a", "where")]),
        ("with a as ( -- if :a\nselect :a)\nselect 1", [("a", "a as (\nselect $1)")]),
        ("select 1\nlimit :limit -- if :limit", [("limit", "limit $1")]),
        ("with recursive a as ( -- if :a\nselect :a)\nselect 1", [("a", "a as (\nselect $1)")]),
        (
            "select 1\nwhere a is distinct from :a -- if :a\nunion select 2 where :b -- if :b",
            [("a", "a is distinct from $1"), ("b", "union select 2 where $2")],
        ),
    ],
)
def test_what_a_condition_governs(sql, expected):
    assert governed(sql) == expected


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (
            "select :abc -- if :abd",
            ("2:13", "the statement has no parameter `abd`", "did you mean `-- if :abc`?"),
        ),
        (
            "select $1 -- if :ab",
            ("2:11", "the statement has no parameter `ab`", "for a flag write `-- if :ab = true`"),
        ),
        (
            "select :a\nwhere :a -- if :a",
            ("2:8", "`a` is optional elsewhere, but this line needs it",
             "end this line with `-- if :a` too"),
        ),
        (
            "select :b\nwhere :a = 1 -- if :a\nor :a = :b -- if :a\nor :a = 2",
            ("5:4", "`a` is optional elsewhere, but this line needs it",
             "end this line with `-- if :a` too"),
        ),
        (
            "select f(\n1), :a -- if :a",
            ("3:2", "the line of a condition closes a `)` that it doesn't open",
             "put the condition on the line that opens it, or the bracket on a line of its own"),
        ),
        (
            "select f(:a\n) -- if :a",
            ("3:1", "the line of a condition closes a `)` that it doesn't open",
             "put the condition on the line that opens it, or the bracket on a line of its own"),
        ),
        (
            "select :a\n; -- if :a",
            ("3:3", "the condition of an empty line", "put it on the line that it governs"),
        ),
        (
            "select 1\n-- if :a\nwhere :a",
            ("3:1", "`-- if` has no effect on a line of its own",
             "put it at the end of the line that it makes optional"),
        ),
        (
            "select 1\nwhere :a -- fi :a",
            ("3:10", "this looks like a condition, but isn't", "write `-- if :a`"),
        ),
        (
            "select 1\nwhere :a -- if a",
            ("3:10", "this looks like a condition, but isn't", "write `-- if :a`"),
        ),
        (
            "select 1\nwhere :a -- if: a",
            ("3:10", "this looks like a condition, but isn't", "write `-- if :a`"),
        ),
        (
            "select 1\nwhere :a -- IF :a",
            ("3:10", "this looks like a condition, but isn't", "write `-- if :a`"),
        ),
        (
            "select 1\nwhere :a -- if :a = true",
            ("3:10", "`a` is a parameter: only what is no parameter chooses lines by its value",
             "give one of them another name"),
        ),
        (
            "select 1\nwhere :a -- if :a and :b",
            ("3:10", "`-- if :a and :b` is no condition",
             "a condition is `-- if :name` or `-- if :name = value`"),
        ),
        (
            "select 1\nwhere x -- fi :b = true",
            ("3:9", "this looks like a condition, but isn't", "write `-- if :b = true`"),
        ),
        (
            "select 1\nwhere x -- if :b == 'day'",
            ("3:9", "this looks like a condition, but isn't", "write `-- if :b = day`"),
        ),
        (
            "select 1,\nx, -- if :b = true\ny -- if :b = day",
            ("4:3", "`b` is a flag in one line and `day` in another",
             "keep true and false, or words"),
        ),
        (
            "select 1\nwhere x -- sort: newest",
            ("3:9", "`-- sort:` has no effect here", "put it at the end of a line of ORDER BY"),
        ),
        (
            "select 1\norder by\na, -- sort: newest\nb",
            ("5:1", "a term without a key among terms that have one",
             "end its line with `-- sort: key`, once for each key that it belongs to"),
        ),
        (
            "select 1\norder by\na using < -- sort: up / down",
            ("4:1", "this order can't be reversed", "write ASC or DESC rather than USING"),
        ),
        (
            "select 1 from (select 1 order by\na, -- sort: one\nb -- sort: two\n) x\n"
            "order by\nc -- sort: one",
            ("7:3", "this ORDER BY has no line for `two`", "end a line of it with `-- sort: two`"),
        ),
        (
            "select 1\norder by :sort, -- sort: one\n 2 -- sort: two",
            ("3:10", "`sort` is what chooses the order here", "rename this parameter"),
        ),
        (
            "select 1\norder by 1 -- sort: newest, oldest",
            ("3:12", "this `sort:` can't be read", "write it like `-- sort: newest / oldest`"),
        ),
        (
            "select 1\norder by\n-- sort: newest\n1",
            ("4:1", "`-- sort:` has no effect on a line of its own",
             "put it at the end of a line of ORDER BY"),
        ),
        (
            "select 1\nwhere true\n-- where: search",
            ("4:1", "`-- where:` has no effect on a line of its own",
             "put it at the end of the line of WHERE under which the others go"),
        ),
        (
            "select 1 where :a -- if :a",
            ("2:19", "this condition would leave out the statement's beginning",
             "break the line before what is optional"),
        ),
        (
            "select 1\nfrom t where a = :a -- if :a",
            ("3:21", "the line of this condition goes on with WHERE",
             "break the line before what is optional"),
        ),
        (
            "select 1\nwhere a = 1 order by :a -- if :a",
            ("3:25", "the line of this condition goes on with ORDER",
             "break the line before what is optional"),
        ),
        (
            "select 1\nwhere x = :b and y = :a -- if :a",
            ("3:11", "`b` is always asked for, but used only where `a` is",
             "put it on a line of its own, or add `-- default: b None`"),
        ),
        (
            "select 1\nwhere x = :a /* if :a */",
            ("3:14", "this looks like a condition, but isn't",
             "write `-- if :a` at the end of the line"),
        ),
        (
            "select 1\norder by\nx /* sort: newest / oldest */",
            ("4:3", "this looks like a condition, but isn't",
             "write `-- sort: newest / oldest` at the end of the line"),
        ),
        (
            "select 1\nwhere x -- if :flag = TRUE",
            ("3:9", "the values of a flag are true and false, in small letters",
             "write `-- if :flag = true`"),
        ),
        (
            "select 1\nwhere x = :a -- where :a",
            ("3:14", "this looks like a condition, but isn't", "write `-- if :a`"),
        ),
        (
            "select 1\norder by\nx, -- sort: a\ny -- sort: b / a",
            ("5:3", "`a` is the reverse of an order and an order of its own",
             "give one of them another name"),
        ),
        (
            "select 1\norder by 1 -- srot: newest",
            ("3:12", "there is no directive `srot:`", "did you mean `-- sort: newest`?"),
        ),
        (
            'select 1\nwhere true -- where: "; drop',
            ("3:12", "this `where:` can't be read", "write it like `-- where: search`"),
        ),
    ],
)  # fmt: skip
def test_a_wrong_condition_is_a_problem(sql, expected):
    assert summary(problem(sql)) == expected


def test_an_optional_parameter_has_no_default():
    found = problem("-- default: a 1\nselect 1\nwhere :a -- if :a")
    assert summary(found)[:2] == ("4:10", "`a` has a default, so it is always given")


@pytest.mark.parametrize("kind", ["bulk", "copy"])
def test_kinds_with_one_text_for_all_rows_have_no_optional_lines(kind):
    found = problem("insert into t values (\n:a -- if :a\n)", kind=kind)
    assert found.message == f":{kind} runs one text for all its rows: no line of it is optional"


def test_what_is_copied_out_may_have_optional_lines():
    found = statement("/* all */ select 1\nwhere :a -- if :a", kind="copy")
    assert [line.name for line in found.optional] == ["a"]


@pytest.mark.parametrize(
    "comment", ["if the user exists", "if b", "see f(:x)", "ratio 1:2", "x::int", "iff", ":c"]
)
def test_prose_at_the_end_of_a_line_stays(comment):
    found = statement(f"select :a -- {comment}\n, 1")
    assert found.sql == f"select $1 -- {comment}\n, 1"
    assert found.optional == ()


def test_sqlcs_dialect_has_no_conditions():
    found = statement("select @a -- if :a\n, 1", "sqlc")
    assert (found.sql, found.optional) == ("select $1 -- if :a\n, 1", ())
