create table books (id int primary key, title text not null, pages int);
comment on table books is 'A book, printed or not. """ closes nothing, nor does \ escape.';
comment on column books.title is 'As it stands on the cover.';
comment on column books.pages is 'NULL
until it is set.';
