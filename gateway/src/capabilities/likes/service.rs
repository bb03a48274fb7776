//! Use-cases of likes.

use quanzi_openapi::Time;
use quanzi_openapi::id::{CircleId, FanId, PartnerId, PostId};
use quanzi_openapi::likes::Likes;

pub use super::model::LikeTarget;
use super::store;
use crate::capabilities::circles;
use crate::capabilities::comments;
use crate::capabilities::content;
use crate::capabilities::rights;
use crate::platform::db::{Reader, Tx};
use crate::platform::fault::Fault;

/// Likes or unlikes a post or comment. Repeating it changes nothing.
pub async fn set(
    tx: &mut Tx,
    partner: PartnerId,
    now: Time,
    fan: FanId,
    thing: LikeTarget,
    liked: bool,
) -> Result<Likes, Fault> {
    let circle = circle_of(tx, partner, now, thing).await?;
    if liked {
        let policy = circles::service::lock_policy_shared(tx, partner, circle).await?;
        policy.must_be_open()?;
        rights::service::may_like(tx, partner, (circle, &policy), fan).await?;
    } else {
        // The answer says how many like it, so it is for who may read it.
        rights::service::may_read(tx, partner, circle, fan).await?;
    }
    let changed = store::set(tx, partner, fan, thing, liked.then_some(now)).await?;
    let by = match (changed, liked) {
        (false, _) => 0,
        (true, true) => 1,
        (true, false) => -1,
    };
    let likes = match thing {
        LikeTarget::Post(post) => content::service::count_like(tx, partner, post, by).await?,
        LikeTarget::Comment(comment) => comments::service::count_like(tx, partner, comment, by).await?,
    };
    Ok(Likes { likes, liked })
}

/// How a post is liked, for a fan who may read it.
pub async fn of_post(tx: &mut Reader, partner: PartnerId, now: Time, fan: FanId, post: PostId) -> Result<Likes, Fault> {
    let likes = content::service::find_as_fan(tx, partner, now, fan, post).await?.likes;
    Ok(Likes { likes, liked: store::likes_post(tx, partner, fan, post).await? })
}

async fn circle_of(tx: &mut Tx, partner: PartnerId, now: Time, thing: LikeTarget) -> Result<CircleId, Fault> {
    match thing {
        LikeTarget::Post(post) => Ok(content::service::find_published(tx, partner, now, post).await?.circle),
        LikeTarget::Comment(comment) => Ok(comments::service::find(tx, partner, now, comment).await?.circle),
    }
}
