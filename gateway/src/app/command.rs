//! The command line: `quanzi`, `quanzi config`, `quanzi migrate`, `quanzi keys` and so on. Flags and help are generated from
//! the table of settings.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command as Clap};

use quanzi_openapi::id::PartnerId;

use crate::platform::config::{Config, ConfigError, EffectiveSetting, FILE, FILE_VARIABLE, SETTINGS, Setting};

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Serve until stopped.
    Serve,
    /// Print the effective configuration.
    Config,
    /// Migrate the database, then exit.
    Migrate,
    /// Check and reconcile the ledger, then exit.
    CheckLedger,
    /// Rotate, retire or list the gateway's keys, then exit.
    Keys(KeysAction),
    /// Set a partner's own fee in basis points, or remove it; then exit.
    SetFee(PartnerId, Option<u16>),
}

/// What to do with the gateway's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeysAction {
    /// List the published keys.
    Show,
    /// Create the next key for each purpose.
    Rotate,
    /// Withdraw this key immediately.
    Retire(String),
}

const AFTER: &str = "\
Settings can be given in the file, in the environment and on the command line; the last of these takes precedence.
In the file a setting is named like its flag, with underscores: `body_bytes_max = 1048576`.

Signals:
  SIGTERM, SIGINT   stop accepting requests, finish those in progress, exit
  SIGHUP            reload the TLS certificate and key

Exit codes:
  0   stopped on request, or done
  1   could not start or continue: address in use, database unreachable or newer than this program; or the ledger check found differences
  2   invalid command line or configuration";

