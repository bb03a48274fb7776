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
        .mount::<GetServerMetadata, _>(async |call: &mut Call<GetServerMetadata, Anyone>| {
            Ok(server_metadata(&call.edge))
        })
        .mount::<GetOpenidConfiguration, _>(async |call: &mut Call<GetOpenidConfiguration, Anyone>| {
            Ok(server_metadata(&call.edge))
        })
        .mount::<GetResourceMetadata, _>(async |call: &mut Call<GetResourceMetadata, Anyone>| {
            Ok(resource_metadata(&call.edge))
        })
        .mount::<GetJwks, _>(async |call: &mut Call<GetJwks, Anyone>| Ok(jwks(&call.edge)))
        .mount::<PushAuthorizationRequest, _>(push)
        .mount::<GetToken, _>(token)
        .mount::<GetUserinfo, _>(userinfo)
        .mount::<PostUserinfo, _>(post_userinfo)
        .mount::<IntrospectToken, _>(introspect)
        .mount::<RevokeToken, _>(revoke)
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
