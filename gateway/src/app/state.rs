//! The gateway as one value.
//!
//! The state that requests share is layered: [`Platform`], [`Access`], [`Edge`]; [`App`] adds what single capabilities keep
//! in memory.

use std::ops::Deref;
use std::sync::Arc;

use actix_web::web::ServiceConfig;

use super::registry::{self, Memory};
use crate::access::Access;
use crate::edge::{Edge, Routes};
use crate::platform::Platform;
use crate::platform::clock::Clock;
use crate::platform::config::Config;
use crate::platform::db::Db;
use crate::platform::fault::Fault;
use crate::platform::jobs::{Jobs, Turns};
use crate::platform::metrics::Metrics;
use crate::platform::retention::RetentionTask;
use crate::platform::shutdown::Stopping;
use crate::sandbox::demo::{self, Demo};

/// The gateway: one per process.
pub struct App {
    edge: Arc<Edge>,
    /// Due work, and who does it.
    pub jobs: Arc<Jobs>,
    /// What single capabilities keep in memory.
    pub memory: Memory,
    /// The demo partner of a sandbox.
    pub demo: Option<Demo>,
}

impl App {
    /// A gateway on a migrated database; at the first start it creates its keys, and a sandbox's demo partner.
    pub async fn new(
        config: Config,
        db: Db,
        clock: Arc<Clock>,
        metrics: Metrics,
        stopping: Stopping,
    ) -> Result<Self, Fault> {
        let platform = Arc::new(Platform::new(config, db, clock, metrics, stopping).await?);
        let access = Arc::new(Access::new(Arc::clone(&platform)));
        let demo = if platform.config.mode.is_sandbox() && platform.config.sandbox_demo {
            Some(demo::ensure(&access).await?)
        } else {
            None
        };
        Ok(Self {
            edge: Arc::new(Edge::new(access)),
            memory: Memory::new(&platform),
            jobs: Arc::new(Jobs { handlers: registry::job_handlers(&platform), platform, turns: Turns::default() }),
            demo,
        })
    }

    /// Every route of this mode.
    pub fn routes(&self) -> Routes {
        registry::routes(&self.edge, &self.memory, &self.jobs)
    }

    /// Every page for people.
    pub fn pages(&self, config: &mut ServiceConfig) {
        registry::pages(config, &self.edge, &self.memory);
    }

    /// Every task that deletes what has expired.
    pub fn retention_tasks(&self) -> Vec<RetentionTask> {
        registry::retention_tasks(&self.edge)
    }

    /// What serves requests.
    pub fn edge(&self) -> &Arc<Edge> {
        &self.edge
    }
}

impl Deref for App {
    type Target = Edge;
    fn deref(&self) -> &Edge {
        &self.edge
    }
}
