-- atlas:txmode none

-- Create "posts" table
CREATE TABLE "public"."posts" ("id" integer NOT NULL, "title" text NULL, PRIMARY KEY ("id"));
