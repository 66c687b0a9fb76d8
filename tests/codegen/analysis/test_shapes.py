"""All shapes of a statement are asked of the server, and of what differs the weaker is told."""

import pytest
from asking import Asker, parameters

from salacia_db.codegen.facts import NestedField

UPDATE = 'update tags set\n  note = :note, -- if :note\n  "größe" = :size -- if :size\n'


def test_a_column_is_not_null_only_if_it_is_so_in_every_shape(ask: Asker) -> None:
    query = ask(
        "select i.id, p.name from interactions i left join providers p on p.id = i.provider_id\n"
        "where i.model = :model -- if :model\n"
        "  and p.name = :name -- if :name"
    )
    assert [(c.name, c.nullable) for c in query.columns] == [("id", False), ("name", True)]
    assert query.dynamic is not None
    assert query.dynamic.shapes == 4


def test_a_nested_row_may_be_missing_if_it_may_in_one_shape(ask: Asker) -> None:
    query = ask(
        "select i, p from interactions i left join providers p on p.id = i.provider_id\n"
        "where p.name = :name -- if :name"
    )
    assert [f.found is None for f in query.fields if isinstance(f, NestedField)] == [True, False]


def test_a_parameter_takes_none_only_if_every_shape_lets_it(ask: Asker) -> None:
    query = ask(UPDATE.rstrip(), "exec")
    assert parameters(query) == [("note", "required", False), ("size", "integer", True)]
    assert all(parameter.optional for parameter in query.parameters)


def test_one_is_refused_in_the_one_shape_that_may_return_several(ask: Asker) -> None:
    problem = ask.problem(
        "select id from interactions\nwhere model = :m -- if :m\n  and id = :id -- if :id", "one"
    )
    assert "error: :one may return several rows" in problem
    assert "(without `id`)" in problem


def test_rows_are_as_many_as_in_the_shape_with_most(ask: Asker) -> None:
    query = ask("select id from interactions\nwhere id = :id -- if :id")
    assert query.cardinality == "many"
    assert ask("select id from tags where id = :id\n  and note = :n -- if :n").cardinality == (
        "optional"
    )


def test_the_shape_that_the_server_rejects_is_named(ask: Asker) -> None:
    problem = ask.problem(
        "select\n  date_trunc('day', created_at) as t, -- if :by = day\n"
        "  date_trunc('hour', created_at) as t, -- if :by = hour\n  count(*)\n"
        "from interactions\ngroup by 1"
    )
    assert "(without `by`)" in problem


def test_a_clause_of_which_nothing_is_left_wants_a_line_that_stays(ask: Asker) -> None:
    problem = ask.problem(
        "select\n  case\n    when id = :a then 1 -- if :a\n    else 2\n  end as n from interactions"
    )
    assert 'error: syntax error at or near "else" (without `a`)' in problem
    assert "hint: what is left has to be a statement, too: keep a line" in problem


def test_what_is_named_is_as_little_as_the_server_rejects(ask: Asker) -> None:
    problem = ask.problem(
        "select id from interactions\nwhere model = :m -- if :m\n  and error = :e -- if :e\n"
        "  and tokens > :t -- if :t\norder by 1 +\n  :k::int -- if :k"
    )
    assert "(without `k`)" in problem


@pytest.mark.parametrize(
    ("sql", "message", "hint"),
    [
        (
            "select id,\n  note -- if :with_note = true\nfrom tags",
            "the columns of the result differ from shape to shape",
            "make no line of the select list optional",
        ),
        (
            "select id from loose, tags where true\n  and a = :x -- if :by = a\n"
            "  and b = :x -- if :by = b",
            "`x` is integer in some shapes and text in others",
            "cast it in each line: `:x::integer`",
        ),
        (
            "with log as ( -- if :flag = true\n  insert into loose (a) values (1)\n)\n"
            "update tags set note = 'x' returning id",
            "what is written differs from shape to shape",
            "write a statement for each",
        ),
        (
            f"with gone as (delete from loose returning a)\n{UPDATE}returning id",
            "with every line of SET absent the statement would still write",
            "-- empty: get",
        ),
        (
            "merge into tags t using (select 1 as id) s on t.id = s.id\n"
            "when matched then update set\n  note = :note -- if :note\nreturning t.id",
            "syntax error",
            None,
        ),
    ],
)
def test_shapes_that_can_t_be_one_function_are_refused(
    ask: Asker, sql: str, message: str, hint: str | None
) -> None:
    problem = ask.problem(sql)
    assert message in problem
    assert hint is None or hint in problem


def test_an_update_that_sets_nothing_reads_its_rows(ask: Asker) -> None:
    sql = (
        "with found as (select id from interactions where id = :id)\n"
        "update interactions i set\n  model = :model, -- if :model\n  error = :error -- if :error\n"
        "from found\nwhere found.id = i.id\n"
        "returning i.id, old.model as before, new.model as after"
    )
    ask.skip_before(sql)
    query = ask(sql)
    assert query.emptied is not None
    assert query.emptied.read_only
    (fragment,) = {f.items for f in query.emptied.dynamic.fragments}
    assert (
        "".join(map(str, fragment)).split()
        == (
            "with found as (select id from interactions where id = 0)"
            " select i.id, i.model as before, i.model as after from interactions i, found"
            " where found.id = i.id"
        ).split()
    )
    assert query.dynamic is not None
    assert query.dynamic.written == (("model", None), ("error", None))


def test_an_insert_s_column_and_value_go_together_and_so_does_its_conflict(ask: Asker) -> None:
    query = ask(
        "insert into tags (\n  id,\n  names,\n  note -- if :note\n)\n"
        "values (\n  :id,\n  :names,\n  :note -- if :note\n)\n"
        "on conflict (id) do update set\n  names = excluded.names,\n"
        "  note = excluded.note -- if :note\nreturning id",
        "one",
    )
    assert parameters(query)[-1] == ("note", "required", False)
    assert query.emptied is None
    assert query.tracked is not None


def test_beyond_256_shapes_pairs_are_asked_and_all(ask: Asker) -> None:
    lines = "".join(f"  and tokens <> :n{i} -- if :n{i}\n" for i in range(12))
    query = ask(f"select id from interactions where true\n{lines}".rstrip())
    assert query.dynamic is not None
    assert 1 + 12 + 1 < query.dynamic.shapes < 1 + 12 + 66 + 1
    assert len(query.parameters) == 12
