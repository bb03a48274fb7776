//! Fans on both engines.

use quanzi_openapi::fans::{NewSandboxFan, SandboxFanChange};
use quanzi_openapi::gates::CreditBand;
use quanzi_openapi::tips::TipDisclosure;
use quanzi_openapi::{Edit, ErrorCode};

use super::service;
use crate::on_both_engines;
use crate::testing::fixture::Fixture;

on_both_engines! {
    async fn an_invented_person_reads_as_it_was_made_and_changed(db: Db) {
        let fixture = Fixture::new(db).await;
        let fan = fixture.fan(&NewSandboxFan::new("小猫").adult().credit_band(CreditBand::Gold)).await;
        let mut change = SandboxFanChange::default();
        change.credit_band = Edit::Clear;
        change.real_name_verified = Some(true);

        let mut tx = fixture.begin().await;
        let changed = service::change(&mut tx, fixture.partner, fixture.now, fan, &change).await.unwrap();
        let same = service::change(&mut tx, fixture.partner, fixture.now, fan, &SandboxFanChange::default()).await.unwrap();
        let read = service::invented(&mut tx, fixture.partner, fan).await.unwrap();

        assert_eq!((changed.version, changed.adult, changed.real_name_verified), (2, true, true));
        assert!(changed.credit_band.is_none() && changed.tip_disclosure == TipDisclosure::Anonymous);
        assert!(changed == same && same == read);
    }

    async fn how_a_fan_appears_is_kept_for_each_partner(db: Db) {
        let fixture = Fixture::new(db).await;
        let fan = fixture.fan(&NewSandboxFan::new("小猫").tip_disclosure(TipDisclosure::Named)).await;

        let mut tx = fixture.begin().await;
        let made = service::invented(&mut tx, fixture.partner, fan).await.unwrap();
        for _ in 0..2 {
            service::disclose(&mut tx, fixture.partner, fan, TipDisclosure::Absent).await.unwrap();
        }
        let hidden = service::invented(&mut tx, fixture.partner, fan).await.unwrap();

        assert_eq!((made.tip_disclosure, made.version), (TipDisclosure::Named.into(), 1));
        assert_eq!((hidden.tip_disclosure, hidden.version), (TipDisclosure::Absent.into(), 2));
    }

    async fn a_fan_is_nobody_to_another_partner(db: Db) {
        let fixture = Fixture::new(db).await;
        let fan = fixture.anybody().await;
        let other = fixture.add_partner().await;

        let mut tx = fixture.begin().await;

        for refused in [
            service::find(&mut tx, other, fan).await.unwrap_err(),
            service::invented(&mut tx, other, fan).await.unwrap_err(),
            service::change(&mut tx, other, fixture.now, fan, &SandboxFanChange::default()).await.unwrap_err(),
        ] {
            assert_eq!(refused.code(), ErrorCode::FanNotFound);
        }
    }
}
