//! The endpoints of fans: extract, one use-case of the capability it belongs to, reply.

use std::sync::Arc;

use quanzi_openapi::circles::{Circle, CircleStatus};
use quanzi_openapi::content::{Post, PostChange};
use quanzi_openapi::mandates::{Mandate, MandatesQuery};
use quanzi_openapi::me::{
    AskMyMandate, ChangePostAsFan, CreatePostAsFan, DeletePostAsFan, GetCircleAsFan, GetMe, GetMyMandate, GetMyPayment,
    GetPostAsFan, JoinAsFan, LeaveAsFan, ListMyMandates, ListMyMemberships, ListMyPayments, ListPostsAsFan, Me,
    PayAsFan, RevokeMyMandate,
};
use quanzi_openapi::memberships::{Membership, NewMembership};
use quanzi_openapi::payments::{NewPayment, Payment, PaymentsQuery};
use quanzi_openapi::scope::FanScope;
use quanzi_openapi::{ErrorCode, Nothing, Page};

use crate::capabilities::circles;
use crate::capabilities::content;
use crate::capabilities::fans;
use crate::capabilities::mandates;
use crate::capabilities::memberships;
use crate::capabilities::payments::{self, PaymentLookups};
use crate::edge::{Call, FanCaller, PostedCall, Routes, scope_missing};
use crate::platform::Context;
use crate::platform::fault::Fault;
use crate::platform::ledger::LedgerCommand;
use crate::workflows;

/// The routes of fans.
pub fn routes(routes: Routes, lookups: &Arc<PaymentLookups>) -> Routes {
    let lookups = Arc::clone(lookups);
    let pay = async move |call: &mut PostedCall<PayAsFan, FanCaller>| pay(call, &lookups).await;
    routes
        .mount::<GetMe, _>(get)
        .mount::<ListMyMemberships, _>(memberships)
        .mount::<JoinAsFan, _>(join)
        .mount::<LeaveAsFan, _>(leave)
        .mount::<GetCircleAsFan, _>(circle)
        .mount::<ListPostsAsFan, _>(posts)
        .mount::<CreatePostAsFan, _>(create_post)
        .mount::<GetPostAsFan, _>(post)
        .mount::<ChangePostAsFan, _>(change_post)
        .mount::<DeletePostAsFan, _>(delete_post)
        .mount_posted::<PayAsFan, _>(pay)
        .mount::<ListMyPayments, _>(payments)
        .mount::<GetMyPayment, _>(payment)
        .mount::<AskMyMandate, _>(ask_mandate)
        .mount::<ListMyMandates, _>(mandates)
        .mount::<GetMyMandate, _>(mandate)
        .mount::<RevokeMyMandate, _>(revoke_mandate)
}

async fn get(call: &mut Call<GetMe, FanCaller>) -> Result<Me, Fault> {
    let FanCaller { fan, person, scopes, .. } = call.caller;
    let nickname = if scopes.contains(FanScope::ProfileNickname) {
        fans::service::nickname(&mut call.tx, person).await?
    } else {
        None
    };
    Ok(Me { fan, nickname, scopes: scopes.iter().map(Into::into).collect() })
}

// ---- circles

async fn memberships(call: &mut Call<ListMyMemberships, FanCaller>) -> Result<Page<Membership>, Fault> {
    memberships::service::page_of_fan(&mut call.tx, call.caller.partner, call.caller.fan, &call.query).await
}

async fn join(call: &mut Call<JoinAsFan, FanCaller>) -> Result<Membership, Fault> {
    let (partner, circle) = (call.caller.partner, call.body.circle);
    let mut new = NewMembership::new(call.caller.fan);
    new.invite_code.clone_from(&call.body.invite_code);
    memberships::service::join(&mut call.tx, &call.edge.clock, partner, call.now, circle, &new).await
}

async fn leave(call: &mut Call<LeaveAsFan, FanCaller>) -> Result<Nothing, Fault> {
    let (partner, fan) = (call.caller.partner, call.caller.fan);
    workflows::memberships::service::leave_as_fan(&mut call.tx, partner, call.now, fan, call.params.membership).await?;
    Ok(Nothing {})
}

async fn circle(call: &mut Call<GetCircleAsFan, FanCaller>) -> Result<Circle, Fault> {
    let circle = circles::service::find(&mut call.tx, call.caller.partner, call.params.circle).await?;
    if circle.status == CircleStatus::Draft { Err(ErrorCode::CircleNotFound.into()) } else { Ok(circle) }
}

// ---- posts

async fn posts(call: &mut Call<ListPostsAsFan, FanCaller>) -> Result<Page<Post>, Fault> {
    let FanCaller { partner, fan, .. } = call.caller;
    content::service::page_as_fan(&mut call.tx, partner, call.now, fan, call.params.circle, &call.query).await
}

