-- arguments: []
-- rule: a condition in an outer join's ON holds for all
update t3 set ref = 1 from ((select made o4 from t2 join t1 q31 on q31.c0 @> q31.c0) full join t3 q33 on o4 = ref) returning o4
