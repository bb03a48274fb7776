-- What fans do through an app: rights in a circle, comments, likes, and consents that are asked for.

-- Null: the defaults.
alter table circle add column rights jsonb;

-- When the credit band of a circle's rights was moved: such moves are limited together with those of its gate.
create table right_move (
    partner_id text not null,
    circle_id text not null,
    moved_at bigint not null,
    primary key (partner_id, circle_id, moved_at),
    foreign key (partner_id, circle_id) references circle (partner_id, id)
);
create index right_move_moved_at on right_move (moved_at);

-- fan_id: the fan who published it through an app, member or not.
alter table post add column fan_id text;
alter table post add column comments bigint not null default 0;
alter table post add column likes bigint not null default 0;
-- How much a fan who is no member published lately.
create index post_fan on post (partner_id, fan_id, publish_at) where fan_id is not null;

-- fan_id: who wrote it; null is the partner. author_id: the membership it was written as.
create table comment (
    partner_id text not null,
    id text not null,
    circle_id text not null,
    post_id text not null,
    reply_to text,
    fan_id text,
    author_id text,
    text text not null,
    likes bigint not null default 0,
    version bigint not null,
    created_at bigint not null,
    deleted_at bigint,
    primary key (partner_id, id),
    foreign key (partner_id, post_id) references post (partner_id, id),
    foreign key (partner_id, reply_to) references comment (partner_id, id),
    foreign key (partner_id, fan_id) references fan (partner_id, id),
    foreign key (partner_id, author_id) references membership (partner_id, id),
    constraint comment_author_check check (author_id is null or fan_id is not null)
);
create index comment_page on comment (partner_id, post_id, id) where deleted_at is null;

create table post_like (
    partner_id text not null,
    post_id text not null,
    fan_id text not null,
    created_at bigint not null,
    primary key (partner_id, post_id, fan_id),
    foreign key (partner_id, post_id) references post (partner_id, id),
    foreign key (partner_id, fan_id) references fan (partner_id, id)
);

create table comment_like (
    partner_id text not null,
    comment_id text not null,
    fan_id text not null,
    created_at bigint not null,
    primary key (partner_id, comment_id, fan_id),
    foreign key (partner_id, comment_id) references comment (partner_id, id),
    foreign key (partner_id, fan_id) references fan (partner_id, id)
);

-- A consent that is asked for: where the fan decides, and until when.
alter table mandate add column token text;
alter table mandate add column consent_until bigint;
create unique index mandate_token_key on mandate (token) where token is not null;
