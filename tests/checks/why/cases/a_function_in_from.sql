-- name: q :many
select n, label
from generate_series(1, 3) as n, messages m, unnest(m.labels) as label;
