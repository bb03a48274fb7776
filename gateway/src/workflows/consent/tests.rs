//! Decisions on both engines.

use quanzi_openapi::fans::NewSandboxFan;

use super::service::{self, ConsentRequest, Who};
use crate::edge::sessions::Browser;
use crate::on_both_engines;
use crate::platform::config::Mode;
use crate::testing::{VERIFIER, process, pushed_form, request, sent_back};

on_both_engines! {
    async fn of_a_no_and_a_yes_in_two_tabs_the_later_does_nothing(db: Db) {
        let app = process(&db, Mode::Sandbox).await;
        let client = sent_back(&app).await;
        let now = app.clock.now();
        let tabs = async || -> (ConsentRequest, ConsentRequest) {
            let form = pushed_form(&app, &client, VERIFIER);
            let pushed = crate::access::oauth::authorization::push(&app, &request("/oauth/par", &[]), &form, now).await.unwrap();
            let find = async |browser: &Browser| {
                service::find(&app, now, browser, &client.app.to_string(), &pushed.request_uri).await.unwrap().unwrap()
            };
            let stranger = Browser::first_visit(&app);
            let asked = find(&stranger).await;
            let who = Who::Invented(NewSandboxFan::new("Mei"));
            let browser = service::sign_in(&app, now, &stranger, &asked, &who).await.unwrap().with_cookie();
            (find(&browser).await, find(&browser).await)
        };
        let grants = async || {
            let mut tx = app.db.reading_newest().await.unwrap();
            let wanted = quanzi_openapi::grants::GrantsQuery::default();
            crate::capabilities::grants::service::page(&mut tx, client.partner, &wanted).await.unwrap().data.len()
        };

        let (yes, no) = tabs().await;
        assert!(service::refuse(&app, now, &no).await.unwrap().is_some_and(|url| url.contains("access_denied")));
        assert_eq!(service::agree(&app, now, &yes, true).await.unwrap(), None, "the app was told no");
        assert_eq!(grants().await, 0, "and no it is");

        let (yes, no) = tabs().await;
        assert!(service::agree(&app, now, &yes, true).await.unwrap().is_some_and(|url| url.contains("code=")));
        assert_eq!(service::refuse(&app, now, &no).await.unwrap(), None);
        assert_eq!(grants().await, 1);

        // Truly concurrent: whichever succeeds, the grant exists exactly when the app got a code.
        for _ in 0..8 {
            let before = grants().await;
            let (yes, no) = tabs().await;
            let (agreed, refused) = tokio::join!(service::agree(&app, now, &yes, true), service::refuse(&app, now, &no));
            let (agreed, refused) = (agreed.unwrap().is_some(), refused.unwrap().is_some());

            assert_ne!(agreed, refused);
            assert_eq!(grants().await - before, usize::from(agreed));
        }
    }
}
