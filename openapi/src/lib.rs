//! The contract of the Quanzi open platform: its endpoints, shapes and error codes. No IO.
//!
//! One endpoint is one declaration ([`endpoint::Endpoint`]); the gateway mounts it, the SDK calls it, the document describes
//! it. Shapes are declared beside the endpoints that use them, one file per capability.

pub mod apps;
pub mod authorization;
pub mod body;
pub mod circles;
pub mod comments;
pub mod content;
pub mod deliveries;
#[cfg(feature = "document")]
pub mod document;
pub mod endpoint;
pub mod error_code;
pub mod events;
pub mod fans;
pub mod gates;
pub mod grants;
pub mod id;
pub mod jose;
pub mod ledger;
pub mod likes;
pub mod mandates;
pub mod me;
pub mod memberships;
pub mod money;
pub mod oauth;
pub mod open;
pub mod operations;
pub mod page;
pub mod partners;
pub mod payments;
pub mod problem;
pub mod refunds;
pub mod sandbox;
pub mod schema;
pub mod scope;
pub mod signature;
pub mod text;
pub mod time;
pub mod tips;
pub mod wallets;
pub mod webhooks;

#[cfg(feature = "document")]
pub use document::Operation;
pub use endpoint::{Access, Endpoint, Method, Nothing};
pub use error_code::ErrorCode;
pub use money::{Currency, Money};
pub use open::{Edit, Open};
pub use page::{Cursor, Limit, Page};
pub use problem::Problem;
pub use time::Time;

