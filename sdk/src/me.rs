//! What a fan does through your app. These calls take a client that speaks with a fan's token; with your own token they are
//! refused (`wrong_token_kind`).

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
    /// What the fan whose token this client speaks with can do.
    pub fn me(&self) -> MeCalls {
        MeCalls(self.clone())
    }
}

impl MeCalls {
    /// Reads who the fan is.
    pub fn get(&self) -> Call<GetMe> {
        self.0.call(Nothing {}, Nothing {}, Nothing {})
    }

    /// Lists the fan's memberships in your circles, newest first.
    pub fn memberships(&self, query: MyMembershipsQuery) -> Call<ListMyMemberships> {
        self.0.call(Nothing {}, query, Nothing {})
    }

    /// Joins a circle, if the gate agrees. A refusal says why: [`Error::evaluation`](crate::Error::evaluation).
    pub fn join(&self, membership: NewMyMembership) -> Call<JoinAsFan> {
        self.0.call(Nothing {}, Nothing {}, membership)
    }

    /// Leaves a circle.
    pub fn leave(&self, membership: MembershipId) -> Call<LeaveAsFan> {
        self.0.call(MembershipPath { membership }, Nothing {}, Nothing {})
    }

    /// Reads a circle.
    pub fn circle(&self, circle: CircleId) -> Call<GetCircleAsFan> {
        self.0.call(CirclePath { circle }, Nothing {}, Nothing {})
    }

    /// Reads the feed of a circle: what is published, pinned posts first.
    pub fn posts(&self, circle: CircleId, query: FeedQuery) -> Call<ListPostsAsFan> {
        self.0.call(CirclePath { circle }, query, Nothing {})
    }

    /// Publishes a post, where the circle's rights let the fan.
    pub fn create_post(&self, circle: CircleId, post: NewFanPost) -> Call<CreatePostAsFan> {
        self.0.call(CirclePath { circle }, Nothing {}, post)
    }

    /// Reads a post.
    pub fn post(&self, post: PostId) -> Call<GetPostAsFan> {
        self.0.call(PostPath { post }, Nothing {}, Nothing {})
    }

    /// Edits a post of the fan's; name the version you read with [`Call::if_match`].
    pub fn change_post(&self, post: PostId, change: FanPostChange) -> Call<ChangePostAsFan> {
        self.0.call(PostPath { post }, Nothing {}, change)
    }

    /// Deletes a post of the fan's.
    pub fn delete_post(&self, post: PostId) -> Call<DeletePostAsFan> {
        self.0.call(PostPath { post }, Nothing {}, Nothing {})
    }

    /// Comments on a post, where the circle's rights let the fan.
    pub fn comment(&self, post: PostId, comment: NewFanComment) -> Call<CommentAsFan> {
        self.0.call(PostPath { post }, Nothing {}, comment)
    }

    /// Lists the comments on a post, oldest first.
    pub fn comments(&self, post: PostId, query: CommentsQuery) -> Call<ListCommentsAsFan> {
        self.0.call(PostPath { post }, query, Nothing {})
    }

    /// Deletes a comment: the fan's own, or any where the fan is a moderator.
    pub fn delete_comment(&self, comment: CommentId) -> Call<DeleteCommentAsFan> {
        self.0.call(CommentPath { comment }, Nothing {}, Nothing {})
    }

    /// Likes a post.
    pub fn like_post(&self, post: PostId) -> Call<LikePost> {
        self.0.call(PostPath { post }, Nothing {}, Nothing {})
    }

    /// Takes the like of a post back.
    pub fn unlike_post(&self, post: PostId) -> Call<UnlikePost> {
        self.0.call(PostPath { post }, Nothing {}, Nothing {})
    }

    /// Reads how many like a post, and whether the fan does.
    pub fn post_likes(&self, post: PostId) -> Call<GetPostLikes> {
        self.0.call(PostPath { post }, Nothing {}, Nothing {})
    }

    /// Likes a comment.
    pub fn like_comment(&self, comment: CommentId) -> Call<LikeComment> {
        self.0.call(CommentPath { comment }, Nothing {}, Nothing {})
    }

    /// Takes the like of a comment back.
    pub fn unlike_comment(&self, comment: CommentId) -> Call<UnlikeComment> {
        self.0.call(CommentPath { comment }, Nothing {}, Nothing {})
    }

    /// Tips: within a mandate at once, otherwise the fan decides at `approval_url`. Repeat it with the same
    /// [`idempotency_key`](Call::idempotency_key), and the fan pays once.
    pub fn pay(&self, payment: NewMyPayment) -> Call<PayAsFan> {
        self.0.call(Nothing {}, Nothing {}, payment)
    }

    /// Lists the fan's payments, newest first.
    pub fn payments(&self, query: MyPaymentsQuery) -> Call<ListMyPayments> {
        self.0.call(Nothing {}, query, Nothing {})
    }

    /// Reads a payment of the fan's.
    pub fn payment(&self, payment: PaymentId) -> Call<GetMyPayment> {
        self.0.call(PaymentPath { payment }, Nothing {}, Nothing {})
    }

    /// Asks the fan for a standing consent; the fan decides at `consent_url`.
    pub fn ask_mandate(&self, mandate: NewMyMandate) -> Call<AskMyMandate> {
        self.0.call(Nothing {}, Nothing {}, mandate)
    }

    /// Lists the fan's mandates, newest first.
    pub fn mandates(&self, query: MyMandatesQuery) -> Call<ListMyMandates> {
        self.0.call(Nothing {}, query, Nothing {})
    }

    /// Reads a mandate of the fan's.
    pub fn mandate(&self, mandate: MandateId) -> Call<GetMyMandate> {
        self.0.call(MandatePath { mandate }, Nothing {}, Nothing {})
    }

    /// Takes a mandate of the fan's back.
    pub fn revoke_mandate(&self, mandate: MandateId) -> Call<RevokeMyMandate> {
        self.0.call(MandatePath { mandate }, Nothing {}, Nothing {})
    }
}
