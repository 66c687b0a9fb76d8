-- The log of HTTP requests that the gateway answered.

-- name: get :one
-- One request.
-- batch
select *
from api_requests
where id = :id

-- name: create :one!
-- Logs a request. Headers that carry a key or a credential must be gone by now.
-- default: id uuid7()
-- default: headers None
-- default: query None
-- default: body None
-- default: user_agent None
-- default: ip_address None
-- default: status_code None
-- default: response_time_ms None
-- default: response_size_bytes None
-- batch
insert into api_requests (
  id, method, path, headers, query, body, user_agent, ip_address,
  status_code, response_time_ms, response_size_bytes
)
values (
  :id, :method, :path, :headers, :query, :body, :user_agent, :ip_address,
  :status_code, :response_time_ms, :response_size_bytes
)
returning *

-- name: create_many :bulk
-- Logs many requests at once, with the times at which they arrived.
-- default: id uuid7()
-- default: headers None
-- default: query None
-- default: body None
-- default: user_agent None
-- default: ip_address None
-- default: status_code None
-- default: response_time_ms None
-- default: response_size_bytes None
insert into api_requests (
  id, method, path, headers, query, body, user_agent, ip_address,
  status_code, response_time_ms, response_size_bytes, created_at
)
values (
  :id, :method, :path, :headers, :query, :body, :user_agent, :ip_address,
  :status_code, :response_time_ms, :response_size_bytes, :created_at
)

-- name: load :copy
-- Logs a great many requests through COPY: all of them or none.
-- default: id uuid7()
-- default: headers None
-- default: query None
-- default: body None
-- default: user_agent None
-- default: ip_address None
-- default: status_code None
-- default: response_time_ms None
-- default: response_size_bytes None
insert into api_requests (
  id, method, path, headers, query, body, user_agent, ip_address,
  status_code, response_time_ms, response_size_bytes, created_at
)
values (
  :id, :method, :path, :headers, :query, :body, :user_agent, :ip_address,
  :status_code, :response_time_ms, :response_size_bytes, :created_at
)

-- name: answer :one
-- Adds how a request was answered that was logged when it came.
update api_requests
set status_code         = :status_code,
    response_time_ms    = :response_time_ms,
    response_size_bytes = :response_size_bytes
where id = :id
returning *

-- name: delete :one
-- Forgets a request, and returns what it was.
delete from api_requests
where id = :id
returning *

-- name: recent :many
-- The requests logged last, newest first: their ids sort by time.
-- default: limit 50
select *
from api_requests
order by id desc
limit :limit
