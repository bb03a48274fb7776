//! Every setting, parsed and checked. Invariant: a [`Config`] that exists can be served; an error in a setting is reported
//! once, at startup, with its name, its source, the value and what was expected.
//!
//! Sources, in increasing precedence: built in, file, environment, flags. The table of settings is [`SETTINGS`].

mod error;
mod mode;
mod settings;
mod sources;
mod value;

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};

pub use error::ConfigError;
pub use mode::{LogFormat, Mode};
pub use settings::{Group, Preset, SETTINGS, Setting, markdown};
pub use sources::{FILE, FILE_VARIABLE, Source};
pub use value::{SealingKey, without_password};

use crate::platform::db;
use sources::Values;
use value::{DatabaseUrl, Issuer, Origin, Read, ReplicaUrl, is_postgres};

/// What actix takes.
const WORKERS_MAX: usize = 512;

const SIGN_IN_WHOLE: &str = "sign_in_issuer, sign_in_client_id and sign_in_client_secret must be set together";

/// The provider at which fans sign in, and who we are there.
#[derive(Debug, Clone)]
pub struct SignIn {
    /// Its issuer, as it calls itself.
    pub issuer: String,
    /// Our client id.
    pub client_id: String,
    /// Our client secret.
    pub client_secret: SecretString,
}

/// Every setting. The fields are explained in [`SETTINGS`].
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the table of settings has a sentence for each")]
pub struct Config {
    pub mode: Mode,
    pub data_dir: PathBuf,
    pub sandbox_demo: bool,
    pub workers: usize,
    pub shutdown_seconds: u64,
    pub shutdown_delay_seconds: u64,
    pub listen: SocketAddr,
    pub public_url: String,
    pub public_url_aliases: Vec<String>,
    pub metrics_listen: Option<SocketAddr>,
    pub trusted_proxies: Vec<IpNet>,
    /// Certificate and key, both or none.
    pub tls: Option<TlsFiles>,
    pub database_url: SecretString,
    pub database_read_url: Option<SecretString>,
    pub database_connections_max: u32,
    pub sealing_key: Option<SealingKey>,
    pub dpop_nonce_required: bool,
    /// Issuer, client id and secret, all or none.
    pub sign_in: Option<SignIn>,
    pub platform_fee_bps: u16,
    pub body_bytes_max: usize,
    pub body_timeout_seconds: u64,
    pub rate_reads_per_second: NonZeroU32,
    pub rate_writes_per_second: NonZeroU32,
    pub rate_address_per_second: NonZeroU32,
    pub rate_registrations_per_minute: NonZeroU32,
    pub log: String,
    pub log_format: LogFormat,
    settings: Vec<EffectiveSetting>,
    hints: Vec<String>,
}

/// Files for https.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The chain, in PEM.
    pub certificate: PathBuf,
    /// Its private key, in PEM.
    pub key: PathBuf,
}

/// The effective value of a setting, fit to be shown.
#[derive(Debug, Clone)]
pub struct EffectiveSetting {
    /// Which setting.
    pub setting: &'static Setting,
    /// Its value, secrets hidden; `None` when the feature is off.
    pub text: Option<String>,
    /// Where it comes from.
    pub source: Source,
}

impl Config {
    /// What seals private keys in the database.
    pub fn sealing(&self) -> Option<&[u8; 32]> {
        self.sealing_key.as_ref().map(SealingKey::bytes)
    }

