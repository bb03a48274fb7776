//! What everybody may read.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Path;
use quanzi::authorize::CsrfToken;
use quanzi::circles::CircleText;
use quanzi::comments::CommentsQuery;
use quanzi::content::{PostStatus, PostsQuery};
use quanzi::id::PostId;
use quanzi::mandates::MandateStatus;
use quanzi::me::{MyMandatesQuery, MyMembershipsQuery};
use quanzi::memberships::MembershipStatus;
use quanzi::{Error, Limit};

use crate::pages::{CommentView, Home, PostPage, PostView, Standing, day, money};
use crate::visit::{Refusal, Visit};

type Answer = Result<HttpResponse, Refusal>;

pub async fn home(visit: Visit) -> Answer {
    let house = &visit.site.house;
    let circle = house.client.circles().get(house.circle()).await?;
    let standing = match standing(&visit).await {
        Ok(standing) => standing,
        Err(error) => return visit.failed("/", error),
    };
    let page = Home {
        frame: visit.frame(),
        name: circle.name.to_string(),
        description: circle.description.as_ref().map(CircleText::to_string).unwrap_or_default(),
        operator: circle.operator.legal_name.to_string(),
        standing,
        posts: posts(&visit).await?,
    };
    visit.show(&page)
}

/// What is published, pinned posts first.
pub async fn posts(visit: &Visit) -> Result<Vec<PostView>, Error> {
    let house = &visit.site.house;
    let mut query = PostsQuery::default();
    (query.status, query.limit) = (Some(PostStatus::Published), Some(Limit::new(20)));
    let mut posts = house.client.posts().list(house.circle(), query).await?.data;
    posts.sort_by_key(|post| !post.pinned);
    Ok(posts.iter().enumerate().map(|(place, post)| PostView::of(place, post)).collect())
}

pub async fn post(visit: Visit, post: Path<PostId>) -> Answer {
    let (house, id) = (&visit.site.house, post.into_inner());
    let post = house.client.posts().get(id).await?;
    if post.circle != house.circle() || post.status != PostStatus::Published {
        return Err(Refusal::Lost);
    }
    let comments = house.client.comments().list(id, CommentsQuery::default()).await?.data;
    let tips = house.client.tips().of_post(id).await?.data;
    let standing = match standing(&visit).await {
        Ok(standing) => standing,
        Err(error) => return visit.failed("/", error),
    };
    let liked = match &visit.session.fan {
        Some(fan) => fan.client.me().post_likes(id).await.is_ok_and(|likes| likes.liked),
        None => false,
    };
    let page = PostPage {
        frame: visit.frame(),
        post: PostView::of(0, &post),
        standing,
        liked,
        comments: comments.iter().map(CommentView::from).collect(),
        tips: tips.iter().map(|total| money(total.amount)).collect::<Vec<_>>().join(", "),
        once: CsrfToken::new_random().secret().clone(),
    };
    visit.show(&page)
}

/// Where the visitor stands in the circle.
async fn standing(visit: &Visit) -> Result<Standing, Error> {
    let (house, Some(fan)) = (&visit.site.house, &visit.session.fan) else { return Ok(Standing::default()) };
    let memberships = fan.client.me().memberships(MyMembershipsQuery::default()).await?.data;
    let Some(membership) = memberships.into_iter().find(|membership| membership.circle == house.circle()) else {
        return Ok(Standing::default());
    };
    // A fan need not have agreed to be asked for an allowance.
    let mandates = fan.client.me().mandates(MyMandatesQuery::default()).await.map(|page| page.data).unwrap_or_default();
    let allowance = mandates.iter().find(|mandate| mandate.status == MandateStatus::Active);
    Ok(Standing {
        is_member: membership.status == MembershipStatus::Active,
        waits: membership.status == MembershipStatus::Pending,
        membership: membership.id.to_string(),
        role: membership.role.to_string(),
        since: day(membership.joined_at.unwrap_or(membership.created_at)),
        allowance: allowance.map(|mandate| (money(mandate.per_payment), money(mandate.per_day))),
    })
}

pub async fn lost(visit: Visit) -> Answer {
    visit.message(StatusCode::NOT_FOUND, "Not here", "This page does not exist.")
}
