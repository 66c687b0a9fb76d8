-- name: add :one
-- A new book. What has no ISBN passes `None`.
insert into books (title, isbn, shelf, pages)
values (:title, :isbn, :shelf, :pages)
returning *;

-- name: get :one
select * from books where id = :id;

-- name: on_shelf :many
-- The books of one shelf, by title.
select * from books where shelf = :shelf order by title, id;

-- name: save :one
-- A new book, or new facts about one whose ISBN is known.
insert into books (title, isbn)
values (:title, :isbn)
on conflict (isbn) do update set title = excluded.title
returning *;

-- name: rename :one!
update books set title = :title where id = :id returning *;

-- name: remove :exec
delete from books where id = :id;

-- name: import_all :bulk
-- Many new books; the result is in the order of the argument.
insert into books (title, isbn) values (:title, :isbn) returning id;

-- name: every :stream
select * from books order by id;
