//! Use-cases of the authorization server that concern fans.

use quanzi_openapi::authorization::Userinfo;
use quanzi_openapi::oauth::{TokenReply, TokenRequest};
use quanzi_openapi::scope::FanScope;
use quanzi_openapi::{ErrorCode, Time};

use super::exchange;
use crate::access::oauth::model::sent;
use crate::access::oauth::{client, service};
use crate::access::{Access, RequestInfo};
use crate::capabilities::fans;
use crate::edge::FanCaller;
use crate::platform::db::Reader;
use crate::platform::fault::Fault;

/// Issues tokens: for the app itself, for a code, for a refresh token.
pub async fn token(
    access: &Access,
    request: &RequestInfo,
    form: &TokenRequest,
    now: Time,
) -> Result<TokenReply, Fault> {
    let client = client::authenticate(access, request, form.into(), now).await?;
    let grant_type = sent(form.grant_type.as_ref());
    if grant_type.is_some() && sent(form.resource.as_ref()).is_some_and(|resource| resource != access.config.public_url)
    {
        return Err(ErrorCode::InvalidTarget.into());
    }
    match grant_type {
        Some("client_credentials") => service::own_token(access, request, form, client, now).await,
        Some("authorization_code") => exchange::code(access, request, form, client, now).await,
        Some("refresh_token") => exchange::refresh(access, request, form, client, now).await,
        Some(_) => Err(ErrorCode::UnsupportedGrantType.into()),
        None => Err(Fault::new(ErrorCode::InvalidRequest)
            .detail("grant_type is missing; use client_credentials, authorization_code or refresh_token.")),
    }
}

/// What the fan shares with the app.
pub async fn userinfo(tx: &mut Reader, caller: &FanCaller) -> Result<Userinfo, Fault> {
    let nickname = if caller.scopes.contains(FanScope::ProfileNickname) {
        fans::service::nickname(tx, caller.person).await?
    } else {
        None
    };
    Ok(Userinfo { sub: caller.fan, nickname })
}
