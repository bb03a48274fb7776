-- Webhooks: endpoints, how far each has got in its partner's log, what has to be tried again, and every attempt.
-- There is no row for an event that simply was not delivered yet: an endpoint's cursor says so.

-- types: event types as a list; empty means all. secret: one byte that says whether the rest is sealed, then the rest.
create table webhook_endpoint (
    partner_id text not null references partner (id),
    id text not null,
    url text not null,
    description text,
    types jsonb not null,
    status text not null,
    disabled_reason text,
    failing_since bigint,
    secret bytea not null,
    previous_secret bytea,
    previous_until bigint,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    deleted_at bigint,
    primary key (partner_id, id)
);

-- holder: the process that delivers; claims counts who took it, so that of two that try at once one wins.
-- held_until: the receiver asked for a pause. taken_at: when it last took an event.
create table webhook_cursor (
    partner_id text not null,
    endpoint_id text not null,
    delivered_seq bigint not null,
    held_until bigint not null,
    taken_at bigint not null,
    holder text,
    claims bigint not null,
    primary key (partner_id, endpoint_id)
);
create index webhook_cursor_holder on webhook_cursor (holder);

-- Processes that deliver; one whose beat stands still is gone.
create table webhook_worker (
    id text not null,
    beat bigint not null,
    primary key (id)
);

-- Events that were not taken, and those of the same object that wait behind them (attempts = 0).
create table webhook_retry (
    partner_id text not null,
    endpoint_id text not null,
    seq bigint not null,
    object text not null,
    attempts bigint not null,
    due_at bigint not null,
    primary key (partner_id, endpoint_id, seq)
);
create index webhook_retry_object on webhook_retry (partner_id, endpoint_id, object, seq);
create index webhook_retry_due on webhook_retry (partner_id, endpoint_id, due_at);

create table webhook_replay (
    partner_id text not null,
    endpoint_id text not null,
    number bigint not null,
    next_seq bigint not null,
    to_seq bigint not null,
    types jsonb not null,
    created_at bigint not null,
    primary key (partner_id, endpoint_id, number)
);

create table delivery (
    partner_id text not null,
    endpoint_id text not null,
    id text not null,
    event_id text not null,
    seq bigint not null,
    type text not null,
    attempt bigint not null,
    outcome text not null,
    error text,
    detail text,
    status bigint,
    response text,
    latency_ms bigint not null,
    attempted_at bigint not null,
    next_attempt_at bigint,
    primary key (partner_id, endpoint_id, id)
);
-- Failures are what one looks for; successes cost no second entry.
create index delivery_failed on delivery (partner_id, endpoint_id, id) where outcome = 'failed';
