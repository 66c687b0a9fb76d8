-- name: a_string :many
select 'unterminated as word from orders;

-- name: an_identifier :many
select "note from orders;

-- name: a_bracket :many
select (1 + 2 as three from orders;

-- name: a_dollar_quote :many
select $tag$ no end from orders;
