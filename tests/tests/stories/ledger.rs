//! The ledger as a partner reads it: accounts, transfers, and a balance that is explained entry by entry.

use quanzi::ledger::{AccountKind, LedgerQuery};
use quanzi::payments::{NewPayment, NewRefund};
use quanzi::{ErrorCode, Limit};
use quanzi_tests::both_engines;
use quanzi_tests::money::{books_are_clean, cny, mandate, payer};
use quanzi_tests::stage::{Stage, code, open_circle, partner};

both_engines! {
    a_balance_is_explained_entry_by_entry,
}

async fn a_balance_is_explained_entry_by_entry(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Explained").await;
    let fan = payer(&client, &circle, cny(100_000)).await;
    let mandate = mandate(&client, fan).await;
    let mut paid = Vec::new();
    for number in 1..=7 {
        let new = NewPayment::tip(fan, circle.id, cny(number * 111)).mandate(mandate.id);
        paid.push(client.payments().create(new).await.expect("paid"));
    }
    client.payments().refund(paid[3].id, NewRefund::part(cny(100))).await.expect("a refund");

    let accounts = client.ledger().accounts(LedgerQuery::default()).await.expect("accounts").data;
    assert_eq!(accounts.len(), 2, "earnings and fees; no wallet, no channel");
    for account in &accounts {
        let mut query = LedgerQuery::default();
        query.limit = Some(Limit::new(3));
        let entries = client.ledger().transfers(account.id, query).stream().take(100).await.expect("entries");
        assert_eq!(i64::try_from(entries.len()).ok(), Some(account.entries));
        let mut sum = 0;
        for (number, entry) in (1..).zip(entries.iter().rev()) {
            let is_debit = entry.debit.account == Some(account.id);
            sum += if is_debit { -entry.amount.amount } else { entry.amount.amount };
            let side = if is_debit { &entry.debit } else { &entry.credit };
            assert_eq!((side.entry, side.balance_after), (Some(number), Some(cny(sum))));
            let wallet = if is_debit { &entry.credit } else { &entry.debit };
            assert_eq!(
                (wallet.kind.known(), wallet.account, wallet.balance_after),
                (Some(&AccountKind::FanWallet), None, None)
            );
            assert_eq!(client.ledger().transfer(entry.id).await.expect("the transfer"), *entry);
        }
        assert_eq!(account.balance, cny(sum));
        assert_eq!(client.ledger().account(account.id).await.expect("the account"), *account);
    }
    let stranger = partner(&stage).await;
    assert_eq!(code(stranger.ledger().account(accounts[0].id).await), ErrorCode::AccountNotFound);
    assert_eq!(code(stranger.payments().get(paid[0].id).await), ErrorCode::PaymentNotFound);
    books_are_clean(&client).await;
}