/// Every operation of the platform, in the order of the document.
#[cfg(feature = "document")]
pub const OPERATIONS: &[Operation] = &[
    Operation::of::<partners::GetPartner>(),
    Operation::of::<partners::ChangePartner>(),
    Operation::of::<apps::ListApps>(),
    Operation::of::<apps::CreateApp>(),
    Operation::of::<apps::GetApp>(),
    Operation::of::<apps::ChangeApp>(),
    Operation::of::<apps::ListKeys>(),
    Operation::of::<apps::AddKey>(),
    Operation::of::<apps::RemoveKey>(),
    Operation::of::<authorization::PushAuthorizationRequest>(),
    Operation::of::<oauth::GetToken>(),
    Operation::of::<authorization::GetUserinfo>(),
    Operation::of::<authorization::PostUserinfo>(),
    Operation::of::<oauth::IntrospectToken>(),
    Operation::of::<oauth::RevokeToken>(),
    Operation::of::<oauth::GetJwks>(),
    Operation::of::<oauth::GetServerMetadata>(),
    Operation::of::<oauth::GetOpenidConfiguration>(),
    Operation::of::<oauth::GetResourceMetadata>(),
    Operation::of::<grants::ListGrants>(),
    Operation::of::<grants::RevokeGrant>(),
    Operation::of::<circles::CreateCircle>(),
    Operation::of::<circles::ListCircles>(),
    Operation::of::<circles::GetCircle>(),
    Operation::of::<circles::ChangeCircle>(),
    Operation::of::<circles::OpenCircle>(),
    Operation::of::<circles::CloseCircle>(),
    Operation::of::<gates::GetGate>(),
    Operation::of::<gates::PutGate>(),
    Operation::of::<gates::EvaluateGate>(),
    Operation::of::<memberships::JoinCircle>(),
    Operation::of::<memberships::ListMemberships>(),
    Operation::of::<memberships::GetMembership>(),
    Operation::of::<memberships::ChangeMembership>(),
    Operation::of::<memberships::ApproveMembership>(),
    Operation::of::<memberships::RejectMembership>(),
    Operation::of::<memberships::RemoveMembership>(),
    Operation::of::<memberships::BanMembership>(),
    Operation::of::<memberships::UnbanMembership>(),
    Operation::of::<memberships::LeaveMembership>(),
    Operation::of::<content::CreatePost>(),
    Operation::of::<content::ListPosts>(),
    Operation::of::<content::GetPost>(),
    Operation::of::<content::ChangePost>(),
    Operation::of::<content::DeletePost>(),
    Operation::of::<content::PinPost>(),
    Operation::of::<content::UnpinPost>(),
    Operation::of::<comments::CreateComment>(),
    Operation::of::<comments::ListComments>(),
    Operation::of::<comments::GetComment>(),
    Operation::of::<comments::DeleteComment>(),
    Operation::of::<payments::CreatePayment>(),
    Operation::of::<payments::ListPayments>(),
    Operation::of::<payments::GetPayment>(),
    Operation::of::<payments::CancelPayment>(),
    Operation::of::<refunds::CreateRefund>(),
    Operation::of::<refunds::ListRefunds>(),
    Operation::of::<refunds::GetRefund>(),
    Operation::of::<mandates::ListMandates>(),
    Operation::of::<mandates::GetMandate>(),
    Operation::of::<mandates::RevokeMandate>(),
    Operation::of::<tips::GetCircleTips>(),
    Operation::of::<tips::GetPostTips>(),
    Operation::of::<tips::GetLeaderboard>(),
    Operation::of::<me::GetMe>(),
    Operation::of::<me::ListMyMemberships>(),
    Operation::of::<me::JoinAsFan>(),
    Operation::of::<me::LeaveAsFan>(),
    Operation::of::<me::GetCircleAsFan>(),
    Operation::of::<me::ListPostsAsFan>(),
    Operation::of::<me::CreatePostAsFan>(),
    Operation::of::<me::GetPostAsFan>(),
    Operation::of::<me::ChangePostAsFan>(),
    Operation::of::<me::DeletePostAsFan>(),
    Operation::of::<comments::CommentAsFan>(),
    Operation::of::<comments::ListCommentsAsFan>(),
    Operation::of::<comments::DeleteCommentAsFan>(),
    Operation::of::<likes::LikePost>(),
    Operation::of::<likes::UnlikePost>(),
    Operation::of::<likes::GetPostLikes>(),
    Operation::of::<likes::LikeComment>(),
    Operation::of::<likes::UnlikeComment>(),
    Operation::of::<me::PayAsFan>(),
    Operation::of::<me::ListMyPayments>(),
    Operation::of::<me::GetMyPayment>(),
    Operation::of::<me::AskMyMandate>(),
    Operation::of::<me::ListMyMandates>(),
    Operation::of::<me::GetMyMandate>(),
    Operation::of::<me::RevokeMyMandate>(),
    Operation::of::<ledger::GetBalance>(),
    Operation::of::<ledger::ListAccounts>(),
    Operation::of::<ledger::GetAccount>(),
    Operation::of::<ledger::ListTransfers>(),
    Operation::of::<ledger::GetTransfer>(),
    Operation::of::<events::ListEvents>(),
    Operation::of::<events::StreamEvents>(),
    Operation::of::<events::GetEvent>(),
    Operation::of::<webhooks::CreateWebhookEndpoint>(),
    Operation::of::<webhooks::ListWebhookEndpoints>(),
    Operation::of::<webhooks::GetWebhookEndpoint>(),
    Operation::of::<webhooks::ChangeWebhookEndpoint>(),
    Operation::of::<webhooks::DeleteWebhookEndpoint>(),
    Operation::of::<webhooks::EnableWebhookEndpoint>(),
    Operation::of::<webhooks::DisableWebhookEndpoint>(),
    Operation::of::<webhooks::RotateWebhookSecret>(),
    Operation::of::<webhooks::PingWebhookEndpoint>(),
    Operation::of::<deliveries::ListDeliveries>(),
    Operation::of::<deliveries::ReplayEvents>(),
    Operation::of::<sandbox::RegisterPartner>(),
    Operation::of::<sandbox::CheckSignature>(),
    Operation::of::<sandbox::GetClock>(),
    Operation::of::<sandbox::AdvanceClock>(),
    Operation::of::<fans::CreateSandboxFan>(),
    Operation::of::<fans::GetSandboxFan>(),
    Operation::of::<fans::ChangeSandboxFan>(),
    Operation::of::<wallets::TopUpWallet>(),
    Operation::of::<wallets::ApproveSandboxPayment>(),
    Operation::of::<wallets::DeclineSandboxPayment>(),
    Operation::of::<mandates::CreateSandboxMandate>(),
    Operation::of::<ledger::CheckLedger>(),
    Operation::of::<operations::GetLiveness>(),
    Operation::of::<operations::GetReadiness>(),
];

/// The OpenAPI document of a gateway at this address, as JSON. Only a sandbox's has the
/// operations of sandboxes.
#[cfg(feature = "document")]
pub fn document_text(server: &str, is_sandbox: bool) -> Result<String, serde_json::Error> {
    let operations: Vec<Operation> =
        OPERATIONS.iter().filter(|operation| is_sandbox || !operation.is_sandbox_only()).copied().collect();
    document::text(&operations, server)
}

/// The document as it is committed: of a sandbox, at an address that belongs to no gateway.
#[cfg(feature = "document")]
pub fn neutral_document_text() -> Result<String, serde_json::Error> {
    document_text("https://gateway.example", true)
}

/// A shape's example as JSON.
pub(crate) fn example_of<T: endpoint::Example + serde::Serialize>() -> serde_json::Value {
    serde_json::to_value(T::example()).unwrap_or_default()
}
