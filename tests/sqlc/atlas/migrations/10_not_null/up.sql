-- Modify "posts" table
ALTER TABLE "public"."posts" ALTER COLUMN "body" SET NOT NULL;
