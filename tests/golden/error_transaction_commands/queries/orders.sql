-- name: begin :exec
begin;

-- name: finish :exec
-- Comments are no matter.
/* inside, too */ commit and chain;

-- name: mark :exec
savepoint s;

-- name: two_phases :exec
prepare transaction 'x';

-- name: path :exec
set search_path = public;

-- name: prepare :exec
prepare q as select 1;