async fn create_post(call: &mut Call<CreatePostAsFan, FanCaller>) -> Result<Post, Fault> {
    let FanCaller { partner, fan, .. } = call.caller;
    let (clock, circle) = (&call.edge.clock, call.params.circle);
    content::service::create_as_fan(&mut call.tx, clock, partner, call.now, circle, fan, &call.body).await
}

async fn post(call: &mut Call<GetPostAsFan, FanCaller>) -> Result<Post, Fault> {
    let FanCaller { partner, fan, .. } = call.caller;
    content::service::find_as_fan(&mut call.tx, partner, call.now, fan, call.params.post).await
}

async fn change_post(call: &mut Call<ChangePostAsFan, FanCaller>) -> Result<Post, Fault> {
    let FanCaller { partner, fan, .. } = call.caller;
    let held = content::service::lock_as_fan(&mut call.tx, partner, call.now, fan, call.params.post).await?;
    call.check_version(held.version())?;
    let mut change = PostChange::default();
    change.title = call.body.title.clone();
    change.body.clone_from(&call.body.body);
    change.format = call.body.format;
    change.media_urls.clone_from(&call.body.media_urls);
    content::service::change(&mut call.tx, &call.edge.clock, partner, call.now, held, &change).await
}

async fn delete_post(call: &mut Call<DeletePostAsFan, FanCaller>) -> Result<Nothing, Fault> {
    let FanCaller { partner, fan, .. } = call.caller;
    content::service::delete_as_fan(&mut call.tx, partner, call.now, fan, call.params.post).await?;
    Ok(Nothing {})
}

// ---- money

async fn pay(
    call: &mut PostedCall<PayAsFan, FanCaller>,
    lookups: &PaymentLookups,
) -> Result<LedgerCommand<Payment>, Fault> {
    // Without a page: that is more than preparing a tip.
    if call.body.mandate.is_some() && !call.caller.scopes.contains(FanScope::PaymentsMandate) {
        return Err(scope_missing(&call.edge, FanScope::PaymentsMandate.as_str()));
    }
    let mut new = NewPayment::tip(call.caller.fan, call.body.circle, call.body.amount);
    (new.post, new.mandate) = (call.body.post, call.body.mandate);
    new.message.clone_from(&call.body.message);
    let context = Context { platform: &call.edge, partner: call.caller.partner, now: call.now };
    payments::service::create(context, lookups, &new).await
}

async fn payments(call: &mut Call<ListMyPayments, FanCaller>) -> Result<Page<Payment>, Fault> {
    let mut query = PaymentsQuery::default();
    (query.fan, query.circle, query.status) = (Some(call.caller.fan), call.query.circle, call.query.status);
    (query.limit, query.cursor) = (call.query.limit, call.query.cursor.clone());
    let context = Context { platform: &call.edge, partner: call.caller.partner, now: call.now };
    payments::service::page(&mut call.tx, context, &query).await
}

async fn payment(call: &mut Call<GetMyPayment, FanCaller>) -> Result<Payment, Fault> {
    let row = payments::service::find(&mut call.tx, call.caller.partner, call.params.payment).await?;
    if row.fan_id != call.caller.fan {
        return Err(ErrorCode::PaymentNotFound.into());
    }
    Ok(row.payment(&call.edge.config.public_url))
}

async fn ask_mandate(call: &mut Call<AskMyMandate, FanCaller>) -> Result<Mandate, Fault> {
    let context = Context { platform: &call.edge, partner: call.caller.partner, now: call.now };
    mandates::service::ask(&mut call.tx, context, call.caller.fan, &call.body).await
}

async fn mandates(call: &mut Call<ListMyMandates, FanCaller>) -> Result<Page<Mandate>, Fault> {
    let mut query = MandatesQuery::default();
    (query.fan, query.limit, query.cursor) = (Some(call.caller.fan), call.query.limit, call.query.cursor.clone());
    let context = Context { platform: &call.edge, partner: call.caller.partner, now: call.now };
    mandates::service::page(&mut call.tx, context, &query).await
}

async fn mandate(call: &mut Call<GetMyMandate, FanCaller>) -> Result<Mandate, Fault> {
    let context = Context { platform: &call.edge, partner: call.caller.partner, now: call.now };
    mandates::service::find_own(&mut call.tx, context, call.caller.fan, call.params.mandate).await
}

async fn revoke_mandate(call: &mut Call<RevokeMyMandate, FanCaller>) -> Result<Nothing, Fault> {
    let context = Context { platform: &call.edge, partner: call.caller.partner, now: call.now };
    mandates::service::revoke_own(&mut call.tx, context, call.caller.fan, call.params.mandate).await?;
    Ok(Nothing {})
}