    /// From all sources: the file (named by the flag, else by `QUANZI_CONFIG`, else [`FILE`] if it is there), the process's
    /// environment, and the given flags.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        flags: impl IntoIterator<Item = (&'static Setting, String)>,
    ) -> Result<Self, ConfigError> {
        let variables: Vec<_> = environment.into_iter().collect();
        let variable = variables.iter().find(|(name, value)| name == FILE_VARIABLE && !value.is_empty());
        let file = file.or_else(|| variable.map(|(_, path)| Path::new(path)));
        let mut values = Values::default();
        values.file(file)?;
        let hints = values.environment(variables)?;
        values.flags(flags);
        Ok(Self { hints, ..Self::read(&values)? })
    }

    /// From these values alone, by the settings' names: for tests and for programs that carry a gateway inside.
    pub fn of(given: &[(&str, &str)]) -> Result<Self, ConfigError> {
        let mut values = Values::default();
        for (name, text) in given {
            let setting = settings::find(name).ok_or_else(|| ConfigError(format!("there is no setting {name}")))?;
            values.flags([(setting, (*text).to_owned())]);
        }
        Self::read(&values)
    }

    fn read(values: &Values) -> Result<Self, ConfigError> {
        let mut reader = Reader { values, settings: Vec::with_capacity(SETTINGS.len()) };
        let r = &mut reader;

        let mode: Mode = r.required("mode")?;
        let data_dir: PathBuf = r.required("data_dir")?;
        let sandbox_demo = r.required("sandbox_demo")?;
        let platform_fee_bps = r.count("platform_fee_bps", 0..=10_000)?;
        let workers = r.number("workers", 1..=WORKERS_MAX as u64)?.unwrap_or_else(cores);
        let shutdown_seconds = r.count("shutdown_seconds", 0..=3600)?;
        let shutdown_delay_seconds = r.count("shutdown_delay_seconds", 0..=600)?;

        let listen: SocketAddr = r.required("listen")?;
        let public_url: Option<Origin> = r.optional("public_url")?;
        let aliases: Option<Vec<Origin>> = r.optional("public_url_aliases")?;
        let metrics_listen = r.optional("metrics_listen")?;
        let trusted_proxies = r.optional("trusted_proxies")?.unwrap_or_default();
        let tls = match (r.optional("tls_certificate")?, r.optional("tls_key")?) {
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
            (None, None) => None,
            (Some(_), None) => {
                return Err(missing("tls_key", "tls_certificate is set, and the two must be set together"));
            }
            (None, Some(_)) => {
                return Err(missing("tls_certificate", "tls_key is set, and the two must be set together"));
            }
        };

        let database: Option<DatabaseUrl> = r.optional("database_url")?;
        let replica: Option<ReplicaUrl> = r.optional("database_read_url")?;
        let database_connections_max = r.count("database_connections_max", 1..=1000)?;

        let sealing_key: Option<SealingKey> = r.optional("sealing_key")?;
        let dpop_nonce_required = r.required("dpop_nonce_required")?;

        let issuer: Option<Issuer> = r.optional("sign_in_issuer")?;
        let client_id: Option<String> = r.optional("sign_in_client_id")?;
        let client_secret: Option<SecretString> = r.optional("sign_in_client_secret")?;
        let sign_in = match (issuer, client_id, client_secret) {
            (Some(Issuer(issuer)), Some(client_id), Some(client_secret)) => {
                Some(SignIn { issuer, client_id, client_secret })
            }
            (None, None, None) => None,
            (None, ..) => return Err(missing("sign_in_issuer", SIGN_IN_WHOLE)),
            (_, None, _) => return Err(missing("sign_in_client_id", SIGN_IN_WHOLE)),
            (.., None) => return Err(missing("sign_in_client_secret", SIGN_IN_WHOLE)),
        };

        let body_bytes_max = r.count("body_bytes_max", 1024..=67_108_864)?;
        let body_timeout_seconds = r.count("body_timeout_seconds", 1..=600)?;
        let rate_reads_per_second = r.rate("rate_reads_per_second")?;
        let rate_writes_per_second = r.rate("rate_writes_per_second")?;
        let rate_address_per_second = r.rate("rate_address_per_second")?;
        let rate_registrations_per_minute = r.rate("rate_registrations_per_minute")?;

        let log: String = r.required("log")?;
        if tracing_subscriber::EnvFilter::try_new(&log).is_err() {
            return Err(r.wrong("log"));
        }
        let log_format = r.optional("log_format")?.unwrap_or_else(usual_log_format);

        if mode == Mode::Live {
            match &public_url {
                None => {
                    return Err(missing(
                        "public_url",
                        "live mode needs the https origin at which partners reach the gateway",
                    ));
                }
                Some(origin) if !origin.is_https() => {
                    return Err(r.wrong_because("public_url", "live mode needs https"));
                }
                Some(_) => {}
            }
            if aliases.iter().flatten().any(|alias| !alias.is_https()) {
                return Err(r.wrong_because("public_url_aliases", "live mode needs https"));
            }
            if sealing_key.is_none() {
                return Err(missing("sealing_key", "live mode stores private keys only sealed"));
            }
        }

        let database_url = database.map_or_else(
            || SecretString::from(format!("sqlite:{}", data_dir.join("quanzi.db").display())),
            |url| url.0,
        );
        if replica.is_some() && !is_postgres(database_url.expose_secret()) {
            return Err(
                r.wrong_because("database_read_url", "only PostgreSQL has replicas, and database_url is SQLite")
            );
        }

        let mut config = Self {
            mode,
            data_dir,
            sandbox_demo,
            workers,
            shutdown_seconds,
            shutdown_delay_seconds,
            listen,
            public_url: public_url.unwrap_or_else(|| Origin(String::new())).0,
            public_url_aliases: aliases.unwrap_or_default().into_iter().map(|origin| origin.0).collect(),
            metrics_listen,
            trusted_proxies,
            tls,
            database_url,
            database_read_url: replica.map(|url| url.0),
            database_connections_max,
            sealing_key,
            dpop_nonce_required,
            sign_in,
            platform_fee_bps,
            body_bytes_max,
            body_timeout_seconds,
            rate_reads_per_second,
            rate_writes_per_second,
            rate_address_per_second,
            rate_registrations_per_minute,
            log,
            log_format,
            settings: reader.settings,
            hints: Vec::new(),
        };
        config.show("workers", config.workers.to_string());
        config.show("database_url", without_password(config.database_url.expose_secret()));
        config.show("log_format", config.log_format.as_str().to_owned());
        config.bound(listen);
        Ok(config)
    }

    /// The address that was really taken: with port 0 the public URL is known only now, unless it is given.
    pub fn bound(&mut self, listen: SocketAddr) {
        self.listen = listen;
        self.show("listen", listen.to_string());
        if self.is_default("public_url") {
            self.public_url = origin(listen, self.tls.is_some());
            self.show("public_url", self.public_url.clone());
        }
        if self.is_default("public_url_aliases") {
            let is_local = self.is_default("public_url") && (listen.ip().is_loopback() || listen.ip().is_unspecified());
            let scheme = if self.tls.is_some() { "https" } else { "http" };
            let alias = format!("{scheme}://localhost:{}", listen.port());
            self.public_url_aliases = if self.mode.is_sandbox() && is_local { vec![alias] } else { Vec::new() };
            self.show("public_url_aliases", self.public_url_aliases.join(","));
        }
    }

    /// Every setting with its effective value and where that comes from, in the order of the table.
    pub fn settings(&self) -> &[EffectiveSetting] {
        &self.settings
    }

    /// Variables that look like a setting written wrongly, in sentences for the log.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// How to open the database.
    pub fn database(&self) -> db::Settings {
        db::Settings {
            read_url: self.database_read_url.clone(),
            read_connections_max: self.database_connections_max,
            write_connections_max: self.database_connections_max,
            ..db::Settings::new(self.database_url.expose_secret())
        }
    }

    /// How long headers, and then the body, may take to arrive.
    pub fn body_timeout(&self) -> Duration {
        Duration::from_secs(self.body_timeout_seconds)
    }

    fn is_default(&self, name: &str) -> bool {
        self.settings.iter().any(|setting| setting.setting.name == name && setting.source == Source::Default)
    }

    fn show(&mut self, name: &str, text: String) {
        if let Some(setting) = self.settings.iter_mut().find(|setting| setting.setting.name == name) {
            setting.text = Some(text).filter(|text| !text.is_empty());
        }
    }
}

