-- The partner's own name for a payment: `out_trade_no` is one protocol's word for it.
drop index payment_partner_id_out_trade_no_key;
alter table payment rename column out_trade_no to merchant_reference;
create unique index payment_partner_id_merchant_reference_key on payment (partner_id, merchant_reference) where merchant_reference is not null;
