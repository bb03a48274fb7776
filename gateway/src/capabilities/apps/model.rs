//! Rules of apps, pure.

use quanzi_openapi::ErrorCode;
use quanzi_openapi::apps::{ALLOWED_ADDRESSES_MAX, App, AppChange, AppStatus, KEYS_MAX, KeyInput, REDIRECT_URIS_MAX};
use quanzi_openapi::jose::{Jwk, PublicKey};
use quanzi_openapi::open::Open;
use quanzi_openapi::scope::{Scope, Scopes};
use quanzi_openapi::signature::Algorithm;

use crate::edge::Caller;
use crate::platform::fault::Fault;

use super::key_format::{self, KeyRefused};

/// A key that may be registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NewKey {
    pub kid: String,
    pub algorithm: Algorithm,
    pub jwk: Jwk,
}

/// The keys of a new app; the pointer of a refusal names the entry.
pub(super) fn read_keys(inputs: &[KeyInput], pointer: &str) -> Result<Vec<NewKey>, Fault> {
    if inputs.is_empty() || inputs.len() > KEYS_MAX {
        return Err(Fault::field(pointer, format!("expected 1 to {KEYS_MAX} keys")));
    }
    inputs.iter().enumerate().map(|(place, input)| read_key(input, None, &format!("{pointer}/{place}"))).collect()
}

/// One key, for this algorithm or for the one that is usual for its type.
pub(super) fn read_key(input: &KeyInput, algorithm: Option<Algorithm>, pointer: &str) -> Result<NewKey, Fault> {
    let public = key_format::read(input)
        .map_err(|KeyRefused { code, detail }| Fault::new(code).pointer(pointer).detail(detail))?;
    let algorithm = match algorithm {
        Some(algorithm) if key_format::algorithm_fits(algorithm, &public) => algorithm,
        Some(_) => {
            return Err(Fault::field(
                "/algorithm",
                "expected an algorithm that this type of key supports; omit it to use the default",
            ));
        }
        None => key_format::default_algorithm(&public).ok_or(ErrorCode::KeyTypeUnsupported)?,
    };
    let kid = public.thumbprint();
    Ok(NewKey { jwk: jwk(public, &kid), kid, algorithm })
}

fn jwk(public: PublicKey, kid: &str) -> Jwk {
    let mut jwk = Jwk::new(public);
    jwk.kid = Some(kid.to_owned());
    jwk.usage = Some("sig".to_owned());
    jwk
}

/// Whether an app that has only such a key can still get a token: client assertions are never RSA PKCS#1 v1.5.
pub(super) fn can_authenticate(algorithm: Algorithm) -> bool {
    algorithm != Algorithm::RsaV15Sha256
}

/// Scopes of a new app: those asked for, or all that its maker may give.
pub(super) fn scopes(asked: Option<&[Scope]>, grants: Scopes, sandbox: bool, pointer: &str) -> Result<Scopes, Fault> {
    let Some(asked) = asked else { return Ok(here(sandbox).iter().filter(|scope| grants.contains(*scope)).collect()) };
    let scopes = existing(asked, sandbox, pointer)?;
    let wanted: Vec<Open<Scope>> = asked.iter().map(|scope| (*scope).into()).collect();
    check_grant(&wanted, &[], grants, Some(pointer))?;
    Ok(scopes)
}

/// Refuses scopes that the caller does not have: no app can give itself, or another app, more than it has. Those the
/// app had before are nobody's gift. A scope of a newer gateway is one that nobody is known to have.
pub(super) fn check_grant(
    wanted: &[Open<Scope>],
    had: &[Open<Scope>],
    grants: Scopes,
    pointer: Option<&str>,
) -> Result<(), Fault> {
    let lacks = |scope: &Open<Scope>| !scope.known().is_some_and(|scope| grants.contains(*scope));
    let Some(place) = wanted.iter().position(|scope| lacks(scope) && !had.contains(scope)) else { return Ok(()) };
    let named = wanted.get(place).map(ToString::to_string).unwrap_or_default();
    let refused = Fault::new(ErrorCode::ScopeExceeded).detail(format!("Your token does not have the scope `{named}`."));
    Err(match pointer {
        Some(pointer) => refused.pointer(format!("{pointer}/{place}")),
        None => refused,
    })
}

/// Every scope of this gateway; `sandbox` exists in the sandbox only.
fn here(sandbox: bool) -> Scopes {
    if sandbox { Scopes::all() } else { Scopes::all().without(Scope::Sandbox) }
}

fn existing(asked: &[Scope], sandbox: bool, pointer: &str) -> Result<Scopes, Fault> {
    let all = here(sandbox);
    match asked.iter().position(|scope| !all.contains(*scope)) {
        Some(place) => Err(Fault::field(
            format!("{pointer}/{place}"),
            "expected a scope of this gateway; `sandbox` exists in sandbox mode only",
        )),
        None => Ok(asked.iter().copied().collect()),
    }
}

/// Refuses lists that are too long.
pub(super) fn check_lists(uris: usize, addresses: usize, pointer: &str) -> Result<(), Fault> {
    if uris > REDIRECT_URIS_MAX {
        return Err(Fault::field(
            format!("{pointer}/redirect_uris"),
            format!("expected at most {REDIRECT_URIS_MAX} entries"),
        ));
    }
    if addresses > ALLOWED_ADDRESSES_MAX {
        return Err(Fault::field(
            format!("{pointer}/allowed_addresses"),
            format!("expected at most {ALLOWED_ADDRESSES_MAX} entries"),
        ));
    }
    Ok(())
}

/// The app after the change. The caller counts the version and sets the time.
pub(super) fn change(mut app: App, change: AppChange, caller: &Caller, sandbox: bool) -> Result<App, Fault> {
    if change.status == Some(AppStatus::Suspended) && caller.app == app.id {
        return Err(Fault::field("/status", "an app cannot suspend itself: use another of your apps"));
    }
    check_lists(
        change.redirect_uris.as_ref().map_or(0, Vec::len),
        change.allowed_addresses.as_ref().map_or(0, Vec::len),
        "",
    )?;
    if let Some(name) = change.name {
        app.name = name;
    }
    if let Some(status) = change.status {
        app.status = status.into();
    }
    if let Some(asked) = &change.scopes {
        let scopes = existing(asked, sandbox, "/scopes")?;
        let wanted: Vec<Open<Scope>> = asked.iter().map(|scope| (*scope).into()).collect();
        check_grant(&wanted, &app.scopes, caller.scopes, Some("/scopes"))?;
        app.scopes = scopes.iter().map(Into::into).collect();
    }
    if let Some(uris) = change.redirect_uris {
        app.redirect_uris = uris;
    }
    if let Some(addresses) = change.allowed_addresses {
        app.allowed_addresses = addresses;
    }
    Ok(app)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sandbox_scope_exists_in_the_sandbox_only() {
        let scopes = |asked, sandbox| scopes(asked, Scopes::all(), sandbox, "/scopes");

        assert!(scopes(None, true).unwrap().contains(Scope::Sandbox));
        assert!(!scopes(None, false).unwrap().contains(Scope::Sandbox));
        assert!(scopes(Some(&[Scope::CirclesRead, Scope::Sandbox]), false).is_err());
        assert!(scopes(Some(&[]), false).unwrap().is_empty());
    }
}
