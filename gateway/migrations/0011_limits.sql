-- Limits around fans: consents that wait or were never given, and the pace of comments.

create index mandate_active on mandate (partner_id, fan_id, id) where status = 'active';
create index mandate_open on mandate (partner_id, fan_id, consent_until) where status = 'requires_consent';
create index mandate_never_given on mandate (consent_until) where version = 2 and status in ('declined', 'expired', 'revoked');

alter table circle add column comments_per_fan_per_day bigint;
-- What a fan said in a circle lately, deleted or not.
create index comment_fan on comment (partner_id, fan_id, circle_id, created_at) where fan_id is not null;
