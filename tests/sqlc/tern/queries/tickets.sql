-- name: OpenTicket :one
insert into tickets (subject) values (@subject) returning id;

-- name: InState :many
select * from tickets where state = @state order by id;
