"""Two generated packages in one process, on one server."""

import importlib
from typing import Any

import psycopg
import pytest
from commands import Folder

SHOP = "create table items (id int primary key, name text not null);"
BLOG = "create schema blog; create table blog.items (id int primary key, title text);"


async def test_two_packages_live_in_one_process(
    empty: Folder, database: str, monkeypatch: pytest.MonkeyPatch
):
    for name, schema, table in (("twin_shop", SHOP, "items"), ("twin_blog", BLOG, "blog.items")):
        empty.write(f"{name}/schema.sql", schema)
        empty.write(
            f"{name}/sql/items.sql",
            f"-- name: get :one\nselect * from {table} where id = :id;\n"
            f"-- name: add :one\ninsert into {table} values (:id, :text) returning *;\n",
        )
        folder = Folder(empty.path / name)
        flags = ("--schema", "schema.sql", "--queries", "sql", "--out", f"../packages/{name}")
        assert folder.salacia("generate", *flags).status == 0
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(SHOP + BLOG)
    monkeypatch.syspath_prepend(str(empty.path / "packages"))
    shop: Any = importlib.import_module("twin_shop")
    blog: Any = importlib.import_module("twin_blog")

    async with shop.connect(database) as one, blog.connect(database) as other:
        assert await one.items.add(id=1, text="pen") == shop.Item(1, "pen")
        assert await other.items.get(id=1) is None
        async with one.unit_of_work() as here, other.unit_of_work() as there:
            await here.items.add(id=2, text="ink")
            await there.items.add(id=2, text="News")
        assert await other.items.get(id=2) == blog.Item(2, "News")
    assert shop.Item is not blog.Item
    assert shop.Database is not blog.Database
