"""Names become Python's, or are refused."""

import keyword
from pathlib import PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salacia_db.codegen.source.names import group_name, identity, python_name, snake_case


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ListAuthors", "list_authors"),
        ("listAuthors", "list_authors"),
        ("list_authors", "list_authors"),
        ("getHTTPStatus", "get_http_status"),
        ("GetUserByID", "get_user_by_id"),
        ("ListIDs", "list_ids"),
        ("ListIDsByName", "list_ids_by_name"),
        ("SCREAMING", "screaming"),
        ("Top10", "top10"),
        ("ｆｕｌｌ", "full"),  # as Python itself reads it
    ],
)
def test_snake_case(name, expected):
    assert snake_case(name) == expected


@pytest.mark.parametrize("name", ["2fast", "a-b", "", "_private", "__init__", "a b", "a$b", "a.b"])
def test_what_is_no_public_identifier_is_refused(name):
    assert python_name(name) is None


@given(st.text())
def test_a_python_name_is_an_identifier_and_stays_one(text):
    name = python_name(text)
    if name is not None:
        assert name.isidentifier()
        assert python_name(name) == name


def test_a_key_word_shares_its_identity_with_its_escaped_form():
    assert identity("from") == identity("from_")
    assert identity("form") == "form"
    assert not keyword.iskeyword(identity("class"))


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("ai_interactions.sql", "ai_interactions"),
        ("user-tokens.sql", "user_tokens"),
        ("UserTokens.sql", "user_tokens"),
        ("user.tokens.sql", "user_tokens"),
        ("2fa.sql", None),
        ("-.sql", None),
        ("a'b.sql", None),
    ],
)
def test_the_group_of_a_file(file, expected):
    assert group_name(PurePath(file)) == expected
