-- How long an event has been refused is a time, and not a number of attempts: a receiver that asks for short pauses, and a partner who
-- has everything tried again, make many attempts in little time. Null: it was not refused yet, or before this migration; then its time
-- begins with the next refusal.
alter table webhook_retry add column first_refused_at bigint;
