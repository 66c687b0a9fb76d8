-- arguments: []
-- rule: 
select distinct string_agg('7', ',') from a group by x
