//! The endpoints of likes: extract, one use-case, reply.

use quanzi_openapi::Endpoint;
use quanzi_openapi::comments::CommentPath;
use quanzi_openapi::content::PostPath;
use quanzi_openapi::likes::{GetPostLikes, LikeComment, LikePost, Likes, UnlikeComment, UnlikePost};

use super::model::LikeTarget;
use super::service;
use crate::edge::{Call, Effect, FanCaller, Routes};
use crate::platform::db::Tx;
use crate::platform::fault::Fault;

/// The routes of likes.
pub fn routes(routes: Routes) -> Routes {
    routes
        .mount::<LikePost, _>(like_post)
        .mount::<UnlikePost, _>(unlike_post)
        .mount::<GetPostLikes, _>(get)
        .mount::<LikeComment, _>(like_comment)
        .mount::<UnlikeComment, _>(unlike_comment)
}

async fn like_post(call: &mut Call<LikePost, FanCaller>) -> Result<Likes, Fault> {
    of_post(call, true).await
}

async fn unlike_post(call: &mut Call<UnlikePost, FanCaller>) -> Result<Likes, Fault> {
    of_post(call, false).await
}

async fn like_comment(call: &mut Call<LikeComment, FanCaller>) -> Result<Likes, Fault> {
    of_comment(call, true).await
}

async fn unlike_comment(call: &mut Call<UnlikeComment, FanCaller>) -> Result<Likes, Fault> {
    of_comment(call, false).await
}

async fn get(call: &mut Call<GetPostLikes, FanCaller>) -> Result<Likes, Fault> {
    service::of_post(&mut call.tx, call.caller.partner, call.now, call.caller.fan, call.params.post).await
}

async fn of_post<E: Endpoint<Params = PostPath, Verb: Effect<Handle = Tx>>>(
    call: &mut Call<E, FanCaller>,
    liked: bool,
) -> Result<Likes, Fault> {
    let thing = LikeTarget::Post(call.params.post);
    service::set(&mut call.tx, call.caller.partner, call.now, call.caller.fan, thing, liked).await
}

async fn of_comment<E: Endpoint<Params = CommentPath, Verb: Effect<Handle = Tx>>>(
    call: &mut Call<E, FanCaller>,
    liked: bool,
) -> Result<Likes, Fault> {
    let thing = LikeTarget::Comment(call.params.comment);
    service::set(&mut call.tx, call.caller.partner, call.now, call.caller.fan, thing, liked).await
}
