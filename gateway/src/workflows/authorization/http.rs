//! Handlers of the authorization server.

use quanzi_openapi::Nothing;
use quanzi_openapi::authorization::{GetUserinfo, PostUserinfo, PushAuthorizationRequest, PushedReply, Userinfo};
use quanzi_openapi::oauth::{
    GetJwks, GetOpenidConfiguration, GetResourceMetadata, GetServerMetadata, GetToken, IntrospectToken, Introspection,
    JwkSet, ResourceMetadata, RevokeToken, ServerMetadata, TokenReply,
};
use quanzi_openapi::scope::Scope;

use crate::edge::Routes;
use crate::edge::{Anyone, Call, Edge, FanCaller};
use crate::platform::fault::Fault;

use super::service;
use crate::access::oauth::{authorization, service as tokens};

/// The capability's routes.
pub fn routes(routes: Routes) -> Routes {
    routes
        .mount_fixed::<GetServerMetadata>(server_metadata)
        .mount_fixed::<GetOpenidConfiguration>(server_metadata)
        .mount_fixed::<GetResourceMetadata>(resource_metadata)
        .mount_fixed::<GetJwks>(jwks)
        .mount_client::<PushAuthorizationRequest>(push)
        .mount_client::<GetToken>(token)
        .mount_fan::<GetUserinfo>(userinfo)
        .mount_fan::<PostUserinfo>(post_userinfo)
        .mount_client::<IntrospectToken>(introspect)
        .mount_client::<RevokeToken>(revoke)
}

fn server_metadata(edge: &Edge) -> ServerMetadata {
    ServerMetadata::new(&edge.config.public_url, &scopes(edge))
}

fn resource_metadata(edge: &Edge) -> ResourceMetadata {
    ResourceMetadata::new(&edge.config.public_url, &scopes(edge))
}

fn scopes(edge: &Edge) -> Vec<Scope> {
    let all = Scope::ALL.into_iter();
    all.filter(|scope| *scope != Scope::Sandbox || edge.config.mode.is_sandbox()).collect()
}

fn jwks(edge: &Edge) -> JwkSet {
    JwkSet { keys: edge.keyring.keys().published().iter().cloned().map(Into::into).collect() }
}

async fn push(call: &mut Call<PushAuthorizationRequest, Anyone>) -> Result<PushedReply, Fault> {
    authorization::push(&call.edge, &call.request, &call.body.0, call.now).await
}

async fn userinfo(call: &mut Call<GetUserinfo, FanCaller>) -> Result<Userinfo, Fault> {
    service::userinfo(&mut call.tx, &call.caller).await
}

async fn post_userinfo(call: &mut Call<PostUserinfo, FanCaller>) -> Result<Userinfo, Fault> {
    service::userinfo(&mut call.tx, &call.caller).await
}

async fn token(call: &mut Call<GetToken, Anyone>) -> Result<TokenReply, Fault> {
    service::token(&call.edge, &call.request, &call.body.0, call.now).await
}

async fn introspect(call: &mut Call<IntrospectToken, Anyone>) -> Result<Introspection, Fault> {
    tokens::introspect(&call.edge, &call.request, &call.body.0, call.now).await
}

async fn revoke(call: &mut Call<RevokeToken, Anyone>) -> Result<Nothing, Fault> {
    let (reply, revoked) = tokens::revoke(&call.edge, &call.request, &call.body.0, call.now).await?;
    call.access_changed |= revoked;
    Ok(reply)
}
