//! The claims of a client assertion, `private_key_jwt` (RFC 7523, FAPI 2.0 section 5.3.2.1).
//!
//! Invariant: `aud` is accepted only as a JSON string equal to the issuer. RFC 9126 would allow the endpoint URL too;
//! FAPI 2.0 and the update of RFC 7523 forbid it, because such an assertion can be replayed at another server.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{CLOCK_SKEW_SECONDS, numeric_date};

/// An assertion may live this long, in seconds, so that the memory of used `jti` stays bounded. Common libraries default to one hour.
pub const ASSERTION_LIFE_SECONDS_MAX: i64 = 3_600;
const JTI_BYTES_MAX: usize = 256;

/// The claims of a client assertion. Unknown ones are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClientAssertion {
    /// The client id.
    pub iss: String,
    /// The client id, once more.
    pub sub: String,
    /// The issuer of the authorization server, as a string. Kept raw so that an array can be told from a string.
    pub aud: Value,
    /// Expiry, unix seconds.
    #[serde(deserialize_with = "numeric_date::required")]
    pub exp: i64,
    /// Unique id; the caller refuses one seen before.
    pub jti: String,
    /// Issued at, unix seconds.
    #[serde(default, deserialize_with = "numeric_date::optional", skip_serializing_if = "Option::is_none")]
    pub iat: Option<i64>,
    /// Not before, unix seconds.
    #[serde(default, deserialize_with = "numeric_date::optional", skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
}

/// Why an assertion was refused. For the log and the sandbox: the wire says `invalid_client` for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AssertionError {
    /// `iss` or `sub` is not the client id.
    #[error("iss and sub must both be the client id")]
    Client,
    /// `aud` is not the issuer as a string.
    #[error("aud must be the issuer as a JSON string: not an array, not an endpoint URL")]
    Audience,
    /// `exp` has passed.
    #[error("the assertion has expired: make a new one for every request")]
    Expired,
    /// `exp` is too far away.
    #[error("exp is more than {ASSERTION_LIFE_SECONDS_MAX} s away: use a minute")]
    LifeTooLong,
    /// `iat` or `nbf` lies ahead of our clock.
    #[error("iat or nbf is more than {CLOCK_SKEW_SECONDS} s ahead of the server: correct the clock")]
    NotYet,
    /// `jti` is empty or too long.
    #[error("jti must have 1 to {JTI_BYTES_MAX} bytes")]
    Jti,
}

impl ClientAssertion {
    /// The claims a client sends: `iat` is `now`, `exp` is `now + life_seconds`, all in unix seconds.
    pub fn new(client_id: &str, issuer: &str, jti: &str, now: i64, life_seconds: i64) -> Self {
        Self {
            iss: client_id.to_owned(),
            sub: client_id.to_owned(),
            aud: Value::String(issuer.to_owned()),
            exp: now.saturating_add(life_seconds),
            jti: jti.to_owned(),
            iat: Some(now),
            nbf: None,
        }
    }

