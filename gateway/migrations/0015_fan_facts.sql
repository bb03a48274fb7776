-- What is decided about a person is decided by its partner's own row of it: the person is of no partner, so no transaction of a partner
-- should have to lock it or to ask another node for it. The copies are brought up to date when the person changes.

alter table fan add column nickname text not null default '';
alter table fan add column real_name_verified boolean not null default false;
alter table fan add column adult boolean not null default false;
alter table fan add column credit_band text;
-- Counts the changes of this row, as this partner sees them: two partners cannot compare theirs.
alter table fan add column version bigint not null default 1;
update fan set
    nickname = (select p.nickname from person p where p.id = fan.person_id),
    real_name_verified = (select p.real_name_verified from person p where p.id = fan.person_id),
    adult = (select p.adult from person p where p.id = fan.person_id),
    credit_band = (select p.credit_band from person p where p.id = fan.person_id),
    version = (select p.version from person p where p.id = fan.person_id);
