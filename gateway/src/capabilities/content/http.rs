//! The endpoints of posts: extract, one use-case, reply.

use quanzi_openapi::content::{ChangePost, CreatePost, DeletePost, GetPost, ListPosts, PinPost, Post, UnpinPost};
use quanzi_openapi::{Nothing, Page};

use super::service;
use crate::edge::Call;
use crate::edge::Routes;
use crate::platform::fault::Fault;

/// The routes of posts.
pub fn routes(routes: Routes) -> Routes {
    routes
        .mount::<CreatePost, _>(create)
        .mount::<ListPosts, _>(list)
        .mount::<GetPost, _>(get)
        .mount::<ChangePost, _>(change)
        .mount::<DeletePost, _>(delete)
        .mount::<PinPost, _>(pin)
        .mount::<UnpinPost, _>(unpin)
}

async fn create(call: &mut Call<CreatePost>) -> Result<Post, Fault> {
    let (partner, circle) = (call.caller.partner, call.params.circle);
    service::create(&mut call.tx, &call.edge.clock, partner, call.now, circle, &call.body).await
}

async fn list(call: &mut Call<ListPosts>) -> Result<Page<Post>, Fault> {
    service::page(&mut call.tx, call.caller.partner, call.now, call.params.circle, &call.query).await
}

async fn get(call: &mut Call<GetPost>) -> Result<Post, Fault> {
    service::find(&mut call.tx, call.caller.partner, call.now, call.params.post).await
}

async fn change(call: &mut Call<ChangePost>) -> Result<Post, Fault> {
    let locked = service::lock(&mut call.tx, call.caller.partner, call.params.post).await?;
    call.check_version(locked.version())?;
    service::change(&mut call.tx, &call.edge.clock, call.caller.partner, call.now, locked, &call.body).await
}

async fn delete(call: &mut Call<DeletePost>) -> Result<Nothing, Fault> {
    service::delete(&mut call.tx, call.caller.partner, call.now, call.params.post).await?;
    Ok(Nothing {})
}

async fn pin(call: &mut Call<PinPost>) -> Result<Post, Fault> {
    service::pin(&mut call.tx, call.caller.partner, call.now, call.params.post).await
}

async fn unpin(call: &mut Call<UnpinPost>) -> Result<Post, Fault> {
    service::unpin(&mut call.tx, call.caller.partner, call.now, call.params.post).await
}
