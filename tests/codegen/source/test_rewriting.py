"""A text remembers where its characters come from."""

from salacia_db.codegen.source.rewriting import Rewriting, file_offset, runs, text_offset


def test_copied_text_maps_to_itself_and_put_text_to_one_place():
    out = Rewriting()
    out.copy("ab", 10)
    out.put("xy", 12)
    out.copy("c", 12)
    out.copy("d", 13)
    text, pieces = out.finish(20)
    assert text == "abxycd"
    assert [file_offset(pieces, i) for i in range(7)] == [10, 11, 12, 12, 12, 13, 20]


def test_back_from_the_file_to_the_text():
    out = Rewriting()
    out.copy("ab", 10)
    out.put("$1", 12)
    out.copy("cd", 18)
    _, pieces = out.finish(20)
    assert [text_offset(pieces, at) for at in (10, 11, 12, 18, 19, 20)] == [0, 1, 2, 4, 5, 6]
    assert text_offset(pieces, 16) == 4  # what was left out is where the text goes on


def test_runs_are_unbroken_in_the_file():
    out = Rewriting()
    out.copy("abc", 10)
    out.copy("def", 20)
    _, pieces = out.finish(23)
    assert list(runs(pieces, 1, 5)) == [(1, 3, 11), (3, 5, 20)]
    assert list(runs(pieces, 2, 2)) == []
