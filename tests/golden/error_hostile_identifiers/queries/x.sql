-- name: all :many
select * from "x""; import os; """;
