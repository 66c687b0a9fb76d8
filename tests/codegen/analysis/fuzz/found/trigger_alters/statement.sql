-- arguments: []
-- rule: no trigger alters what is written
insert into t1 values (1, 1, 'sad', 1) on conflict (id) do update set c1 = excluded.c1 returning c1
