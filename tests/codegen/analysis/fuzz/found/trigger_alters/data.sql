insert into t1 (id, ref, c0, c1) values (1, 1::int4, 'sad'::mood, 1::positive);

