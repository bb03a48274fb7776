//! What a fan does through your app. These calls require a client with a fan's token; with a partner token they are refused
//! (`wrong_token_kind`).

pub use quanzi_openapi::comments::{CommentAsFan, DeleteCommentAsFan, ListCommentsAsFan, NewFanComment};
pub use quanzi_openapi::likes::{GetPostLikes, LikeComment, LikePost, Likes, UnlikeComment, UnlikePost};
pub use quanzi_openapi::me::{
    AskMyMandate, ChangePostAsFan, CreatePostAsFan, DeletePostAsFan, FanPostChange, FeedQuery, GetCircleAsFan, GetMe,
    GetMyMandate, GetMyPayment, GetPostAsFan, JoinAsFan, LeaveAsFan, ListMyMandates, ListMyMemberships, ListMyPayments,
    ListPostsAsFan, Me, MyMandatesQuery, MyMembershipsQuery, MyPaymentsQuery, NewFanPost, NewMyMandate,
    NewMyMembership, NewMyPayment, PayAsFan, RevokeMyMandate,
};

use quanzi_openapi::Nothing;
use quanzi_openapi::circles::CirclePath;
use quanzi_openapi::comments::{CommentPath, CommentsQuery};
use quanzi_openapi::content::PostPath;
use quanzi_openapi::id::{CircleId, CommentId, MandateId, MembershipId, PaymentId, PostId};
use quanzi_openapi::mandates::MandatePath;
use quanzi_openapi::memberships::MembershipPath;
use quanzi_openapi::payments::PaymentPath;

use crate::{Call, Client};

/// Calls of a fan; from [`Client::me`].
#[derive(Debug, Clone)]
pub struct MeCalls(Client);

impl Client {
    /// Calls for the fan whose token this client has.
    pub fn me(&self) -> MeCalls {
        MeCalls(self.clone())
    }
}

impl MeCalls {
    /// Gets the fan: id, nickname and scopes.
    pub fn get(&self) -> Call<GetMe> {
        self.0.call(Nothing {}, Nothing {}, Nothing {})
    }

    /// Lists the fan's memberships in your circles, newest first.
    pub fn memberships(&self, query: MyMembershipsQuery) -> Call<ListMyMemberships> {
        self.0.call(Nothing {}, query, Nothing {})
    }

    /// Joins a circle, if the gate admits the fan. If it does not, [`Error::evaluation`](crate::Error::evaluation) says why.
    pub fn join(&self, membership: NewMyMembership) -> Call<JoinAsFan> {
        self.0.call(Nothing {}, Nothing {}, membership)
    }

    /// Leaves a circle.
    pub fn leave(&self, membership: MembershipId) -> Call<LeaveAsFan> {
        self.0.call(MembershipPath { membership }, Nothing {}, Nothing {})
    }

    /// Gets a circle.
    pub fn circle(&self, circle: CircleId) -> Call<GetCircleAsFan> {
        self.0.call(CirclePath { circle }, Nothing {}, Nothing {})
    }

    /// Lists the published posts of a circle, pinned posts first.
    pub fn posts(&self, circle: CircleId, query: FeedQuery) -> Call<ListPostsAsFan> {
        self.0.call(CirclePath { circle }, query, Nothing {})
    }

    /// Publishes a post, if the circle's rights permit it.
    pub fn create_post(&self, circle: CircleId, post: NewFanPost) -> Call<CreatePostAsFan> {
        self.0.call(CirclePath { circle }, Nothing {}, post)
    }

    /// Gets a post.
    pub fn post(&self, post: PostId) -> Call<GetPostAsFan> {
        self.0.call(PostPath { post }, Nothing {}, Nothing {})
    }

    /// Updates one of the fan's posts; pass the version you read to [`Call::if_match`].
    pub fn change_post(&self, post: PostId, change: FanPostChange) -> Call<ChangePostAsFan> {
        self.0.call(PostPath { post }, Nothing {}, change)
    }

    /// Deletes one of the fan's posts.
    pub fn delete_post(&self, post: PostId) -> Call<DeletePostAsFan> {
        self.0.call(PostPath { post }, Nothing {}, Nothing {})
    }

    /// Comments on a post, if the circle's rights permit it.
    pub fn comment(&self, post: PostId, comment: NewFanComment) -> Call<CommentAsFan> {
        self.0.call(PostPath { post }, Nothing {}, comment)
    }

    /// Lists the comments on a post, oldest first.
    pub fn comments(&self, post: PostId, query: CommentsQuery) -> Call<ListCommentsAsFan> {
        self.0.call(PostPath { post }, query, Nothing {})
    }

    /// Deletes a comment: the fan's own, or any if the fan is a moderator.
    pub fn delete_comment(&self, comment: CommentId) -> Call<DeleteCommentAsFan> {
        self.0.call(CommentPath { comment }, Nothing {}, Nothing {})
    }

    /// Likes a post.
    pub fn like_post(&self, post: PostId) -> Call<LikePost> {
        self.0.call(PostPath { post }, Nothing {}, Nothing {})
    }

    /// Unlikes a post.
    pub fn unlike_post(&self, post: PostId) -> Call<UnlikePost> {
        self.0.call(PostPath { post }, Nothing {}, Nothing {})
    }

    /// Gets the number of likes of a post, and whether the fan likes it.
    pub fn post_likes(&self, post: PostId) -> Call<GetPostLikes> {
        self.0.call(PostPath { post }, Nothing {}, Nothing {})
    }

    /// Likes a comment.
    pub fn like_comment(&self, comment: CommentId) -> Call<LikeComment> {
        self.0.call(CommentPath { comment }, Nothing {}, Nothing {})
    }

    /// Unlikes a comment.
    pub fn unlike_comment(&self, comment: CommentId) -> Call<UnlikeComment> {
        self.0.call(CommentPath { comment }, Nothing {}, Nothing {})
    }

    /// Creates a tip: within a mandate it succeeds immediately, otherwise the fan decides at `approval_url`. Retry it with
    /// the same [`idempotency_key`](Call::idempotency_key), and the fan pays once.
    pub fn pay(&self, payment: NewMyPayment) -> Call<PayAsFan> {
        self.0.call(Nothing {}, Nothing {}, payment)
    }

    /// Lists the fan's payments, newest first.
    pub fn payments(&self, query: MyPaymentsQuery) -> Call<ListMyPayments> {
        self.0.call(Nothing {}, query, Nothing {})
    }

    /// Gets one of the fan's payments.
    pub fn payment(&self, payment: PaymentId) -> Call<GetMyPayment> {
        self.0.call(PaymentPath { payment }, Nothing {}, Nothing {})
    }

    /// Requests a mandate; the fan decides at `consent_url`.
    pub fn ask_mandate(&self, mandate: NewMyMandate) -> Call<AskMyMandate> {
        self.0.call(Nothing {}, Nothing {}, mandate)
    }

    /// Lists the fan's mandates, newest first.
    pub fn mandates(&self, query: MyMandatesQuery) -> Call<ListMyMandates> {
        self.0.call(Nothing {}, query, Nothing {})
    }

    /// Gets one of the fan's mandates.
    pub fn mandate(&self, mandate: MandateId) -> Call<GetMyMandate> {
        self.0.call(MandatePath { mandate }, Nothing {}, Nothing {})
    }

    /// Revokes one of the fan's mandates.
    pub fn revoke_mandate(&self, mandate: MandateId) -> Call<RevokeMyMandate> {
        self.0.call(MandatePath { mandate }, Nothing {}, Nothing {})
    }
}
