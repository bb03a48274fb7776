//! What fans do: sign in with Quanzi, join, comment, like, tip.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, SET_COOKIE};
use actix_web::web::{Form, Path};
use actix_web::{HttpRequest, HttpResponse};
use quanzi::authorize::{Denial, FanTokens};
use quanzi::id::{MembershipId, PaymentId, PostId};
use quanzi::mandates::MandateStatus;
use quanzi::me::{MyMandatesQuery, NewFanComment, NewMyMandate, NewMyMembership, NewMyPayment};
use quanzi::memberships::MembershipStatus;
use quanzi::payments::PaymentStatus;
use quanzi::{Currency, Error, ErrorCode, ErrorKind, FanScope, Money};
use serde::Deserialize;

use crate::pages::{TipPage, money};
use crate::sessions::Fan;
use crate::visit::{Refusal, Visit, see_other, session_cookie};

type Answer = Result<HttpResponse, Refusal>;

/// What we ask for; the fan may agree to less.
const SCOPES: [FanScope; 6] = [
    FanScope::OpenId,
    FanScope::ProfileNickname,
    FanScope::CirclesJoin,
    FanScope::ContentComment,
    FanScope::PaymentsTip,
    FanScope::PaymentsMandate,
];
/// A newcomer's play money: this is a sandbox.
const WELCOME_FEN: i64 = 10_000;

const fn fen(amount: i64) -> Money {
    Money::new(amount, Currency::CNY)
}

/// A form without anything but its code.
#[derive(Deserialize)]
pub struct Bare {
    code: String,
}

/// Sends the fan to the gateway.
pub async fn sign_in(visit: Visit) -> Answer {
    Ok(visit.site.sign_in.begin(|fan| fan.scopes(SCOPES)).await?)
}

/// Takes the fan back.
pub async fn signed_in(visit: Visit, request: HttpRequest) -> HttpResponse {
    visit.site.sign_in.finish(&request, async |outcome| welcome(&visit, outcome).await).await
}

