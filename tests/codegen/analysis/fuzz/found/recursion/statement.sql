-- arguments: [null]
-- rule: a recursive query is judged once
with recursive q73 (a, b, c) as (select 1, 2, 1, 1 union select b, c, $1, 1 from q73) table q73
