-- Circles and who is in them: persons and fans, gates and what they answered, memberships, posts.
-- Ids begin with their time, so "newest first" is the order of ids and a primary key serves a list.

create table circle (
    partner_id text not null references partner (id),
    id text not null,
    name text not null,
    slug text not null,
    description text,
    category text not null,
    language text not null,
    rules text,
    announcement text,
    cover text,
    discoverability text not null,
    status text not null,
    posts_per_member_per_day bigint,
    gate_version bigint not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    opened_at bigint,
    closed_at bigint,
    primary key (partner_id, id),
    unique (partner_id, name),
    unique (partner_id, slug),
    constraint circle_status_check check (status in ('draft', 'open', 'closed'))
);

-- Every version that ever decided; the highest decides now.
create table gate (
    partner_id text not null,
    circle_id text not null,
    version bigint not null,
    id text not null,
    rules jsonb not null,
    -- Whether the credit band differs from the version before: such moves are limited.
    band_moved boolean not null,
    created_at bigint not null,
    primary key (partner_id, circle_id, version),
    unique (partner_id, id),
    foreign key (partner_id, circle_id) references circle (partner_id, id)
);
create index gate_band_moved on gate (partner_id, circle_id, created_at) where band_moved = true;

-- The human inside the platform: of no tenant, and never in an answer.
create table person (
    id text not null,
    nickname text not null,
    real_name_verified boolean not null,
    adult boolean not null,
    credit_band text,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    primary key (id)
);

-- A person as one partner knows them: a random id for each pair.
create table fan (
    partner_id text not null references partner (id),
    id text not null,
    person_id text not null references person (id),
    created_at bigint not null,
    primary key (partner_id, id),
    unique (partner_id, person_id)
);

-- What gates answered, for audits.
create table evaluation (
    partner_id text not null,
    id text not null,
    circle_id text not null,
    fan_id text not null,
    gate_version bigint not null,
    outcome text not null,
    answers jsonb not null,
    evaluated_at bigint not null,
    expires_at bigint not null,
    primary key (partner_id, id),
    foreign key (partner_id, circle_id) references circle (partner_id, id),
    foreign key (partner_id, fan_id) references fan (partner_id, id)
);

-- The one answer about a credit band that a circle has about a fan; it stands until it expires, whatever changes.
create table band_answer (
    partner_id text not null,
    circle_id text not null,
    fan_id text not null,
    passed boolean not null,
    expires_at bigint not null,
    primary key (partner_id, circle_id, fan_id),
    foreign key (partner_id, circle_id) references circle (partner_id, id),
    foreign key (partner_id, fan_id) references fan (partner_id, id)
);

-- Against which bands a partner held a fan, and when last: how many is limited over all its circles.
create table band_asked (
    partner_id text not null,
    fan_id text not null,
    band text not null,
    asked_at bigint not null,
    primary key (partner_id, fan_id, band),
    foreign key (partner_id, fan_id) references fan (partner_id, id)
);

-- What has expired is swept.
create index evaluation_evaluated_at on evaluation (evaluated_at);
create index band_answer_expires_at on band_answer (expires_at);
create index band_asked_asked_at on band_asked (asked_at);

create table membership (
    partner_id text not null,
    id text not null,
    circle_id text not null,
    fan_id text not null,
    status text not null,
    role text not null,
    gate_version bigint not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    joined_at bigint,
    primary key (partner_id, id),
    unique (partner_id, circle_id, fan_id),
    foreign key (partner_id, circle_id) references circle (partner_id, id),
    foreign key (partner_id, fan_id) references fan (partner_id, id),
    constraint membership_role_check check (status = 'active' or role = 'member')
);
-- At most one owner, whatever the gateway believes.
create unique index membership_partner_id_circle_id_key on membership (partner_id, circle_id) where role = 'owner';
create index membership_page on membership (partner_id, circle_id, id);
create index membership_page_status on membership (partner_id, circle_id, status, id);
create index membership_page_role on membership (partner_id, circle_id, role, id);

-- publish_at: null is a draft, the future is scheduled, the past is published.
create table post (
    partner_id text not null,
    id text not null,
    circle_id text not null,
    author_id text,
    title text,
    body text not null,
    format text not null,
    media_urls jsonb not null,
    pinned boolean not null,
    publish_at bigint,
    edited_at bigint,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    deleted_at bigint,
    primary key (partner_id, id),
    foreign key (partner_id, circle_id) references circle (partner_id, id),
    foreign key (partner_id, author_id) references membership (partner_id, id),
    constraint post_pinned_check check (deleted_at is null or pinned = false)
);
-- A page of a feed is a range of this, however long the feed.
create index post_feed on post (partner_id, circle_id, pinned, publish_at, id)
    where deleted_at is null and publish_at is not null;
create index post_drafts on post (partner_id, circle_id, pinned, id) where deleted_at is null and publish_at is null;
create index post_pinned on post (partner_id, circle_id) where pinned = true;
-- How much a member published lately; deleted posts count.
create index post_author on post (partner_id, author_id, publish_at) where author_id is not null;
