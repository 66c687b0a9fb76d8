-- name: all :many
select * from "x""; import os; """;

-- name: class :many
select "class", "self" as "return", 1 as "1" from "x""; import os; """;

-- name: of :many
select e from y where e = :self and e = :class;
