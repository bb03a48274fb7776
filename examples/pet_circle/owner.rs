//! The brand's own room.

use actix_web::HttpResponse;
use actix_web::web::{Bytes, Form, Path};
use futures_util::stream;
use quanzi::content::{NewPost, PostFormat};
use quanzi::id::{MembershipId, PostId};
use quanzi::memberships::{MembershipStatus, MembershipsQuery};
use serde::Deserialize;
use tokio::sync::broadcast::error::RecvError;

use crate::live::Tip;
use crate::pages::{Door, Room, Waiting, day, money};
use crate::readers::posts;
use crate::visit::{Refusal, Visit, see_other, session_cookie};

type Answer = Result<HttpResponse, Refusal>;

const ROOM: &str = "/owner";

pub async fn room(visit: Visit) -> Answer {
    if !visit.session.is_owner {
        return visit.show(&Door { frame: visit.frame() });
    }
    let house = &visit.site.house;
    let members = async |status| {
        let mut query = MembershipsQuery::default();
        query.status = Some(status);
        house.client.memberships().list(house.circle(), query).await.map(|page| page.data)
    };
    let waiting = members(MembershipStatus::Pending).await?;
    let balance = house.client.ledger().balance().await?;
    let who = |fan| visit.site.sessions.nickname(fan).unwrap_or_else(|| "Somebody new".to_owned());
    let page = Room {
        posts: posts(&visit).await?,
        waiting: waiting
            .iter()
            .map(|membership| Waiting {
                membership: membership.id.to_string(),
                who: who(membership.fan),
                day: day(membership.created_at),
            })
            .collect(),
        members: members(MembershipStatus::Active).await?.len(),
        balance: balance.data.iter().map(|balance| money(balance.available)).collect::<Vec<_>>().join(", "),
        tips: visit.site.live.recent(),
        frame: visit.frame(),
    };
    visit.show(&page)
}

#[derive(Deserialize)]
pub struct Password {
    code: String,
    password: String,
}

pub async fn enter(visit: Visit, form: Form<Password>) -> Answer {
    visit.check(&form.code)?;
    if form.password.trim() != visit.site.house.password() {
        return Ok(visit.go(ROOM, "That is not the password. It was printed when the site was started."));
    }
    visit.site.sessions.end(&visit.session.id);
    let session = visit.site.sessions.begin(visit.session.fan.clone(), true);
    let mut response = HttpResponse::SeeOther();
    Ok(response.insert_header(("location", ROOM)).insert_header(session_cookie(&session)).finish())
}

/// Refuses who is not the owner.
fn check(visit: &Visit, code: &str) -> Result<(), Refusal> {
    visit.check(code)?;
    if visit.session.is_owner { Ok(()) } else { Err(Refusal::Lost) }
}

#[derive(Deserialize)]
pub struct Bare {
    code: String,
}

#[derive(Deserialize)]
pub struct Draft {
    code: String,
    title: String,
    body: String,
}

pub async fn publish(visit: Visit, form: Form<Draft>) -> Answer {
    check(&visit, &form.code)?;
    let house = &visit.site.house;
    let mut post = NewPost::new(form.body.replace("\r\n", "\n")).title(form.title.as_str());
    post.format = Some(PostFormat::Plain);
    match house.client.posts().create(house.circle(), post).await {
        Ok(_) => Ok(visit.go(ROOM, "Published.")),
        Err(error) => visit.failed(ROOM, error),
    }
}

pub async fn pin(visit: Visit, path: Path<(PostId, String)>, form: Form<Bare>) -> Answer {
    check(&visit, &form.code)?;
    let ((post, change), posts) = (path.into_inner(), visit.site.house.client.posts());
    let pinned = match change.as_str() {
        "pin" => posts.pin(post).await,
        "unpin" => posts.unpin(post).await,
        _ => return Err(Refusal::Lost),
    };
    match pinned {
        Ok(_) => Ok(see_other(ROOM)),
        Err(error) => visit.failed(ROOM, error),
    }
}

pub async fn decide(visit: Visit, path: Path<(MembershipId, String)>, form: Form<Bare>) -> Answer {
    check(&visit, &form.code)?;
    let ((membership, decision), memberships) = (path.into_inner(), visit.site.house.client.memberships());
    let decided = match decision.as_str() {
        "approve" => memberships.approve(membership).await,
        "reject" => memberships.reject(membership).await,
        _ => return Err(Refusal::Lost),
    };
    match decided {
        Ok(_) => Ok(see_other(ROOM)),
        Err(error) => visit.failed(ROOM, error),
    }
}

/// Tips as they arrive (server-sent events).
pub async fn live(visit: Visit) -> Answer {
    if !visit.session.is_owner {
        return Err(Refusal::Lost);
    }
    let beginning = Some(Bytes::from_static(b": listening\n\n"));
    let state = (visit.site.live.listen(), beginning, visit.site.clone());
    let tips = stream::unfold(state, |(mut tips, beginning, site)| async move {
        if let Some(bytes) = beginning {
            return Some((Ok::<_, actix_web::Error>(bytes), (tips, None, site)));
        }
        loop {
            match tips.recv().await {
                Ok(tip) => {
                    let who = site.sessions.nickname(tip.fan);
                    return Some((Ok(line(&tip, who)), (tips, None, site)));
                }
                // Too many at once: the page shows the last ones when it is loaded again.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    });
    Ok(HttpResponse::Ok()
        .insert_header(("content-type", "text/event-stream"))
        .insert_header(("cache-control", "no-store"))
        .insert_header(("x-accel-buffering", "no"))
        .streaming(Box::pin(tips)))
}

fn line(tip: &Tip, who: Option<String>) -> Bytes {
    let who = who.unwrap_or_else(|| "A fan".to_owned());
    let tip = serde_json::json!({ "amount": tip.amount, "message": tip.message, "time": tip.time, "who": who });
    format!("event: tip\ndata: {tip}\n\n").into()
}
