-- Work that is due at a time. One row per thing to be done: (kind, object) names it, so that asking again moves it.
-- claim: who works on it, a random text, until taken_until; whoever ends a job must still hold the claim.
-- partner_id stands first in no key: the queue is the deployment's, read in the order of time over all partners.

create table job (
    id text not null,
    kind text not null,
    partner_id text,
    object text not null,
    due_at bigint not null,
    body jsonb not null,
    attempts bigint not null,
    claim text,
    taken_until bigint,
    last_error text,
    created_at bigint not null,
    primary key (id)
);
create unique index job_kind_object_key on job (kind, object);
create index job_due_at_id on job (due_at, id);

-- How far a sandbox is ahead of the machine's time: one row, of a sandbox only. advancing_by and advancing_until: who moves it
-- just now, and until when (in the machine's time, because the sandbox's jumps) that is believed without a sign of life.

create table sandbox_clock (
    id bigint not null,
    ahead_micros bigint not null,
    advancing_by text,
    advancing_until bigint,
    primary key (id)
);
