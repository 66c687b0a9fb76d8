-- name: q :one
select :given::int as given, coalesce(:given::int, 0) as sure, :sent::int as sent;
