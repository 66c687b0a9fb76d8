drop trigger ai_interactions_event_updated on ai_interactions;
drop trigger ai_interactions_event_created on ai_interactions;
drop function note_message_events();
drop sequence message_events_woken;
drop table message_events;
drop type message_event_kind;
