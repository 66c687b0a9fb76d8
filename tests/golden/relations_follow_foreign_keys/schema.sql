create table tenants (id int primary key);
create table users (
    tenant_id int not null references tenants,
    id int not null,
    manager_id int,
    primary key (tenant_id, id),
    foreign key (tenant_id, manager_id) references users
);
create table profiles (
    tenant_id int not null,
    user_id int not null,
    primary key (tenant_id, user_id),
    foreign key (tenant_id, user_id) references users
);
create table messages (
    id uuid primary key,
    tenant_id int not null,
    "senderId" int not null,
    recipient_id int,
    reply_to uuid references messages,
    foreign key (tenant_id, "senderId") references users,
    foreign key (tenant_id, recipient_id) references users
);
create table labels (id text primary key, parent_id text references labels);
create table message_labels (
    message_id uuid references messages,
    label_id text references labels,
    primary key (message_id, label_id)
);
create table notes (id int primary key, message_id uuid not null);
alter table notes add constraint unchecked foreign key (message_id) references messages not valid;
