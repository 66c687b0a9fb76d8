-- name: words :many
select id, words from things;

-- name: one_word :many
select words from things;