    /// Check everything but the signature and whether `jti` was seen. `now` in unix seconds.
    ///
    /// # Errors
    /// The first [`AssertionError`] met.
    pub fn check(&self, client_id: &str, issuer: &str, now: i64) -> Result<(), AssertionError> {
        if self.iss != client_id || self.sub != client_id {
            return Err(AssertionError::Client);
        }
        if self.aud.as_str() != Some(issuer) {
            return Err(AssertionError::Audience);
        }
        if self.exp <= now {
            return Err(AssertionError::Expired);
        }
        if self.exp.saturating_sub(now) > ASSERTION_LIFE_SECONDS_MAX + CLOCK_SKEW_SECONDS {
            return Err(AssertionError::LifeTooLong);
        }
        let latest = now.saturating_add(CLOCK_SKEW_SECONDS);
        if self.iat.is_some_and(|iat| iat > latest) || self.nbf.is_some_and(|nbf| nbf > latest) {
            return Err(AssertionError::NotYet);
        }
        if self.jti.is_empty() || self.jti.len() > JTI_BYTES_MAX {
            return Err(AssertionError::Jti);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_800_000_000;
    const ISSUER: &str = "https://quanzi.example";

    fn check(change: impl FnOnce(&mut ClientAssertion)) -> Result<(), AssertionError> {
        let mut claims = ClientAssertion::new("app_1", ISSUER, "j", NOW, 60);
        change(&mut claims);
        claims.check("app_1", ISSUER, NOW)
    }

    #[test]
    fn the_audience_is_the_issuer_and_a_string() {
        assert_eq!(check(|_| ()), Ok(()));
        for aud in [json!([ISSUER]), json!(format!("{ISSUER}/token")), json!(format!("{ISSUER}/")), json!(null)] {
            assert_eq!(check(|claims| claims.aud = aud), Err(AssertionError::Audience));
        }
    }

    #[test]
    fn time_has_the_tolerance_of_the_profile() {
        assert_eq!(check(|claims| claims.iat = Some(NOW + 10)), Ok(()));
        assert_eq!(check(|claims| claims.nbf = Some(NOW + 10)), Ok(()));
        assert_eq!(check(|claims| claims.iat = Some(NOW + 61)), Err(AssertionError::NotYet));
        assert_eq!(check(|claims| claims.nbf = Some(NOW + 61)), Err(AssertionError::NotYet));
        assert_eq!(check(|claims| claims.exp = NOW), Err(AssertionError::Expired));
        assert_eq!(check(|claims| claims.exp = NOW + 3_600), Ok(()));
        assert_eq!(check(|claims| claims.exp = NOW + 86_400), Err(AssertionError::LifeTooLong));
    }

    #[test]
    fn each_bound_is_inside() {
        let life_max = ASSERTION_LIFE_SECONDS_MAX + CLOCK_SKEW_SECONDS;
        let bytes_max = "j".repeat(JTI_BYTES_MAX);

        assert_eq!(check(|claims| claims.exp = NOW + 1), Ok(()));
        assert_eq!(check(|claims| claims.exp = NOW + life_max), Ok(()));
        assert_eq!(check(|claims| claims.exp = NOW + life_max + 1), Err(AssertionError::LifeTooLong));
        assert_eq!(check(|claims| claims.iat = Some(NOW + CLOCK_SKEW_SECONDS)), Ok(()));
        assert_eq!(check(|claims| claims.iat = Some(NOW + CLOCK_SKEW_SECONDS + 1)), Err(AssertionError::NotYet));
        assert_eq!(check(|claims| claims.nbf = Some(NOW + CLOCK_SKEW_SECONDS)), Ok(()));
        assert_eq!(check(|claims| claims.nbf = Some(NOW + CLOCK_SKEW_SECONDS + 1)), Err(AssertionError::NotYet));
        assert_eq!(check(|claims| claims.jti.clone_from(&bytes_max)), Ok(()));
        assert_eq!(check(|claims| claims.jti = format!("{bytes_max}j")), Err(AssertionError::Jti));
    }

    #[test]
    fn the_client_must_be_named_twice_and_the_id_be_there() {
        assert_eq!(check(|claims| claims.sub = "app_2".to_owned()), Err(AssertionError::Client));
        assert_eq!(check(|claims| claims.iss = "app_2".to_owned()), Err(AssertionError::Client));
        assert_eq!(check(|claims| claims.jti.clear()), Err(AssertionError::Jti));
        for missing in ["iss", "sub", "aud", "exp", "jti"] {
            let mut claims = serde_json::to_value(ClientAssertion::new("a", ISSUER, "j", NOW, 60)).unwrap();
            claims.as_object_mut().unwrap().remove(missing);

            // A missing aud reads as null and fails the check; the others do not even read.
            let read = serde_json::from_value::<ClientAssertion>(claims);
            assert!(read.is_err_and(|_| true) || missing == "aud", "{missing}");
        }
    }

    #[test]
    fn dates_may_have_a_fraction_but_must_be_dates() {
        let read = |exp: Value| {
            serde_json::from_value::<ClientAssertion>(
                json!({"iss": "a", "sub": "a", "aud": ISSUER, "jti": "j", "exp": exp}),
            )
            .map(|claims| claims.exp)
        };

        assert_eq!(read(json!(5.9)).unwrap(), 5);
        for wrong in [json!("5"), json!(1e300), json!(i64::MAX), json!(null)] {
            assert!(read(wrong).is_err());
        }
    }
}
