//! Tips: totals of your circles and posts, and leaderboards.

use quanzi_openapi::Nothing;
use quanzi_openapi::circles::CirclePath;
use quanzi_openapi::content::PostPath;
use quanzi_openapi::id::{CircleId, PostId};
pub use quanzi_openapi::tips::{
    GetCircleTips, GetLeaderboard, GetPostTips, Leaderboard, LeaderboardQuery, TipDisclosure, TipTotal, TipTotals,
    Tipper,
};

use crate::{Call, Client};

/// Calls about tips; from [`Client::tips`].
#[derive(Debug, Clone)]
pub struct TipCalls(Client);

impl Client {
    /// Calls about tips.
    pub fn tips(&self) -> TipCalls {
        TipCalls(self.clone())
    }
}

impl TipCalls {
    /// Gets a circle's tips, those for its posts included.
    pub fn of_circle(&self, circle: CircleId) -> Call<GetCircleTips> {
        self.0.call(CirclePath { circle }, Nothing {}, Nothing {})
    }

    /// Gets a post's tips.
    pub fn of_post(&self, post: PostId) -> Call<GetPostTips> {
        self.0.call(PostPath { post }, Nothing {}, Nothing {})
    }

    /// Gets a circle's leaderboard.
    pub fn leaderboard(&self, circle: CircleId, query: LeaderboardQuery) -> Call<GetLeaderboard> {
        self.0.call(CirclePath { circle }, query, Nothing {})
    }
}
