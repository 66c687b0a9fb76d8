insert into t3 (id, ref, c0, c1) values (2, 2::int4, '-3 hours'::interval, '{}'::int4[]);

