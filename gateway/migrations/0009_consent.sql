-- What fans consent to: grants, the requests and codes on the way to them, the tokens they give, and fans' sessions with us.
-- Whatever opens a door (request URIs, codes, refresh tokens, session ids) is kept as its SHA-256 only.

-- asked: every scope the fan was asked about; scopes: those the fan agreed to.
create table fan_grant (
    partner_id text not null references partner (id),
    id text not null,
    fan_id text not null,
    app_id text not null references app (id),
    asked text not null,
    scopes text not null,
    status text not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    primary key (partner_id, id),
    foreign key (partner_id, fan_id) references fan (partner_id, id),
    constraint fan_grant_status_check check (status in ('active', 'revoked'))
);
-- At most one that stands, whatever the gateway believes.
create unique index fan_grant_partner_id_fan_id_app_id_key on fan_grant (partner_id, fan_id, app_id) where status = 'active';
create index fan_grant_fan on fan_grant (partner_id, fan_id, id);

-- A person's fans, for the person's own page.
create index fan_person on fan (person_id);
create index membership_fan on membership (partner_id, fan_id, id);

-- The queue of tokens belongs to apps, whose ids are unique over all partners: partner_id stands first in none of these keys.
create table pushed_request (
    uri_hash bytea not null,
    app_id text not null,
    request jsonb not null,
    created_at bigint not null,
    -- Moved once, when a browser opens the request: a page takes longer to read than a link to be followed.
    expires_at bigint not null,
    opened_at bigint,
    completed_at bigint,
    primary key (uri_hash)
);
create index pushed_request_expires_at on pushed_request (expires_at);

-- family: names everything that is issued for this code.
create table authorization_code (
    code_hash bytea not null,
    partner_id text not null,
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
    primary key (code_hash)
);
create index authorization_code_expires_at on authorization_code (expires_at);

create table refresh_token (
    token_hash bytea not null,
    partner_id text not null,
    app_id text not null,
    grant_id text not null,
    fan_id text not null,
    family text not null,
    scopes text not null,
    created_at bigint not null,
    expires_at bigint not null,
    primary key (token_hash)
);
create unique index refresh_token_family_key on refresh_token (family);
create index refresh_token_grant on refresh_token (partner_id, grant_id);
create index refresh_token_expires_at on refresh_token (expires_at);

-- A person's browser, signed in with us; of no partner.
create table fan_session (
    id_hash bytea not null,
    person_id text not null references person (id),
    authenticated_at bigint not null,
    expires_at bigint not null,
    primary key (id_hash)
);
create index fan_session_expires_at on fan_session (expires_at);

-- Who is who at the operator's own sign-in (live mode).
create table upstream_person (
    issuer text not null,
    subject text not null,
    person_id text not null references person (id),
    created_at bigint not null,
    primary key (issuer, subject)
);

-- Browsers that were sent there and are expected back: where each goes on, and what its answer must fit.
create table upstream_visit (
    state_hash bytea not null,
    browser_hash bytea not null,
    verifier text not null,
    nonce text not null,
    target text not null,
    expires_at bigint not null,
    primary key (state_hash)
);
create index upstream_visit_expires_at on upstream_visit (expires_at);
