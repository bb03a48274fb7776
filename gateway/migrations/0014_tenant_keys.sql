-- Ready to be distributed by tenant: partner_id is there, not null, and first in every key of these tables, so that an engine that
-- shards rows by it can take them as they are. Later this would mean to rewrite every row of a running platform.
--
-- Each table is made anew and filled from the old one, because SQLite cannot change a key. On PostgreSQL the old key's name has to be
-- given up first.

-- The platform's own jobs have the id of no partner: a UUID of zeros.
drop index job_kind_object_key;
drop index job_due_at_id;
alter table job rename to job_before;
-- @postgres
alter table job_before drop constraint job_pkey;
-- @both
create table job (
    partner_id text not null,
    id text not null,
    kind text not null,
    object text not null,
    due_at bigint not null,
    body jsonb not null,
    attempts bigint not null,
    claim text,
    taken_until bigint,
    last_error text,
    created_at bigint not null,
    primary key (partner_id, id),
    unique (partner_id, kind, object)
);
insert into job (partner_id, id, kind, object, due_at, body, attempts, claim, taken_until, last_error, created_at)
    select coalesce(partner_id, 'ptn_00000000000000000000000000'), id, kind, object, due_at, body, attempts, claim, taken_until,
        last_error, created_at
    from job_before;
drop table job_before;
-- Who has work that is due is asked over all partners; what it is, within one.
create index job_due_at on job (due_at, partner_id);
create index job_partner_id_due_at on job (partner_id, due_at, id);

drop index idempotency_created_at;
alter table idempotency rename to idempotency_before;
-- @postgres
alter table idempotency_before drop constraint idempotency_pkey;
-- @both
create table idempotency (
    partner_id text not null,
    app_id text not null,
    key text not null,
    request_hash bytea not null,
    status bigint not null,
    headers jsonb not null,
    body bytea not null,
    created_at bigint not null,
    primary key (partner_id, app_id, key)
);
insert into idempotency (partner_id, app_id, key, request_hash, status, headers, body, created_at)
    select a.partner_id, b.app_id, b.key, b.request_hash, b.status, b.headers, b.body, b.created_at
    from idempotency_before b join app a on a.id = b.app_id;
drop table idempotency_before;
create index idempotency_created_at on idempotency (created_at);

drop index refresh_token_family_key;
drop index refresh_token_grant;
drop index refresh_token_expires_at;
alter table refresh_token rename to refresh_token_before;
-- @postgres
alter table refresh_token_before drop constraint refresh_token_pkey;
-- @both
create table refresh_token (
    partner_id text not null,
    token_hash bytea not null,
    app_id text not null,
    grant_id text not null,
    fan_id text not null,
    family text not null,
    scopes text not null,
    created_at bigint not null,
    expires_at bigint not null,
    primary key (partner_id, token_hash),
    unique (partner_id, family)
);
insert into refresh_token (partner_id, token_hash, app_id, grant_id, fan_id, family, scopes, created_at, expires_at)
    select partner_id, token_hash, app_id, grant_id, fan_id, family, scopes, created_at, expires_at from refresh_token_before;
drop table refresh_token_before;
create index refresh_token_grant on refresh_token (partner_id, grant_id);
create index refresh_token_expires_at on refresh_token (expires_at);

-- A code that was used is kept for a day: when it comes again, what was issued for it is revoked.
drop index authorization_code_expires_at;
alter table authorization_code rename to authorization_code_before;
-- @postgres
alter table authorization_code_before drop constraint authorization_code_pkey;
-- @both
create table authorization_code (
    partner_id text not null,
    code_hash bytea not null,
    app_id text not null,
    grant_id text not null,
    fan_id text not null,
    family text not null,
    redirect_uri text not null,
    challenge text not null,
    jkt text,
    nonce text,
    scopes text not null,
    authenticated_at bigint not null,
    created_at bigint not null,
    expires_at bigint not null,
    used_at bigint,
    primary key (partner_id, code_hash)
);
insert into authorization_code (partner_id, code_hash, app_id, grant_id, fan_id, family, redirect_uri, challenge, jkt, nonce, scopes,
        authenticated_at, created_at, expires_at, used_at)
    select partner_id, code_hash, app_id, grant_id, fan_id, family, redirect_uri, challenge, jkt, nonce, scopes, authenticated_at,
        created_at, expires_at, used_at
    from authorization_code_before;
drop table authorization_code_before;
create index authorization_code_expires_at on authorization_code (expires_at);

drop index pushed_request_expires_at;
alter table pushed_request rename to pushed_request_before;
-- @postgres
alter table pushed_request_before drop constraint pushed_request_pkey;
-- @both
create table pushed_request (
    partner_id text not null,
    uri_hash bytea not null,
    app_id text not null,
    request jsonb not null,
    created_at bigint not null,
    expires_at bigint not null,
    opened_at bigint,
    completed_at bigint,
    primary key (partner_id, uri_hash)
);
insert into pushed_request (partner_id, uri_hash, app_id, request, created_at, expires_at, opened_at, completed_at)
    select a.partner_id, b.uri_hash, b.app_id, b.request, b.created_at, b.expires_at, b.opened_at, b.completed_at
    from pushed_request_before b join app a on a.id = b.app_id;
drop table pushed_request_before;
create index pushed_request_expires_at on pushed_request (expires_at);

drop index used_assertion_expires_at;
alter table used_assertion rename to used_assertion_before;
-- @postgres
alter table used_assertion_before drop constraint used_assertion_pkey;
-- @both
create table used_assertion (
    partner_id text not null,
    app_id text not null,
    jti_hash bytea not null,
    expires_at bigint not null,
    primary key (partner_id, app_id, jti_hash)
);
insert into used_assertion (partner_id, app_id, jti_hash, expires_at)
    select a.partner_id, b.app_id, b.jti_hash, b.expires_at from used_assertion_before b join app a on a.id = b.app_id;
drop table used_assertion_before;
create index used_assertion_expires_at on used_assertion (expires_at);

-- Nonces are not carried over: a hash does not say whose it is. They guard signatures of the last two minutes. Where a change has to
-- be safe from a repetition of that very moment, its idempotency key guards it, and that is kept.
drop index used_nonce_expires_at;
drop table used_nonce;
create table used_nonce (
    partner_id text not null,
    nonce_hash bytea not null,
    expires_at bigint not null,
    primary key (partner_id, nonce_hash)
);
create index used_nonce_expires_at on used_nonce (expires_at);
