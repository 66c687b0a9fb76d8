/* The reading room's queries. */

-- name: thick :many
-- Books with many pages.
--
-- The thickest first; a book without pages isn't thick. """ is harmless.
select * -- not a doc
from books
where pages > :pages
order by pages desc;

/* name: thinnest :one */
/* The book with the fewest pages. */
select * from books order by pages limit 1;
