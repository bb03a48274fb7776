-- Money: accounts and transfers, and what they are for.
--
-- The poster alone writes accounts, transfers, reservations, allowances, payments, refunds and tips, in batches. What a row refers
-- to was read by the use-case and is never deleted (circles, fans, posts) or is held by the batch (accounts), so these hot tables
-- have no foreign keys: each would cost a lookup per row, and `quanzi ledger check` finds what they would have found.

alter table partner add column fee_bps bigint;
alter table fan add column tip_disclosure text;

-- balance: credits minus debits of what was moved. entries: how many transfers moved it; each has the number it was.
create table account (
    id text not null,
    owner text not null,
    kind text not null,
    currency text not null,
    partner_id text,
    balance bigint not null,
    reserved bigint not null,
    incoming bigint not null,
    entries bigint not null,
    created_at bigint not null,
    primary key (id),
    unique (owner, kind, currency),
    -- Whatever the gateway believes: only the way in from outside may be overdrawn.
    constraint account_floor_check check (kind = 'channel_clearing' or balance - reserved >= 0),
    constraint account_reserved_check check (reserved >= 0 and incoming >= 0)
);
create index account_page on account (partner_id, id);

-- Immutable. A transfer that moves money is an entry of both accounts, with its number and the balance after it.
create table transfer (
    id text not null,
    partner_id text,
    debit_id text not null,
    debit_kind text not null,
    credit_id text not null,
    credit_kind text not null,
    amount bigint not null,
    currency text not null,
    code text not null,
    object text not null,
    phase text not null,
    pending_id text,
    debit_entry bigint,
    debit_after bigint,
    credit_entry bigint,
    credit_after bigint,
    created_at bigint not null,
    primary key (id),
    constraint transfer_amount_check check (amount > 0 and debit_id <> credit_id)
);
create unique index transfer_debit_id_debit_entry_key on transfer (debit_id, debit_entry);
create unique index transfer_credit_id_credit_entry_key on transfer (credit_id, credit_entry);
-- What was reserved is decided once.
create unique index transfer_pending_id_key on transfer (pending_id) where pending_id is not null;

-- What is reserved and not decided yet; the row goes when it is decided, the transfers stay.
create table reservation (
    id text not null,
    debit_id text not null,
    credit_id text not null,
    amount bigint not null,
    currency text not null,
    expires_at bigint not null,
    primary key (id)
);

-- How much of a limit is used, by day.
-- One index, for look-ups and for the sweep: with one by day alone a planner that takes the table for small finds every row of today
-- for each one it wants.
create table allowance (
    subject text not null,
    day bigint not null,
    used bigint not null,
    primary key (day, subject)
);

create table mandate (
    partner_id text not null references partner (id),
    id text not null,
    fan_id text not null,
    circle_id text,
    status text not null,
    currency text not null,
    per_payment bigint not null,
    per_day bigint not null,
    expires_at bigint,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    primary key (partner_id, id),
    foreign key (partner_id, fan_id) references fan (partner_id, id),
    foreign key (partner_id, circle_id) references circle (partner_id, id),
    constraint mandate_limits_check check (per_payment > 0 and per_day >= per_payment)
);
create index mandate_fan on mandate (partner_id, fan_id, id);

-- person_id: whose wallet pays. author_id: the member (as a fan) whose post it is for. pending_*: what is reserved for it.
create table payment (
    partner_id text not null,
    id text not null,
    kind text not null,
    status text not null,
    fan_id text not null,
    person_id text not null,
    circle_id text not null,
    post_id text,
    author_id text,
    mandate_id text,
    amount bigint not null,
    currency text not null,
    fee bigint not null,
    refunded bigint not null,
    fee_refunded bigint not null,
    message text,
    out_trade_no text,
    decline_reason text,
    token text,
    pending_net text,
    pending_fee text,
    expires_at bigint,
    succeeded_at bigint,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    primary key (partner_id, id),
    constraint payment_amount_check check (amount > 0 and fee >= 0 and fee <= amount),
    constraint payment_refunded_check check (refunded >= fee_refunded and refunded <= amount and fee_refunded <= fee)
);
create unique index payment_partner_id_out_trade_no_key on payment (partner_id, out_trade_no) where out_trade_no is not null;
create unique index payment_token_key on payment (token) where token is not null;
create index payment_circle on payment (partner_id, circle_id, id);
create index payment_fan on payment (partner_id, fan_id, id);

create table refund (
    partner_id text not null,
    id text not null,
    payment_id text not null,
    amount bigint not null,
    currency text not null,
    fee bigint not null,
    reason text,
    created_at bigint not null,
    primary key (partner_id, id),
    constraint refund_amount_check check (amount > 0 and fee >= 0 and fee <= amount)
);
create index refund_payment on refund (partner_id, payment_id, id);

-- What was given, by circle and by post; refunds are taken off.
create table tip_total (
    partner_id text not null,
    subject text not null,
    currency text not null,
    tips bigint not null,
    amount bigint not null,
    primary key (partner_id, subject, currency)
);

-- Who gave and got what in a circle. score: what counts among the tippers.
create table tipper (
    partner_id text not null,
    circle_id text not null,
    currency text not null,
    fan_id text not null,
    to_circle bigint not null,
    to_members bigint not null,
    from_members bigint not null,
    score bigint not null,
    primary key (partner_id, circle_id, currency, fan_id)
);
create index tipper_score on tipper (partner_id, circle_id, currency, score);
