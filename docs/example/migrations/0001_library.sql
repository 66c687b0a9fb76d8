-- Members, books, and who has borrowed which.
create type shelf as enum ('fiction', 'science', 'rare');

create table members (
    id bigint generated always as identity primary key,
    name text not null,
    email text unique,
    card_number text not null
);
comment on table members is 'Somebody who may borrow.';

create table books (
    id bigint generated always as identity primary key,
    isbn text constraint books_isbn_is_known_once unique,
    title text not null,
    shelf shelf not null default 'fiction',
    pages int check (pages > 0),
    tags text[] not null default '{}',
    extra jsonb not null default '{}'
);
comment on table books is 'One copy of a book.';
comment on column books.isbn is 'Older books have none.';

create table loans (
    id uuid primary key,
    book_id bigint not null references books on delete cascade,
    member_id bigint not null references members,
    due date not null,
    returned_at timestamptz
);
create unique index loans_one_at_a_time on loans (book_id) where returned_at is null;