/// The origin of an address; an unspecified one is reached by loopback.
fn origin(listen: SocketAddr, is_tls: bool) -> String {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    let address = SocketAddr::new(ip, listen.port());
    let text = if is_tls { format!("https://{address}") } else { format!("http://{address}") };
    // The normal form: without the scheme's usual port.
    Origin::read(&text).map_or(text, |origin| origin.0)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(WORKERS_MAX)
}

fn usual_log_format() -> LogFormat {
    if std::io::stderr().is_terminal() { LogFormat::Pretty } else { LogFormat::Json }
}

fn missing(name: &str, why: &str) -> ConfigError {
    let variable = settings::find(name).map_or("", |setting| setting.variable);
    ConfigError(format!("{name} ({variable}) is missing: {why}"))
}

/// Reads the settings one by one and keeps what can be shown of each.
struct Reader<'v> {
    values: &'v Values,
    settings: Vec<EffectiveSetting>,
}

impl Reader<'_> {
    fn optional<T: Read>(&mut self, name: &str) -> Result<Option<T>, ConfigError> {
        let setting =
            settings::find(name).ok_or_else(|| ConfigError(format!("{name} is not in the table of settings")))?;
        let (text, source) = match (self.values.get(setting), setting.default) {
            (Some(given), _) => (Some(given.text.as_str()), given.source.clone()),
            (None, Preset::Value(text)) => (Some(text), Source::Default),
            (None, Preset::Rule(_) | Preset::Nothing) => (None, Source::Default),
        };
        let value = text.map(|text| T::read(text).ok_or_else(|| self.wrong(name))).transpose()?;
        let shown = text.map(|text| match setting.name {
            "database_url" | "database_read_url" => without_password(text),
            _ if setting.secret => "hidden".to_owned(),
            _ => text.to_owned(),
        });
        self.settings.push(EffectiveSetting { setting, text: shown, source });
        Ok(value)
    }

    fn required<T: Read>(&mut self, name: &str) -> Result<T, ConfigError> {
        self.optional(name)?.ok_or_else(|| ConfigError(format!("{name} has no default")))
    }

    fn number<N: TryFrom<u64>>(
        &mut self,
        name: &str,
        range: std::ops::RangeInclusive<u64>,
    ) -> Result<Option<N>, ConfigError> {
        let Some(number) = self.optional::<u64>(name)? else { return Ok(None) };
        let number = Some(number).filter(|number| range.contains(number)).and_then(|number| N::try_from(number).ok());
        number.map(Some).ok_or_else(|| self.wrong(name))
    }

    fn count<N: TryFrom<u64>>(&mut self, name: &str, range: std::ops::RangeInclusive<u64>) -> Result<N, ConfigError> {
        self.number(name, range)?.ok_or_else(|| ConfigError(format!("{name} has no default")))
    }

    fn rate(&mut self, name: &str) -> Result<NonZeroU32, ConfigError> {
        let rate: u32 = self.count(name, 1..=1_000_000)?;
        NonZeroU32::new(rate).ok_or_else(|| self.wrong(name))
    }

    fn wrong(&self, name: &str) -> ConfigError {
        self.complain(name, None)
    }

    fn wrong_because(&self, name: &str, why: &str) -> ConfigError {
        self.complain(name, Some(why))
    }

    fn complain(&self, name: &str, why: Option<&str>) -> ConfigError {
        let Some(setting) = settings::find(name) else { return ConfigError(format!("{name} is wrong")) };
        let (text, source) = match (self.values.get(setting), setting.default) {
            (Some(given), _) => (given.text.as_str(), &given.source),
            (None, default) => (default.words(), &Source::Default),
        };
        let shown = if setting.secret { "the value (hidden)".to_owned() } else { format!("{text:?}") };
        let named = source.name_of(setting);
        let place = match source {
            Source::Environment => "in the environment".to_owned(),
            Source::File(path) => format!("in {}", path.display()),
            Source::Flag => "on the command line".to_owned(),
            Source::Default => "by default".to_owned(),
        };
        let takes = setting.takes;
        ConfigError(match why {
            None => format!("{named} {place}: {shown} is not {takes}"),
            Some(why) => format!("{named} {place}: {shown} is not allowed: {why}"),
        })
    }
}

#[cfg(test)]
mod tests;
