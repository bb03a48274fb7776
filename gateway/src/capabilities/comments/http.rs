//! The endpoints of comments: extract, one use-case, reply.

use quanzi_openapi::comments::{
    Comment, CommentAsFan, CreateComment, DeleteComment, DeleteCommentAsFan, GetComment, ListComments,
    ListCommentsAsFan,
};
use quanzi_openapi::{Nothing, Page};

use super::service::{self, ActingAs};
use crate::edge::{Call, FanCaller, Routes};
use crate::platform::fault::Fault;

/// The routes of comments.
pub fn routes(routes: Routes) -> Routes {
    routes
        .mount::<CreateComment, _>(create)
        .mount::<ListComments, _>(list)
        .mount::<GetComment, _>(get)
        .mount::<DeleteComment, _>(delete)
        .mount::<CommentAsFan, _>(create_as_fan)
        .mount::<ListCommentsAsFan, _>(list_as_fan)
        .mount::<DeleteCommentAsFan, _>(delete_as_fan)
}

async fn create(call: &mut Call<CreateComment>) -> Result<Comment, Fault> {
    let voice = call.body.author.map_or(ActingAs::Partner, ActingAs::Member);
    let said = (call.body.text.clone(), call.body.reply_to);
    let (partner, post) = (call.caller.partner, call.params.post);
    service::create(&mut call.tx, &call.edge.clock, partner, call.now, post, voice, said).await
}

async fn list(call: &mut Call<ListComments>) -> Result<Page<Comment>, Fault> {
    service::page(&mut call.tx, call.caller.partner, call.now, call.params.post, &call.query).await
}

async fn get(call: &mut Call<GetComment>) -> Result<Comment, Fault> {
    service::find(&mut call.tx, call.caller.partner, call.now, call.params.comment).await
}

async fn delete(call: &mut Call<DeleteComment>) -> Result<Nothing, Fault> {
    service::delete(&mut call.tx, call.caller.partner, call.now, call.params.comment).await?;
    Ok(Nothing {})
}

async fn create_as_fan(call: &mut Call<CommentAsFan, FanCaller>) -> Result<Comment, Fault> {
    let voice = ActingAs::Fan(call.caller.fan);
    let said = (call.body.text.clone(), call.body.reply_to);
    let (partner, post) = (call.caller.partner, call.params.post);
    service::create(&mut call.tx, &call.edge.clock, partner, call.now, post, voice, said).await
}

async fn list_as_fan(call: &mut Call<ListCommentsAsFan, FanCaller>) -> Result<Page<Comment>, Fault> {
    let (partner, fan) = (call.caller.partner, call.caller.fan);
    service::page_as_fan(&mut call.tx, partner, call.now, fan, call.params.post, &call.query).await
}

async fn delete_as_fan(call: &mut Call<DeleteCommentAsFan, FanCaller>) -> Result<Nothing, Fault> {
    let (partner, fan) = (call.caller.partner, call.caller.fan);
    service::delete_as_fan(&mut call.tx, partner, call.now, fan, call.params.comment).await?;
    Ok(Nothing {})
}
