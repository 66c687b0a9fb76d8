-- depends: 0001_foundation

create table api_requests (
  id                  uuid         not null default uuidv7(),
  method              varchar(10)  not null,
  path                varchar(500) not null,
  headers             jsonb,
  query               jsonb,
  body                jsonb,
  user_agent          varchar(500),
  ip_address          varchar(45),
  status_code         int,
  response_time_ms    int,
  response_size_bytes int,
  created_at          timestamptz  not null default now(),

  constraint api_requests_pkey primary key (id),
  constraint api_requests_response_time_ms_not_negative check (response_time_ms >= 0),
  constraint api_requests_response_size_bytes_not_negative check (response_size_bytes >= 0)
);

comment on table api_requests is 'An HTTP request that the gateway answered.';
comment on column api_requests.id is 'Sorts by time of creation (UUIDv7).';
comment on column api_requests.method is 'The HTTP method, in capitals (`GET`).';
comment on column api_requests.path is 'The path that was asked for, without the query string.';
comment on column api_requests.headers is
  'The request''s headers by name; those that carry a key or a credential are left out.';
comment on column api_requests.query is 'The parameters of the query string by name.';
comment on column api_requests.body is 'The request''s body, where it is JSON.';
comment on column api_requests.user_agent is 'The client, as it calls itself.';
comment on column api_requests.ip_address is 'The client''s address, IPv4 or IPv6, as text.';
comment on column api_requests.status_code is
  'The HTTP status of the answer; null where none was given.';
comment on column api_requests.response_time_ms is
  'Time to the end of the answer, in milliseconds.';
comment on column api_requests.response_size_bytes is 'Size of the answer''s body, in bytes.';
comment on column api_requests.created_at is 'When the request arrived.';
