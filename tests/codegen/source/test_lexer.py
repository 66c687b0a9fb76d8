"""Tokens are PostgreSQL's own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salacia_db.codegen.source.lexer import lex


def tokens(text: str) -> list[str]:
    return [f"{t.kind} {t.text}" for t in lex(text) if t.kind != "space"]


@pytest.mark.parametrize(
    "text",
    [
        "''",
        "'it''s'",
        r"'a\'",  # a backslash is a character like any other
        r"e'it\'s'",
        r"E'\\'",
        r"E'a''b\'c'",
        "U&'d\\0061t'",
        "u&'x''y'",
        "n'x'",
        "N'x''y'",
        "b'0101'",
        "B''",
        "x'1F'",
        "'a'\n'b'",
        "'a' -- it's a comment\n  -- another\n 'b'",
        "'a'\t\n\n'b''c' \r 'd'",
        "e'a\\''\n'b\\''",
        "$$it's$$",
        "$a$ $b$ $$ $a$",
        "$_1$ $a $_1$",
        "$é$x$é$",
        "$$\n-- name: x :one\n$$",
    ],
)
def test_a_string_is_one_token(text):
    assert tokens(text) == [f"string {text}"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("'a' 'b'", ["string 'a'", "string 'b'"]),  # no newline between: no continuation
        ("'a' /* \n */ 'b'", ["string 'a'", "block /* \n */", "string 'b'"]),
        ("'a'--x\n+'b'", ["string 'a'", "comment --x", "operator +", "string 'b'"]),
        ("b'0''1'", ["string b'0'", "string '1'"]),  # a bit string knows no doubled quote
        ("ee'x'", ["name ee", "string 'x'"]),
        ("e 'x'", ["name e", "string 'x'"]),
        ("u& 'x'", ["name u", "operator &", "string 'x'"]),
        ("a$b$c", ["name a$b$c"]),
        ("a$$b$$", ["name a$$b$$"]),
        ("a $b$ c$b$", ["name a", "string $b$ c$b$"]),
        ("$1$$x$$", ["parameter $1", "string $$x$$"]),
        ("$1a", ["parameter $1", "name a"]),
        ("$1$", ["parameter $1", "other $"]),
        ("$a", ["other $", "name a"]),
        ("$a b$", ["other $", "name a", "name b$"]),
    ],
)
def test_what_only_looks_like_one_string(text, expected):
    assert tokens(text) == expected


@pytest.mark.parametrize("text", ['"a"', '"a""b"', '"a\'b"', 'U&"d!0061t"', 'u&"x"', '""'])
def test_a_quoted_identifier_is_one_token(text):
    assert tokens(text) == [f"quoted {text}"]


@pytest.mark.parametrize("text", ["a", "_", "über", "A1$", "été_1", "\u00a0x", "日本"])
def test_an_identifier_is_one_token(text):
    assert tokens(text) == [f"name {text}"]


@pytest.mark.parametrize(
    "text",
    ["1", "1.5", "1.", ".5", "1e10", "1.5e-3", ".5E+3", "1.e5", "0x1F", "0o17", "0b01", "1_000",
     "0x_ff", "1_0.2_5e1_0"],
)  # fmt: skip
def test_a_number_is_one_token(text):
    assert tokens(text) == [f"number {text}"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1..2", ["number 1", "symbol ..", "number 2"]),
        ("1...2", ["number 1", "symbol ..", "number .2"]),
        ("1.5.3", ["number 1.5", "number .3"]),
        ("1__0", ["number 1", "name __0"]),
        ("0x", ["number 0", "name x"]),
        ("1e", ["number 1", "name e"]),
        ("a.b", ["name a", "symbol .", "name b"]),
        ("a[1:2]", ["name a", "symbol [", "number 1", "symbol :", "number 2", "symbol ]"]),
        ("x::int", ["name x", "symbol ::", "name int"]),
        ("x:::y", ["name x", "symbol ::", "symbol :", "name y"]),
        ("x:=1", ["name x", "symbol :=", "number 1"]),
        ("x=>1", ["name x", "operator =>", "number 1"]),
        ("x=:y", ["name x", "operator =", "symbol :", "name y"]),
    ],
)
def test_numbers_and_symbols_end_where_postgresql_ends_them(text, expected):
    assert tokens(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("=-", ["operator =", "operator -"]),
        ("<>+-", ["operator <>", "operator +", "operator -"]),
        ("+-", ["operator +", "operator -"]),
        ("@-", ["operator @-"]),
        ("?-", ["operator ?-"]),
        ("||-", ["operator ||-"]),
        ("->>", ["operator ->>"]),
        ("#>>", ["operator #>>"]),
        ("?|", ["operator ?|"]),
        ("@>", ["operator @>"]),
        ("=>>", ["operator =>>"]),
        ("*--c", ["operator *", "comment --c"]),
        ("*/*c*/", ["operator *", "block /*c*/"]),
        ("-/*-*/-", ["operator -", "block /*-*/", "operator -"]),
        ("@-/*c*/", ["operator @-", "block /*c*/"]),
        ("=-/*c*/", ["operator =", "operator -", "block /*c*/"]),
        ("---", ["comment ---"]),
    ],
)
def test_operators_end_where_postgresql_ends_them(text, expected):
    assert tokens(text) == expected


@pytest.mark.parametrize("text", ["/**/", "/* /* */ */", "/*/ */", "/* ' \" $$ */", "/***/",
                                  "/* -- */", "/*/**//**/*/"])  # fmt: skip
def test_block_comments_nest(text):
    assert tokens(text) == [f"block {text}"]


def test_a_line_comment_ends_with_the_line():
    assert tokens("-- it's\n'a'") == ["comment -- it's", "string 'a'"]
    assert tokens("-- a\r'a'") == ["comment -- a", "string 'a'"]


@pytest.mark.parametrize(
    "text",
    ["'a", "'a''", "e'a\\'", "b'1", "U&'a", '"a', 'u&"a""', "$$a$", "$a$ $b$", "/* /* */", "/*/"],
)
def test_what_never_closes_reaches_to_the_end(text):
    assert tokens(f"x {text}") == ["name x", f"unterminated {text}"]


def test_a_continuation_that_never_closes_opens_at_its_own_quote():
    assert tokens("'a'\n'b") == ["string 'a'", "unterminated 'b"]


_FRAGMENTS = st.lists(
    st.sampled_from(
        ["'", "''", '"', "$", "$$", "$a$", "a", "e'", "U&'", "\\", "/*", "*/", "--", "\n", " ", ":",
         "::", ":=", "1", ".", "..", "+", "-", "=", "@", "?", "[", "]", "(", ")", ";", "é", "\0"]
    )
).map("".join)  # fmt: skip


@given(st.one_of(st.text(), _FRAGMENTS))
def test_tokens_joined_are_the_text(text):
    found = lex(text)
    assert "".join(token.text for token in found) == text
    starts = [token.start for token in found]
    assert starts == [sum(len(t.text) for t in found[:i]) for i in range(len(found))]
    assert all(token.text for token in found)


@given(_FRAGMENTS)
def test_only_the_last_token_can_be_unterminated(text):
    assert all(token.kind != "unterminated" for token in lex(text)[:-1])


@given(st.text(alphabet="~!@#^&|`?+-*/%<>=", min_size=1))
def test_an_operator_never_hides_a_comment(text):
    for token in lex(text):
        if token.kind == "operator":
            assert "--" not in token.text
            assert "/*" not in token.text
