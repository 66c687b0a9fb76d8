drop table ai_providers;
drop type auth_type;
