//! The next step of a request. Pure.

use quanzi_openapi::Time;
use quanzi_openapi::scope::FanScopes;

use crate::access::oauth::AuthorizationRequest;
use crate::access::oauth::authorization::Denial;

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The fan signs in.
    SignIn,
    /// The fan is asked.
    Consent,
    /// Everything was said before: the browser goes back at once.
    Accept,
    /// Something would have to be asked, and the app wants no page.
    Deny(Denial),
}

/// What is known when a browser comes with a request.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// When the request was pushed.
    pub pushed_at: Time,
    /// When the person signed in, if one is signed in.
    pub authenticated_at: Option<Time>,
    /// What the fan was asked before, and agreed to.
    pub granted: Option<(FanScopes, FanScopes)>,
    pub now: Time,
}

/// The next step of this request.
pub fn next(request: &AuthorizationRequest, known: Known) -> Step {
    if !known.authenticated_at.is_some_and(|at| is_recent(request, at, known)) {
        return if request.prompt.none { Step::Deny(Denial::LoginRequired) } else { Step::SignIn };
    }
    let asked = request.scopes();
    let is_settled = known.granted.is_some_and(|(before, agreed)| {
        before.covers(asked) && !agreed.within(asked).is_empty() && !request.prompt.consent
    });
    match (is_settled, request.prompt.none) {
        (true, _) => Step::Accept,
        (false, true) => Step::Deny(Denial::ConsentRequired),
        (false, false) => Step::Consent,
    }
}

/// Who signed in for this very request has signed in recently enough for every reauthentication.
fn is_recent(request: &AuthorizationRequest, authenticated_at: Time, known: Known) -> bool {
    if authenticated_at >= known.pushed_at {
        return true;
    }
    let age_seconds = known.now.seconds() - authenticated_at.seconds();
    !request.prompt.login && request.max_age.is_none_or(|max_age| age_seconds <= max_age)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn request(change: Value) -> AuthorizationRequest {
        let mut request = json!({
            "redirect_uri": "https://whisker.example/back", "scopes": "openid circles:join", "challenge": "",
            "prompt": { "none": false, "login": false, "consent": false },
        });
        for (name, value) in change.as_object().unwrap() {
            request[name] = value.clone();
        }
        serde_json::from_value(request).unwrap()
    }

    fn prompt(none: bool, login: bool, consent: bool) -> AuthorizationRequest {
        request(json!({ "prompt": { "none": none, "login": login, "consent": consent } }))
    }

    /// Pushed at 1,000; now is 1,010.
    fn known(authenticated_at: Option<i64>, granted: Option<&str>) -> Known {
        let scopes = |text: &str| text.parse().unwrap();
        Known {
            pushed_at: Time::from_seconds(1_000),
            authenticated_at: authenticated_at.map(Time::from_seconds),
            granted: granted.map(|text| (scopes(text), scopes(text))),
            now: Time::from_seconds(1_010),
        }
    }

    #[test]
    fn who_is_not_signed_in_signs_in_and_who_was_not_asked_is_asked() {
        let plain = request(json!({}));

        assert_eq!(next(&plain, known(None, None)), Step::SignIn);
        assert_eq!(next(&plain, known(Some(500), None)), Step::Consent);
        assert_eq!(next(&plain, known(Some(500), Some("openid"))), Step::Consent);
        assert_eq!(next(&plain, known(Some(500), Some("openid circles:join content:post"))), Step::Accept);
    }

    #[test]
    fn without_a_page_the_app_is_told_what_is_missing() {
        let none = prompt(true, false, false);

        assert_eq!(next(&none, known(None, None)), Step::Deny(Denial::LoginRequired));
        assert_eq!(next(&none, known(Some(500), Some("openid"))), Step::Deny(Denial::ConsentRequired));
        assert_eq!(next(&none, known(Some(500), Some("openid circles:join"))), Step::Accept);
    }

    #[test]
    fn signing_in_again_is_wanted_once_and_consent_every_time() {
        let all = Some("openid circles:join");

        assert_eq!(next(&prompt(false, true, false), known(Some(999), all)), Step::SignIn);
        assert_eq!(next(&prompt(false, true, false), known(Some(1_000), all)), Step::Accept);
        assert_eq!(next(&prompt(false, false, true), known(Some(999), all)), Step::Consent);
    }

    #[test]
    fn a_sign_in_may_be_as_old_as_the_app_says() {
        let aged = |seconds| request(json!({ "max_age": seconds }));
        let all = Some("openid circles:join");

        assert_eq!(next(&aged(110), known(Some(900), all)), Step::Accept);
        assert_eq!(next(&aged(109), known(Some(900), all)), Step::SignIn);
        assert_eq!(next(&aged(0), known(Some(1_005), all)), Step::Accept);
        let none = request(json!({ "max_age": 1, "prompt": { "none": true, "login": false, "consent": false } }));
        assert_eq!(next(&none, known(Some(900), all)), Step::Deny(Denial::LoginRequired));
    }

    #[test]
    fn who_refused_everything_that_is_asked_is_asked_again() {
        let mut known = known(Some(500), None);
        known.granted = Some(("openid circles:join".parse().unwrap(), FanScopes::default()));

        assert_eq!(next(&request(json!({})), known), Step::Consent);
    }
}
