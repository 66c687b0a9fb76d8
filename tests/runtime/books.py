"""Tables with their objects and relations, as the generator writes them."""

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from typing import Any

from msgspec import Struct

from salacia_db.runtime import (
    BoolColumn,
    Column,
    Condition,
    Link,
    OrderBy,
    Relation,
    Relations,
    Secret,
    Table,
    TextColumn,
    Through,
    as_json,
    reveal,
)

SCHEMA = """
create type mood as enum ('calm', 'wild');
create table authors (id int primary key, name text);
create table books (
  id int primary key,
  author_id int references authors,
  title text collate "C",
  pages int,
  price numeric,
  sold boolean,
  mood mood,
  code text,
  data jsonb
);
create table tags (name text primary key);
create table book_tags (book_id int references books, tag text references tags,
  primary key (book_id, tag));
create table "odd ""table" ("id" int primary key, "a ""b" text);
"""


class Mood(StrEnum):
    CALM = "calm"
    WILD = "wild"


class Author(Struct, frozen=True):
    id: int
    name: str | None


class Book(Struct, frozen=True):
    id: int
    author_id: int | None
    title: str | None
    pages: int | None
    price: Decimal | None
    sold: bool | None
    mood: Mood | None
    code: Secret[str] | None
    data: Any


class Tag(Struct, frozen=True):
    name: str


class BookTag(Struct, frozen=True):
    book_id: int
    tag: str


class Odd(Struct, frozen=True):
    id: int
    a_b: str | None


def build_book(*values: Any) -> Book:
    *rest, mood, code, data = values
    return Book(
        *rest,
        None if mood is None else Mood(mood),
        None if code is None else Secret(code),
        data,
    )


class AuthorsTable(Table[Author]):
    id = Column[int]("id")
    name = TextColumn[str]("name")


class BooksTable(Table[Book]):
    id = Column[int]("id")
    author_id = Column[int]("author_id")
    title = TextColumn[str]("title")
    pages = Column[int]("pages")
    price = Column[Decimal]("price")
    sold = BoolColumn("sold")
    mood = Column[Mood]("mood")
    code = TextColumn[Secret[str] | str]("code", dump=reveal)
    data = Column[Any]("data", dump=as_json)


class TagsTable(Table[Tag]):
    name = TextColumn[str]("name")


class BookTagsTable(Table[BookTag]):
    book_id = Column[int]("book_id")
    tag = TextColumn[str]("tag")


class OddTable(Table[Odd]):
    id = Column[int]("id")
    a_b = TextColumn[str]('a "b')


authors = AuthorsTable("authors", Author, "public", "authors", proven=True)
books = BooksTable("books", Book, "public", "books", build=build_book, proven=True)
tags = TagsTable("tags", Tag, "public", "tags", proven=True)
book_tags = BookTagsTable("book_tags", BookTag, "public", "book_tags", proven=True)
odd = OddTable("odd", Odd, "public", 'odd "table')

AUTHOR = Relation("books.load_author", Book, Author, Link(books.author_id, "int4", authors.id))
BOOKS = Relation("authors.load_books", Author, Book, Link(authors.id, "int4", books.author_id))
TAGS = Relation(
    "books.load_tags",
    Book,
    Tag,
    Link(books.id, "int4", book_tags.book_id),
    through=Through(BookTag, (book_tags.tag, tags.name)),
)


class BookRelations(Relations):
    async def load_author(
        self, rows: Iterable[Book], *, where: Condition | None = None
    ) -> list[Author | None]:
        return await AUTHOR.one(self._session, rows, where)

    async def load_certain_author(self, rows: Iterable[Book]) -> list[Author]:
        return await AUTHOR.required(self._session, rows)

    async def load_tags(
        self,
        rows: Iterable[Book],
        *,
        where: Condition | None = None,
        order_by: OrderBy = (),
        limit: int | None = None,
    ) -> list[list[Tag]]:
        return await TAGS.many(self._session, rows, where, order_by, limit)


class AuthorRelations(Relations):
    async def load_books(
        self,
        rows: Iterable[Author],
        *,
        where: Condition | None = None,
        order_by: OrderBy = (),
        limit: int | None = None,
    ) -> list[list[Book]]:
        return await BOOKS.many(self._session, rows, where, order_by, limit)
