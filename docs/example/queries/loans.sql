-- name: lend :one
-- default: id uuid7()
insert into loans (id, book_id, member_id, due)
values (:id, :book_id, :member_id, :due)
returning *;

-- name: bring_back :one!
-- none: NotLent
update loans set returned_at = now()
where id = :id and returned_at is null
returning *;
