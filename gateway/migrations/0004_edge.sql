-- What the edge must remember durably: signatures of changes that were executed, so that none is executed twice, not by another
-- process and not after a restart.

create table used_nonce (
    nonce_hash bytea not null,
    expires_at bigint not null,
    primary key (nonce_hash)
);
create index used_nonce_expires_at on used_nonce (expires_at);
