-- The numbered log of each partner. Numbers are given in the transaction of the change, as the last thing in it, under the row of
-- event_log: so they have no gaps, and nobody sees number n + 1 before number n.

create table event_log (
    partner_id text not null references partner (id),
    last_seq bigint not null,
    primary key (partner_id)
);

-- data: the object as the partner sees it, as text, because what was signed once must stay the same bytes.
create table event (
    partner_id text not null,
    seq bigint not null,
    id text not null,
    type text not null,
    object text not null,
    object_version bigint not null,
    created_at bigint not null,
    data text not null,
    primary key (partner_id, seq)
);
create unique index event_partner_id_id_key on event (partner_id, id);
create index event_object on event (partner_id, object, seq);
