"""What the server says of a place leads back to the file."""

from parsing import statement, text_at

from salacia_db.codegen.source import span_at, span_at_byte


def test_an_error_position_counts_characters_from_one():
    found = statement("select 'é', naem from t")
    assert text_at(span_at(found, found.sql.index("naem") + 1)) == "naem"
    assert text_at(span_at(found, 1)) == "select"


def test_a_location_counts_bytes_from_zero():
    found = statement("select 'é€😀', naem, 'é' from t")
    offset = len(found.sql[: found.sql.index("naem")].encode())
    assert text_at(span_at_byte(found, offset)) == "naem"
    assert text_at(span_at_byte(found, 0)) == "select"


def test_places_behind_rewritten_parameters_are_exact():
    found = statement("select :a_long_name, :b, naem,\n  :a_long_name + other")
    assert text_at(span_at(found, found.sql.index("naem") + 1)) == "naem"
    assert text_at(span_at(found, found.sql.index("other") + 1)) == "other"


def test_a_parameter_is_shown_as_it_was_written():
    found = statement("select 1 + :name?, :name")
    first, second = (m.start for m in found.parameters[0].markers)
    assert text_at(span_at(found, first + 1)) == ":name?"
    assert text_at(span_at(found, first + 2)) == ":name?"
    assert text_at(span_at_byte(found, second)) == ":name"


def test_what_sqlc_writes_differently_is_shown_as_it_was_written():
    found = statement("select 1 from t where id not in (sqlc.slice(ids)) and sqlc.embed(t)", "sqlc")
    assert text_at(span_at(found, found.sql.index("<>") + 1)) == "not"
    assert text_at(span_at(found, found.sql.index("$1") + 1)) == "sqlc.slice(ids)"
    assert text_at(span_at(found, len(found.sql))) == "t"


def test_the_end_of_the_text_is_the_end_of_the_statement():
    found = statement("select :a from  ;")
    for offset in (len(found.sql) + 1, len(found.sql) + 99):
        span = span_at(found, offset)
        assert span.start == span.end == found.body.end
    assert span_at_byte(found, 99).start == found.body.end


def test_an_unknown_location_is_the_whole_statement():
    found = statement("select 1")
    assert span_at_byte(found, -1) == found.body


def test_a_place_inside_a_token_reaches_to_its_end():
    found = statement("select 'a b c'")
    assert text_at(span_at(found, found.sql.index("b") + 1)) == "b c'"
