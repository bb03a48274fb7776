-- Who may call: partners, their apps and keys; what the edge must remember between requests.

create table partner (
    id text not null,
    name text not null,
    legal_name text not null,
    website text,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    primary key (id)
);

create table app (
    id text not null,
    partner_id text not null references partner (id),
    name text not null,
    status text not null,
    scopes text not null,
    redirect_uris jsonb not null,
    allowed_addresses jsonb not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    primary key (id)
);
create unique index app_partner_id_id_key on app (partner_id, id);

-- A removed key stays as a row, so that it can never be registered with its app again. Another app may register the same public
-- key: nobody proves possession here, so a key must not be something that can be taken from its owner.
create table app_key (
    kid text not null,
    partner_id text not null references partner (id),
    app_id text not null references app (id),
    algorithm text not null,
    jwk jsonb not null,
    created_at bigint not null,
    removed_at bigint,
    primary key (app_id, kid)
);
create index app_key_kid on app_key (kid, created_at);

-- Keys of the gateway itself. The private part is sealed when a sealing key is configured. The generation keeps two processes
-- that start at once from making a first key each.
create table gateway_key (
    kid text not null,
    purpose text not null,
    generation bigint not null,
    jwk jsonb not null,
    private_key bytea not null,
    sealed boolean not null,
    created_at bigint not null,
    retired_at bigint,
    primary key (kid)
);
create unique index gateway_key_purpose_generation_key on gateway_key (purpose, generation);

-- Client assertions that were used, until they expire (RFC 7523, 3). The jti is hashed: it is the caller's text.
create table used_assertion (
    app_id text not null,
    jti_hash bytea not null,
    expires_at bigint not null,
    primary key (app_id, jti_hash)
);
create index used_assertion_expires_at on used_assertion (expires_at);

-- What every gateway process must stop trusting: read every second by all of them.
create table revocation (
    id text not null,
    subject text not null,
    expires_at bigint not null,
    created_at bigint not null,
    primary key (id)
);
create index revocation_created_at on revocation (created_at, id);

-- Saved answers of calls with an Idempotency-Key; written in the transaction of the effect.
create table idempotency (
    app_id text not null,
    key text not null,
    request_hash bytea not null,
    status bigint not null,
    headers jsonb not null,
    body bytea not null,
    created_at bigint not null,
    primary key (app_id, key)
);
create index idempotency_created_at on idempotency (created_at);
