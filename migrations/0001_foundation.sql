-- What the tables stand on: ids that sort by time, and updated_at kept by the database.

-- PostgreSQL 18 brings uuidv7(). An older server gets one here, so that the tables read the same on
-- both; it only runs for rows whose id the client did not make.
do $$
begin
  if to_regprocedure('pg_catalog.uuidv7()') is null then
    create function uuidv7() returns uuid language sql volatile parallel safe
    return (
      lpad(to_hex(floor(extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0')
      || '7' || substr(replace(gen_random_uuid()::text, '-', ''), 14)
    )::uuid;
    comment on function uuidv7() is 'A new id that sorts by time (RFC 9562, version 7).';
  end if;
end
$$;

create function touch_updated_at() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  -- Not now(), which stands still within a transaction: each update moves the time, so that
  -- updated_at also tells two versions of a row apart.
  new.updated_at := greatest(clock_timestamp(), old.updated_at + interval '1 microsecond');
  return new;
end
$$;

comment on function touch_updated_at() is
  'Moves updated_at on every update, whoever makes it and whatever they set it to.';
