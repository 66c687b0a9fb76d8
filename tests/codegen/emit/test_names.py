"""Names: legal, unique, without surprises."""

import keyword

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salacia_db.codegen.emit import names
from salacia_db.codegen.emit.english import singular

ANY = st.text(st.characters(codec="utf-8"), max_size=70)


@given(ANY)
def test_every_name_is_a_legal_ascii_identifier_and_no_keyword(text: str):
    for make in (
        names.field_name,
        names.parameter_name,
        names.class_name,
        names.struct_name,
        names.member_name,
    ):
        name = make(text)
        assert name.isidentifier()
        assert name.isascii()
        assert not keyword.iskeyword(name)
        assert not name.startswith("_")


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("created_at", "created_at"),
        ("createdAt", "created_at"),
        ("HTTPStatus", "http_status"),
        ("ID", "id"),
        ("class", "class_"),
        ("__init__", "init"),
        ("_id", "id"),
        ("2fast", "n2fast"),
        ("with space", "with_space"),
        ("größe", "grosse"),
        ("café", "cafe"),
        ("а", "u0430"),  # Cyrillic: looks like a
        ("\u202ea", "u202e_a"),
        ("%", "u0025"),
        ("", "unnamed"),
        ("print", "print"),
    ],
)
def test_a_field_is_in_snake_case(source: str, name: str):
    assert names.field_name(source) == name


@pytest.mark.parametrize(
    ("table", "name"),
    [
        ("ai_interactions", "AiInteraction"),
        ("system_metadata", "SystemMetadata"),
        ("statuses", "Status"),
        ("addresses", "Address"),
        ("people", "Person"),
        ("categories", "Category"),
        ("health_checks", "HealthCheck"),
        ("api_requests", "ApiRequest"),
        ("UserAccounts", "UserAccount"),
        ("none", "None_"),
        ("2024_sales", "N2024Sale"),
    ],
)
def test_a_struct_is_one_of_what_its_table_counts(table: str, name: str):
    assert names.struct_name(table) == name


@pytest.mark.parametrize(
    ("plural", "one"),
    [
        ("boxes", "box"),
        ("branches", "branch"),
        ("caches", "cache"),
        ("houses", "house"),
        ("databases", "database"),
        ("responses", "response"),
        ("apis", "api"),
        ("viruses", "virus"),
        ("news", "news"),
        ("access", "access"),
        ("status", "status"),
        ("analysis", "analysis"),
        ("Children", "Child"),
        ("MOVIES", "MOVIE"),
        ("is", "is"),
    ],
)
def test_singulars(plural: str, one: str):
    assert singular(plural) == one


@pytest.mark.parametrize(
    ("label", "name"),
    [("api_key", "API_KEY"), ("", "EMPTY"), ("2nd", "N2ND"), ("<=", "U003C_U003D"), ("a-b", "A_B")],
)
def test_a_member_is_in_capitals(label: str, name: str):
    assert names.member_name(label) == name


def test_the_fuller_key_of_an_override_wins():
    overrides = names.Overrides({"users": "Somebody", "billing.users": "Payer", "users.id": "key"})
    assert overrides.get("public", "users") == "Somebody"
    assert overrides.get("billing", "users") == "Payer"
    assert overrides.get("public", "users", "id") == "key"
    assert overrides.get("public", "posts") is None


@pytest.mark.parametrize("bad", ["", "class", "a b", "1a", "_a", "ä", "a.b"])
def test_an_override_must_be_a_name(bad: str):
    overrides = names.Overrides({"users": bad})
    (problem,) = overrides.problems
    assert "[tool.salacia.names] users" in problem.message
    assert overrides.get("public", "users") is None
