drop table loans, books, members;
drop type shelf;
