//! Circles: the communities you run.

use quanzi_openapi::Nothing;
pub use quanzi_openapi::circles::{
    Category, ChangeCircle, Circle, CircleChange, CircleLimits, CircleName, CircleOperator, CirclePath, CircleRights,
    CircleStatus, CircleText, CirclesQuery, CloseCircle, CreateCircle, Discoverability, GetCircle, Language,
    ListCircles, NewCircle, NewCircleRights, NewRight, OpenCircle, PublishingLimits, Right, Slug, Who,
};
use quanzi_openapi::id::CircleId;

use crate::{Call, Client};

/// Calls about circles; from [`Client::circles`].
#[derive(Debug, Clone)]
pub struct CircleCalls(Client);

impl Client {
    /// Calls about your circles.
    pub fn circles(&self) -> CircleCalls {
        CircleCalls(self.clone())
    }
}

impl CircleCalls {
    /// Creates a circle; it starts as a draft with an open gate.
    pub fn create(&self, circle: NewCircle) -> Call<CreateCircle> {
        self.0.call(Nothing {}, Nothing {}, circle)
    }

    /// Lists your circles, newest first.
    pub fn list(&self, query: CirclesQuery) -> Call<ListCircles> {
        self.0.call(Nothing {}, query, Nothing {})
    }

    /// Gets a circle.
    pub fn get(&self, circle: CircleId) -> Call<GetCircle> {
        self.0.call(CirclePath { circle }, Nothing {}, Nothing {})
    }

    /// Updates a circle; pass the version you read to [`Call::if_match`].
    pub fn change(&self, circle: CircleId, change: CircleChange) -> Call<ChangeCircle> {
        self.0.call(CirclePath { circle }, Nothing {}, change)
    }

    /// Opens a circle for fans and posts.
    pub fn open(&self, circle: CircleId) -> Call<OpenCircle> {
        self.0.call(CirclePath { circle }, Nothing {}, Nothing {})
    }

    /// Closes a circle permanently.
    pub fn close(&self, circle: CircleId) -> Call<CloseCircle> {
        self.0.call(CirclePath { circle }, Nothing {}, Nothing {})
    }
}
