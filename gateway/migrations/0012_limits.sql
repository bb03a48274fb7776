-- Limits around fans: consents that wait or were never given, the pace of comments; and which sign-ins had to be fresh.

-- Whether the provider was asked for a fresh sign-in, so that it has to say when there was one.
alter table upstream_visit add column fresh boolean not null default false;

create index mandate_active on mandate (partner_id, fan_id, id) where status = 'active';
create index mandate_open on mandate (partner_id, fan_id, consent_until) where status = 'requires_consent';
create index mandate_never_given on mandate (consent_until) where version = 2 and status in ('declined', 'expired', 'revoked');

alter table circle add column comments_per_fan_per_day bigint;
-- What a fan said in a circle lately, deleted or not.
create index comment_fan on comment (partner_id, fan_id, circle_id, created_at) where fan_id is not null;