async fn welcome(visit: &Visit, outcome: Result<FanTokens, Error>) -> Answer {
    let (site, client) = (&visit.site, &visit.site.house.client);
    let tokens = match outcome {
        Ok(tokens) => tokens,
        Err(error) if error.denial().is_some_and(|denial| *denial == Denial::AccessDenied) => {
            return Ok(visit.go("/", "No problem: read on without signing in."));
        }
        Err(error) if error.kind() == ErrorKind::AuthorizationNotVerified || error.is(ErrorCode::InvalidGrant) => {
            let text = "The sign-in did not match, or took too long. Please sign in again.";
            return visit.message(StatusCode::BAD_REQUEST, "Once more, please", text);
        }
        Err(error) => return Err(error.into()),
    };
    let (id, speaking) = (tokens.fan, client.as_fan(tokens)?);
    let nickname = speaking.me().get().await?.nickname.map(|nickname| nickname.to_string());
    let welcome = client.sandbox().top_up(id, fen(WELCOME_FEN)).idempotency_key(format!("welcome-{id}"));
    let hello = match welcome.await {
        Ok(_) => "You are signed in. We put ¥100.00 of play money into your sandbox wallet.",
        Err(_) => "You are signed in.",
    };
    // A holder of the old session does not get the new one.
    site.sessions.end(&visit.session.id);
    let session = site.sessions.begin(Some(Fan { client: speaking, id, nickname }), visit.session.is_owner);
    site.sessions.tell(&session.id, hello);
    let mut response = see_other("/");
    if let Ok(cookie) = HeaderValue::from_str(&session_cookie(&session).1) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

pub async fn sign_out(visit: Visit, form: Form<Bare>) -> Answer {
    visit.check(&form.code)?;
    visit.site.sessions.sign_out(&visit.session.id);
    Ok(visit.go("/", "See you soon."))
}

#[derive(Deserialize)]
pub struct Join {
    code: String,
    invite: String,
}

/// The gate decides, and says why.
pub async fn join(visit: Visit, form: Form<Join>) -> Answer {
    visit.check(&form.code)?;
    let fan = visit.fan()?;
    let mut new = NewMyMembership::new(visit.site.house.circle());
    if !form.invite.trim().is_empty() {
        new = new.invite_code(form.invite.trim());
    }
    match fan.client.me().join(new).await {
        Ok(membership) if membership.status == MembershipStatus::Active => Ok(visit.go("/", "Welcome to the circle!")),
        Ok(_) => Ok(visit.go("/", "Thank you! We will approve you as soon as we see your request.")),
        Err(error) if error.is(ErrorCode::GateRefused) => Ok(visit.go("/", &explained(&error))),
        Err(error) => visit.failed("/", error),
    }
}

/// The rules that said no, and what a fan can do about each.
fn explained(error: &Error) -> String {
    let rules = error.evaluation().map(|evaluation| evaluation.rules.as_slice()).unwrap_or_default();
    let advice: Vec<&str> = rules.iter().filter_map(|rule| rule.advice.as_deref()).collect();
    format!("You cannot join yet. {}", advice.join(" "))
}

#[derive(Deserialize)]
pub struct Leave {
    code: String,
    membership: MembershipId,
}

pub async fn leave(visit: Visit, form: Form<Leave>) -> Answer {
    visit.check(&form.code)?;
    match visit.fan()?.client.me().leave(form.membership).await {
        Ok(_) => Ok(visit.go("/", "You left the circle. You are welcome back at any time.")),
        Err(error) => visit.failed("/", error),
    }
}

/// Asks for an allowance: small tips without a page each time.
pub async fn allow(visit: Visit, form: Form<Bare>) -> Answer {
    visit.check(&form.code)?;
    let ask = NewMyMandate::new(fen(1_000), fen(5_000)).circle(visit.site.house.circle());
    match visit.fan()?.client.me().ask_mandate(ask).await {
        Ok(mandate) => Ok(see_other(&mandate.consent_url.unwrap_or_else(|| "/".to_owned()))),
        Err(error) => visit.failed("/", error),
    }
}

#[derive(Deserialize)]
pub struct Said {
    code: String,
    once: String,
    text: String,
}

pub async fn comment(visit: Visit, post: Path<PostId>, form: Form<Said>) -> Answer {
    visit.check(&form.code)?;
    let back = format!("/posts/{post}");
    let comment = visit.fan()?.client.me().comment(*post, NewFanComment::new(form.text.as_str()));
    match comment.idempotency_key(format!("comment-{}", form.once)).await {
        Ok(_) => Ok(see_other(&format!("{back}#comments"))),
        Err(error) => visit.failed(&back, error),
    }
}

/// Likes, or takes it back.
pub async fn like(visit: Visit, post: Path<PostId>, form: Form<Bare>) -> Answer {
    visit.check(&form.code)?;
    let (me, back) = (visit.fan()?.client.me(), format!("/posts/{post}"));
    let liked = match me.post_likes(*post).await {
        Ok(likes) if likes.liked => me.unlike_post(*post).await.map(drop),
        Ok(_) => me.like_post(*post).await.map(drop),
        Err(error) => Err(error),
    };
    match liked {
        Ok(()) => Ok(see_other(&back)),
        Err(error) => visit.failed(&back, error),
    }
}

#[derive(Deserialize)]
pub struct Tip {
    code: String,
    once: String,
    yuan: i64,
    message: String,
}

/// Within an allowance at once; otherwise the fan decides on the cashier's page.
pub async fn tip(visit: Visit, post: Path<PostId>, form: Form<Tip>) -> Answer {
    visit.check(&form.code)?;
    let (fan, back) = (visit.fan()?, format!("/posts/{post}"));
    let Some(amount) = form.yuan.checked_mul(100).filter(|amount| *amount > 0).map(fen) else {
        return Ok(visit.go(&back, "Please enter an amount."));
    };
    let mut tip = NewMyPayment::tip(visit.site.house.circle(), amount).post(*post);
    if !form.message.trim().is_empty() {
        tip = tip.message(form.message.trim());
    }
    let mandates = fan.client.me().mandates(MyMandatesQuery::default()).await.map(|page| page.data).unwrap_or_default();
    let mandate = mandates
        .iter()
        .find(|mandate| mandate.status == MandateStatus::Active && mandate.per_payment.amount >= amount.amount);
    if let Some(mandate) = mandate {
        let within = fan.client.me().pay(tip.clone().mandate(mandate.id));
        match within.idempotency_key(format!("tip-{}-allowed", form.once)).await {
            Ok(_) => return Ok(visit.go(&back, &format!("{} from you: thank you!", money(amount)))),
            Err(error) if error.kind() == ErrorKind::Refused => {} // used up for today: the page, then
            Err(error) => return visit.failed(&back, error),
        }
    }
    match fan.client.me().pay(tip).idempotency_key(format!("tip-{}", form.once)).await {
        Ok(payment) => Ok(see_other(&format!("/tips/{}", payment.id))),
        Err(error) => visit.failed(&back, error),
    }
}

/// Waits for the fan's decision at the cashier.
pub async fn tip_page(visit: Visit, payment: Path<PaymentId>) -> Answer {
    let payment = match visit.fan()?.client.me().payment(*payment).await {
        Ok(payment) => payment,
        Err(error) => return visit.failed("/", error),
    };
    let back = payment.post.map_or_else(|| "/".to_owned(), |post| format!("/posts/{post}"));
    let status = match payment.status.known() {
        Some(PaymentStatus::Succeeded) => "Thank you! It arrived.",
        Some(PaymentStatus::RequiresApproval) => "One step left",
        _ => "Nothing was paid",
    };
    let page = TipPage {
        frame: visit.frame(),
        amount: money(payment.amount),
        status,
        waits: payment.status == PaymentStatus::RequiresApproval,
        approval_url: payment.approval_url.unwrap_or_default(),
        back,
    };
    visit.show(&page)
}
