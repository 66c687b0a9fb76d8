-- Modify "posts" table
ALTER TABLE "public"."posts" ADD COLUMN "body" text NULL;
