//! Every setting of the gateway: name, variable, flag, values, default, description. This is the one place where a setting
//! is declared: help, `quanzi config`, the file's keys and the table of `docs/guides/operating.md` are generated from it.

use std::fmt::Write as _;

/// A setting as data. Its type is that of the field of the same name in [`Config`](super::Config).
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Key in the file, and field of the configuration.
    pub name: &'static str,
    /// Variable in the environment.
    pub variable: &'static str,
    /// Flag on the command line, without the dashes.
    pub flag: &'static str,
    /// Where it stands in the help.
    pub group: Group,
    /// What it takes, as it ends the sentence "… is not …".
    pub takes: &'static str,
    /// What it is when nobody says anything.
    pub default: Preset,
    /// Whether its value must not be shown.
    pub secret: bool,
    /// One sentence.
    pub about: &'static str,
}

/// What a setting is when nobody says anything.
#[derive(Debug, Clone, Copy)]
pub enum Preset {
    /// This text.
    Value(&'static str),
    /// What follows from other settings or from the machine, in words.
    Rule(&'static str),
    /// Nothing: the feature is off.
    Nothing,
}

/// Headings of the help, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the headings say it")]
pub enum Group {
    House,
    Network,
    Database,
    Security,
    Limits,
    Logs,
}

impl Group {
    /// The heading.
    pub const fn heading(self) -> &'static str {
        match self {
            Self::House => "General",
            Self::Network => "Network",
            Self::Database => "Database",
            Self::Security => "Security",
            Self::Limits => "Limits",
            Self::Logs => "Logs",
        }
    }
}

/// Reads one line of the table.
const fn setting(
    group: Group,
    [name, variable, flag]: [&'static str; 3],
    takes: &'static str,
    default: Preset,
    about: &'static str,
) -> Setting {
    Setting { name, variable, flag, group, takes, default, secret: false, about }
}

const fn secret(setting: Setting) -> Setting {
    Setting { secret: true, ..setting }
}

use Group::{Database, House, Limits, Logs, Network, Security};
use Preset::{Nothing, Rule, Value};

/// Every setting. All three names are written out, so that a search for any of them ends here.
#[rustfmt::skip] // a table: one setting is two lines
pub const SETTINGS: &[Setting] = &[
    setting(House, ["mode", "QUANZI_MODE", "mode"], "sandbox or live", Value("sandbox"),
        "Purpose of the deployment: a sandbox has test fans and explains signature errors; live serves real fans and requires https and a sealing key."),
    setting(House, ["data_dir", "QUANZI_DATA_DIR", "data-dir"], "a folder", Value("data"),
        "Folder for the embedded database and the demo partner's key."),
    setting(House, ["sandbox_demo", "QUANZI_SANDBOX_DEMO", "sandbox-demo"], "true or false", Value("true"),
        "Whether a sandbox creates a demo partner on its first start."),
    setting(House, ["platform_fee_bps", "QUANZI_PLATFORM_FEE_BPS", "platform-fee-bps"], "a number from 0 to 10000", Value("300"),
        "The platform's fee in basis points, for partners without a fee of their own."),
    setting(House, ["workers", "QUANZI_WORKERS", "workers"], "a number from 1 to 512", Rule("one per core"),
        "Number of threads that serve requests."),
    setting(House, ["shutdown_seconds", "QUANZI_SHUTDOWN_SECONDS", "shutdown-seconds"], "a number from 0 to 3600", Value("30"),
        "How long requests in progress may take to finish during shutdown."),
    setting(House, ["shutdown_delay_seconds", "QUANZI_SHUTDOWN_DELAY_SECONDS", "shutdown-delay-seconds"], "a number from 0 to 600", Value("0"),
        "How long /readyz reports not ready before the gateway stops accepting connections, so that load balancers can redirect traffic."),

    setting(Network, ["listen", "QUANZI_LISTEN", "listen"], "an address with a port, such as 127.0.0.1:8080", Value("127.0.0.1:8080"),
        "Address to listen on; port 0 picks a free port."),
    setting(Network, ["public_url", "QUANZI_PUBLIC_URL", "public-url"], "an origin, such as https://api.example.com", Rule("the address of listen"),
        "Origin at which partners reach the gateway: part of what they sign, and the issuer of tokens. Must be https in live mode."),
    setting(Network, ["public_url_aliases", "QUANZI_PUBLIC_URL_ALIASES", "public-url-aliases"], "a list of origins, separated by commas", Rule("http://localhost:{port} in a sandbox on loopback"),
        "Other origins that signatures may use, for example during a change of domain."),
    setting(Network, ["metrics_listen", "QUANZI_METRICS_LISTEN", "metrics-listen"], "an address with a port, such as 127.0.0.1:9464", Nothing,
        "Address that serves only /metrics, for Prometheus."),
    setting(Network, ["trusted_proxies", "QUANZI_TRUSTED_PROXIES", "trusted-proxies"], "a list of networks such as 10.0.0.0/8, separated by commas", Nothing,
        "Proxies whose X-Forwarded-For header is trusted."),
    setting(Network, ["tls_certificate", "QUANZI_TLS_CERTIFICATE", "tls-certificate"], "a file", Nothing,
        "Certificate chain in PEM; with it the gateway serves https itself. SIGHUP reloads certificate and key."),
    setting(Network, ["tls_key", "QUANZI_TLS_KEY", "tls-key"], "a file", Nothing,
        "Private key of the certificate, in PEM."),

    secret(setting(Database, ["database_url", "QUANZI_DATABASE_URL", "database-url"], "sqlite:path or postgres://user:password@host/name", Rule("sqlite:{data_dir}/quanzi.db"),
        "The database: an embedded file, or PostgreSQL.")),
    secret(setting(Database, ["database_read_url", "QUANZI_DATABASE_READ_URL", "database-read-url"], "postgres://user:password@host/name", Nothing,
        "A PostgreSQL replica for reads; without it, reads go to the database itself.")),
    setting(Database, ["database_connections_max", "QUANZI_DATABASE_CONNECTIONS_MAX", "database-connections-max"], "a number from 1 to 1000", Value("8"),
        "Maximum number of connections of this process for reading, the same number again for writing, and three for payments; SQLite always has one for writing."),

    secret(setting(Security, ["sealing_key", "QUANZI_SEALING_KEY", "sealing-key"], "32 bytes in base64", Nothing,
        "Encrypts the gateway's own private keys in the database; required in live mode. Create one with `openssl rand -base64 32`.")),
    setting(Security, ["dpop_nonce_required", "QUANZI_DPOP_NONCE_REQUIRED", "dpop-nonce-required"], "true or false", Value("false"),
        "Whether DPoP proofs must contain a nonce from this server."),

    setting(Security, ["sign_in_issuer", "QUANZI_SIGN_IN_ISSUER", "sign-in-issuer"], "an https URL (http on loopback only)", Nothing,
        "Issuer of the OpenID Connect provider where fans sign in, in live mode; exactly as the provider states it."),
    setting(Security, ["sign_in_client_id", "QUANZI_SIGN_IN_CLIENT_ID", "sign-in-client-id"], "text", Nothing,
        "The gateway's client id at that provider; register the public URL followed by `/sign-in/back` as its redirect URI."),
    secret(setting(Security, ["sign_in_client_secret", "QUANZI_SIGN_IN_CLIENT_SECRET", "sign-in-client-secret"], "text", Nothing,
        "The gateway's client secret at that provider.")),

    setting(Limits, ["body_bytes_max", "QUANZI_BODY_BYTES_MAX", "body-bytes-max"], "a number from 1024 to 67108864", Value("1048576"),
        "Maximum size of a request body in bytes."),
    setting(Limits, ["body_timeout_seconds", "QUANZI_BODY_TIMEOUT_SECONDS", "body-timeout-seconds"], "a number from 1 to 600", Value("10"),
        "How long the headers, and then the body, of a request may take to arrive."),
    setting(Limits, ["rate_reads_per_second", "QUANZI_RATE_READS_PER_SECOND", "rate-reads-per-second"], "a number from 1 to 1000000", Value("100"),
        "Maximum number of reads per second of one app."),
    setting(Limits, ["rate_writes_per_second", "QUANZI_RATE_WRITES_PER_SECOND", "rate-writes-per-second"], "a number from 1 to 1000000", Value("50"),
        "Maximum number of state-changing calls per second of one app."),
    setting(Limits, ["rate_address_per_second", "QUANZI_RATE_ADDRESS_PER_SECOND", "rate-address-per-second"], "a number from 1 to 1000000", Value("200"),
        "Maximum number of requests per second from one IP address, checked before anything else."),
    setting(Limits, ["rate_registrations_per_minute", "QUANZI_RATE_REGISTRATIONS_PER_MINUTE", "rate-registrations-per-minute"], "a number from 1 to 1000000", Value("10"),
        "Maximum number of partners that one IP address may register per minute in a sandbox."),

    setting(Logs, ["log", "QUANZI_LOG", "log"], "a filter such as info or quanzi_gateway=debug,info", Value("info"),
        "What is logged, to standard error."),
    setting(Logs, ["log_format", "QUANZI_LOG_FORMAT", "log-format"], "pretty or json", Rule("pretty in a terminal, otherwise json"),
        "Format of the log."),
];

/// The setting of this name.
pub fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

impl Preset {
    /// The default in words.
    pub const fn words(self) -> &'static str {
        match self {
            Value(text) | Rule(text) => text,
            Nothing => "none",
        }
    }
}

/// The table for `docs/guides/operating.md`.
pub fn markdown() -> String {
    let mut table = String::new();
    for (index, setting) in SETTINGS.iter().enumerate() {
        let is_first = index
            .checked_sub(1)
            .and_then(|before| SETTINGS.get(before))
            .is_none_or(|before| before.group != setting.group);
        if is_first {
            let heading = setting.group.heading();
            // Writing to a string cannot fail.
            let _ = write!(
                table,
                "\n### {heading}\n\n| key in the file | variable | flag | value | default | |\n|---|---|---|---|---|---|\n"
            );
        }
        let Setting { name, variable, flag, takes, default, about, .. } = setting;
        let default = match default {
            Value(text) => format!("`{text}`"),
            Rule(_) | Nothing => default.words().to_owned(),
        };
        let _ = writeln!(table, "| `{name}` | `{variable}` | `--{flag}` | {takes} | {default} | {about} |");
    }
    table
}
