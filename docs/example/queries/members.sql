-- name: join_library :one
-- A new member.
insert into members (name, email, card_number)
values (:name, :email, :card_number)
returning *;
