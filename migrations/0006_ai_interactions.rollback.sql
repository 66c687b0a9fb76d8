drop table ai_interactions;
