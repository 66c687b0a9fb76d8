drop function touch_updated_at();

-- Only a function of our own: on PostgreSQL 18 uuidv7() belongs to the server.
do $$
begin
  if to_regprocedure(format('%I.uuidv7()', current_schema())) is not null then
    execute format('drop function %I.uuidv7()', current_schema());
  end if;
end
$$;
