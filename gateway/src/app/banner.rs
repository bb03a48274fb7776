//! What the gateway prints when it listens.

use secrecy::ExposeSecret as _;

use super::serve::Running;
use crate::platform::config::without_password;

/// Where everything is.
pub fn banner(running: &Running) -> String {
    let config = &running.app().config;
    let url = running.url();
    let database = without_password(config.database_url.expose_secret());
    let mut lines = vec![
        ("address", url.to_owned()),
        ("docs", format!("{url}/docs")),
        ("database", format!("{} ({database})", running.app().db.engine())),
    ];
    if let Some(address) = running.metrics_address() {
        lines.push(("metrics", format!("http://{address}/metrics")));
    }
    if let Some(demo) = &running.app().demo {
        lines.push(("demo app", demo.app.to_string()));
        lines.push(("demo key", demo.key_file.display().to_string()));
    }
    let title = format!("Quanzi {}, {} mode\n", env!("CARGO_PKG_VERSION"), config.mode.as_str());
    lines.iter().fold(title, |text, (name, value)| format!("{text}  {name:<9} {value}\n"))
}