/// Parses the command line. Clap prints help, version and usage errors itself.
pub fn parse(
    words: impl IntoIterator<Item = OsString>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<(Command, Result<Config, ConfigError>), clap::Error> {
    let matches = clap().try_get_matches_from(words)?;
    let (action, matches) = match matches.subcommand() {
        Some(("config", inner)) => (Command::Config, inner),
        Some(("migrate", inner)) => (Command::Migrate, inner),
        Some(("ledger", inner)) => (Command::CheckLedger, inner.subcommand_matches("check").unwrap_or(inner)),
        Some(("keys", inner)) => keys(inner)?,
        Some(("fee", inner)) => (set_fee(inner)?, inner),
        Some((_, inner)) => (Command::Serve, inner),
        None => (Command::Serve, &matches),
    };
    let file = matches.get_one::<PathBuf>("config").cloned();
    Ok((action, Config::load(file.as_deref(), environment, flags(matches))))
}

fn keys(matches: &ArgMatches) -> Result<(Command, &ArgMatches), clap::Error> {
    Ok(match matches.subcommand() {
        Some(("rotate", inner)) => (Command::Keys(KeysAction::Rotate), inner),
        Some(("retire", inner)) => {
            let kid = inner.get_one::<String>("kid").cloned();
            let kid = kid.ok_or_else(|| clap::Error::new(clap::error::ErrorKind::MissingRequiredArgument))?;
            (Command::Keys(KeysAction::Retire(kid)), inner)
        }
        _ => (Command::Keys(KeysAction::Show), matches),
    })
}

fn set_fee(matches: &ArgMatches) -> Result<Command, clap::Error> {
    let partner = matches.get_one::<PartnerId>("partner").copied();
    let partner = partner.ok_or_else(|| clap::Error::new(clap::error::ErrorKind::MissingRequiredArgument))?;
    Ok(Command::SetFee(partner, matches.get_one::<u16>("bps").copied()))
}

fn flags(matches: &ArgMatches) -> Vec<(&'static Setting, String)> {
    SETTINGS.iter().filter_map(|setting| Some((setting, matches.get_one::<String>(setting.name)?.clone()))).collect()
}

fn clap() -> Clap {
    let config = Arg::new("config")
        .long("config")
        .global(true)
        .value_name("path")
        .value_parser(clap::value_parser!(PathBuf))
        .help(format!("Configuration file, in TOML\n[{FILE_VARIABLE}, default: {FILE} if it exists]"));
    Clap::new("quanzi")
        .version(env!("CARGO_PKG_VERSION"))
        .about(
            "The Quanzi gateway: circles that partners run.\n\nWithout arguments it starts a sandbox with an embedded database under data/.",
        )
        .after_help(AFTER)
        .max_term_width(120)
        .next_line_help(true)
        .disable_help_subcommand(true)
        .subcommand(Clap::new("serve").about("Serve until stopped; the default without a command"))
        .subcommand(Clap::new("config").about("Print the effective configuration and the source of each value; secrets are hidden"))
        .subcommand(Clap::new("migrate").about("Create or migrate the database, then exit"))
        .subcommand(
            Clap::new("ledger").about("The ledger").subcommand_required(true).arg_required_else_help(true).subcommand(
                Clap::new("check").about(
                    "Recompute every balance from its transfers, reconcile every payment with its transfers, print the differences, then exit",
                ),
            ),
        )
        .subcommand(
            Clap::new("keys")
                .about("List the gateway's own published keys")
                .subcommand(Clap::new("rotate").about(
                    "Create the next keys: published within a minute, used after ten minutes; the previous keys stay valid for thirty days",
                ))
                .subcommand(
                    Clap::new("retire")
                        .about("Withdraw a compromised key immediately; tokens it signed become invalid within a minute")
                        .arg(Arg::new("kid").required(true).help("The key's id, as `quanzi keys` shows it")),
                ),
        )
        .subcommand(
            Clap::new("fee")
                .about("Set a partner's own fee for future payments; without a number the platform's fee applies again")
                .arg(Arg::new("partner").required(true).value_parser(clap::value_parser!(PartnerId)).help("ptn_…"))
                .arg(
                    Arg::new("bps")
                        .value_parser(clap::value_parser!(u16).range(0..=10_000))
                        .help("Basis points, 0 to 10000: 300 is 3 %"),
                ),
        )
        .arg(config)
        .args(SETTINGS.iter().map(flag))
}

fn flag(setting: &'static Setting) -> Arg {
    let flag = Arg::new(setting.name)
        .long(setting.flag)
        .global(true)
        .action(ArgAction::Set)
        .value_name("value")
        .hide_default_value(true)
        .help_heading(setting.group.heading());
    let Setting { about, takes, variable, default, .. } = setting;
    let flag = flag.help(format!("{about}\n{takes}\n[{variable}, default: {}]", default.words()));
    // A switch may stand alone.
    if *takes == "true or false" {
        flag.num_args(0..=1).require_equals(true).default_missing_value("true")
    } else {
        flag.allow_hyphen_values(true)
    }
}

/// The effective configuration as a configuration file, without its secrets.
pub fn print(config: &Config) -> String {
    let mut out = String::new();
    let mut group = None;
    for EffectiveSetting { setting, text, source } in config.settings() {
        if group.replace(setting.group) != Some(setting.group) {
            let gap = if out.is_empty() { "" } else { "\n" };
            let _ = writeln!(out, "{gap}# {}", setting.group.heading());
        }
        let line = match text {
            // What JSON escapes, TOML escapes in the same way.
            Some(text) => format!("{} = {}", setting.name, serde_json::Value::from(text.as_str())),
            None => format!("# {} is not set", setting.name),
        };
        let _ = writeln!(out, "{line:<56}  # {source}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_here(words: &[&str]) -> (Command, Result<Config, ConfigError>) {
        parse(words.iter().map(OsString::from), []).expect("a right command line")
    }

    #[test]
    fn the_command_line_is_well_formed() {
        clap().debug_assert();
    }

    #[test]
    fn the_help_lists_every_setting_with_variable_and_default() {
        let help = clap().render_long_help().to_string();

        for setting in SETTINGS {
            assert!(help.contains(&format!("--{}", setting.flag)), "{}", setting.name);
            assert!(help.contains(&format!("[{}, default: ", setting.variable)), "{}", setting.name);
        }
        assert!(help.contains("Exit codes:"));
    }

    #[test]
    fn flags_stand_before_and_after_the_command() {
        let (action, config) = parse_here(&["quanzi", "--workers", "3", "config", "--listen", "127.0.0.1:9"]);
        let config = config.expect("a right configuration");

        assert_eq!(action, Command::Config);
        assert_eq!((config.workers, config.listen.port()), (3, 9));
    }

    #[test]
    fn the_books_and_fees_have_commands() {
        let partner = "ptn_01JD8Z6T5M3Q9V0K7W2X4Y6Z8A";
        let id: PartnerId = partner.parse().expect("an id");

        assert_eq!(parse_here(&["quanzi", "ledger", "check", "--workers", "3"]).0, Command::CheckLedger);
        assert_eq!(parse_here(&["quanzi", "fee", partner, "250"]).0, Command::SetFee(id, Some(250)));
        assert_eq!(parse_here(&["quanzi", "fee", partner]).0, Command::SetFee(id, None));
        for wrong in [["fee", "ptn_1"].as_slice(), &["fee", partner, "10001"], &["ledger"]] {
            let words = std::iter::once("quanzi").chain(wrong.iter().copied()).map(OsString::from);
            assert!(parse(words, []).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_keys_have_commands() {
        let action = |words: &[&str]| parse_here(&[&["quanzi", "keys"], words].concat()).0;

        assert_eq!(action(&[]), Command::Keys(KeysAction::Show));
        assert_eq!(action(&["rotate", "--workers", "3"]), Command::Keys(KeysAction::Rotate));
        assert_eq!(action(&["retire", "k1"]), Command::Keys(KeysAction::Retire("k1".to_owned())));
        assert!(parse(["quanzi", "keys", "retire"].map(OsString::from), []).is_err());
    }

    #[test]
    fn a_switch_may_stand_alone() {
        let alone = parse_here(&["quanzi", "--dpop-nonce-required"]).1.expect("a right configuration");
        let off = parse_here(&["quanzi", "--sandbox-demo=false"]).1.expect("a right configuration");

        assert!(alone.dpop_nonce_required && !off.sandbox_demo);
    }

    #[test]
    fn the_printed_configuration_can_be_read_again_and_keeps_its_secrets() {
        let secret = "postgres://quanzi:hunter2@db.example.com/quanzi?password=hunter2";
        let (_, config) = parse_here(&[
            "quanzi",
            "--database-url",
            secret,
            "--workers",
            "3",
            "--sealing-key",
            &format!("{}=", "A".repeat(43)),
        ]);

        let text = print(&config.expect("a right configuration"));

        let table: toml::Table = toml::from_str(&text).expect("valid TOML");
        assert_eq!(table.get("workers").and_then(toml::Value::as_str), Some("3"));
        assert!(text.contains("# command line") && text.contains("# default"), "{text}");
        assert!(!text.contains("hunter2") && !text.contains("AAAA"), "{text}");
        assert!(text.contains("postgres://quanzi:hidden@db.example.com/quanzi"), "{text}");
    }
}
