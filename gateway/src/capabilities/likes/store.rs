//! All SQL of likes.

use quanzi_openapi::Time;
use quanzi_openapi::id::{FanId, PartnerId, PostId};

use super::model::LikeTarget;
use crate::platform::db::{Fault, Reader, Sql, Tx};
use crate::sql;

// Of two at once the second waits for the first, and then finds it done.
const ADD_TO_POST: Sql = sql!(
    "insert into post_like (partner_id, post_id, fan_id, created_at) values ($1, $2, $3, $4) \
     on conflict (partner_id, post_id, fan_id) do nothing"
);
const ADD_TO_COMMENT: Sql = sql!(
    "insert into comment_like (partner_id, comment_id, fan_id, created_at) values ($1, $2, $3, $4) \
     on conflict (partner_id, comment_id, fan_id) do nothing"
);
const REMOVE_FROM_POST: Sql = sql!("delete from post_like where partner_id = $1 and post_id = $2 and fan_id = $3");
const REMOVE_FROM_COMMENT: Sql =
    sql!("delete from comment_like where partner_id = $1 and comment_id = $2 and fan_id = $3");
const LIKES_POST: Sql = sql!("select fan_id from post_like where partner_id = $1 and post_id = $2 and fan_id = $3");

/// Notes since when a fan likes a thing, or that it does not; whether that was a change.
pub async fn set(
    tx: &mut Tx,
    partner: PartnerId,
    fan: FanId,
    thing: LikeTarget,
    since: Option<Time>,
) -> Result<bool, Fault> {
    let (add, remove, thing) = match thing {
        LikeTarget::Post(post) => (ADD_TO_POST, REMOVE_FROM_POST, post.to_string()),
        LikeTarget::Comment(comment) => (ADD_TO_COMMENT, REMOVE_FROM_COMMENT, comment.to_string()),
    };
    let rows = match since {
        Some(since) => tx.query(add).bind(partner).bind(thing).bind(fan).bind(since).run().await?,
        None => tx.query(remove).bind(partner).bind(thing).bind(fan).run().await?,
    };
    Ok(rows == 1)
}

/// Whether a fan likes a post.
pub async fn likes_post(tx: &mut Reader, partner: PartnerId, fan: FanId, post: PostId) -> Result<bool, Fault> {
    let row: Option<(String,)> = tx.query(LIKES_POST).bind(partner).bind(post).bind(fan).optional().await?;
    Ok(row.is_some())
}
