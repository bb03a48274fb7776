//! Validation of configurations.

use super::*;

const SEALING_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn environment(variables: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect()
}

fn from_file(text: &str) -> Result<Config, ConfigError> {
    let mut values = Values::default();
    values.toml(text, Path::new("quanzi.toml"))?;
    Config::read(&values)
}

fn message<T>(outcome: Result<T, ConfigError>) -> String {
    outcome.err().expect("a refusal").to_string()
}

#[test]
fn the_three_names_of_a_knob_are_one_name() {
    for setting in SETTINGS {
        assert_eq!(setting.variable, format!("QUANZI_{}", setting.name.to_uppercase()));
        assert_eq!(setting.flag, setting.name.replace('_', "-"));
        assert!(setting.about.ends_with('.'), "{}", setting.name);
    }
}

#[test]
fn every_knob_is_read_once_and_shown_in_the_order_of_the_table() {
    let config = Config::of(&[]).expect("the defaults are right");

    let shown: Vec<_> = config.settings().iter().map(|setting| setting.setting.name).collect();
    let declared: Vec<_> = SETTINGS.iter().map(|setting| setting.name).collect();
    assert_eq!(shown, declared);
}

#[test]
fn a_bare_gateway_is_a_sandbox_on_loopback() {
    let config = Config::of(&[]).expect("the defaults are right");

    assert!(config.mode.is_sandbox() && config.sandbox_demo);
    assert_eq!(config.public_url, "http://127.0.0.1:8080");
    assert_eq!(config.public_url_aliases, ["http://localhost:8080"]);
    assert_eq!(config.database_url.expose_secret(), "sqlite:data/quanzi.db");
    assert_eq!(config.body_bytes_max, 1 << 20);
}

#[test]
fn the_public_url_follows_the_port_that_was_taken_unless_it_is_given() {
    let mut derived = Config::of(&[("listen", "127.0.0.1:0")]).expect("right");
    let mut given =
        Config::of(&[("listen", "127.0.0.1:0"), ("public_url", "https://API.example.com/")]).expect("right");
    let bound = "127.0.0.1:4711".parse().expect("an address");

    derived.bound(bound);
    given.bound(bound);

    assert_eq!(derived.public_url, "http://127.0.0.1:4711");
    assert_eq!(derived.public_url_aliases, ["http://localhost:4711"]);
    assert_eq!(given.public_url, "https://api.example.com");
    assert!(given.public_url_aliases.is_empty());
}

#[test]
fn an_unspecified_address_is_reached_by_loopback() {
    let config = Config::of(&[("listen", "0.0.0.0:80")]).expect("right");

    assert_eq!(config.public_url, "http://127.0.0.1");
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let folder = std::env::temp_dir().join(format!("quanzi-config-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let file = folder.join("quanzi.toml");
    std::fs::write(&file, "workers = 1\nbody_bytes_max = 2048\nlog = \"warn\"\n").expect("a file");
    let workers = settings::find("workers").expect("a setting");

    let variables = environment(&[("QUANZI_WORKERS", "2"), ("QUANZI_LOG", "debug"), ("QUANZI_MODE", "")]);
    let config = Config::load(Some(&file), variables, [(workers, "3".to_owned())]).expect("right");
    let by_variable =
        Config::load(None, environment(&[("QUANZI_CONFIG", &file.display().to_string())]), []).expect("right");
    std::fs::remove_dir_all(&folder).expect("the folder goes");

    assert_eq!((config.workers, config.log.as_str(), config.body_bytes_max), (3, "debug", 2048));
    let sources: Vec<_> = ["workers", "log", "body_bytes_max", "mode"]
        .iter()
        .map(|name| {
            config.settings().iter().find(|setting| setting.setting.name == *name).expect("shown").source.clone()
        })
        .collect();
    assert_eq!(sources, [Source::Flag, Source::Environment, Source::File(file), Source::Default]);
    assert_eq!(by_variable.workers, 1);
}

#[test]
fn a_named_file_must_be_there() {
    assert!(
        message(Config::load(Some(Path::new("/nowhere.toml")), [], [])).contains("/nowhere.toml could not be read")
    );
}

#[test]
fn an_error_names_knob_source_value_and_what_is_expected() {
    let by_flag = message(Config::of(&[("listen", "8080")]));
    let by_variable = message(Config::load(None, environment(&[("QUANZI_WORKERS", "many")]), []));
    let by_file = message(from_file("mode = \"prod\""));

    assert_eq!(by_flag, "--listen on the command line: \"8080\" is not an address with a port, such as 127.0.0.1:8080");
    assert_eq!(by_variable, "QUANZI_WORKERS in the environment: \"many\" is not a number from 1 to 512");
    assert_eq!(by_file, "mode in quanzi.toml: \"prod\" is not sandbox or live");
}

#[test]
fn numbers_stay_in_the_range_that_the_table_says() {
    for setting in SETTINGS.iter().filter(|setting| setting.takes.starts_with("a number from ")) {
        let mut bounds = setting.takes.split(' ').filter_map(|word| word.parse::<u64>().ok());
        let (least, most) = (bounds.next().expect("a bound"), bounds.next().expect("a bound"));

        assert!(Config::of(&[(setting.name, &least.to_string())]).is_ok(), "{}", setting.name);
        assert!(Config::of(&[(setting.name, &most.to_string())]).is_ok(), "{}", setting.name);
        assert!(Config::of(&[(setting.name, &(most + 1).to_string())]).is_err(), "{}", setting.name);
        assert!(least == 0 || Config::of(&[(setting.name, &(least - 1).to_string())]).is_err(), "{}", setting.name);
    }
}

#[test]
fn a_text_that_fits_no_type_is_refused_by_every_knob_that_has_one() {
    let takes_any_text =
        ["data_dir", "tls_certificate", "tls_key", "log", "sign_in_client_id", "sign_in_client_secret"];
    for setting in SETTINGS.iter().filter(|setting| !takes_any_text.contains(&setting.name)) {
        let error = message(Config::of(&[(setting.name, "not\u{1}this")]));

        assert!(error.contains(setting.takes) && error.contains(setting.flag), "{error}");
    }
    assert!(message(Config::of(&[("log", "info,=%")])).contains("a filter such as"));
}

#[test]
fn a_sign_in_is_given_whole_over_https_and_its_secret_is_not_shown() {
    let whole = [
        ("sign_in_issuer", "https://wallet.example/"),
        ("sign_in_client_id", "quanzi"),
        ("sign_in_client_secret", "s3cret"),
    ];
    let config = Config::of(&whole).expect("right");

    assert_eq!(config.sign_in.as_ref().map(|sign_in| sign_in.issuer.as_str()), Some("https://wallet.example/"));
    assert!(!format!("{config:?}").contains("s3cret"));
    for left_out in 0..3 {
        let mut given = whole.to_vec();
        let (name, _) = given.remove(left_out);
        assert!(message(Config::of(&given)).contains(name), "{name}");
    }
    for issuer in ["http://wallet.example", "https://wallet.example?x=1", "https://u@wallet.example", "wallet.example"]
    {
        assert!(message(Config::of(&[("sign_in_issuer", issuer)])).contains("https URL"), "{issuer}");
    }
}

#[test]
fn unknown_keys_of_the_file_are_refused_with_the_nearest_name() {
    assert_eq!(
        message(from_file("publik_url = \"x\"")),
        "there is no setting publik_url (quanzi.toml); did you mean public_url?"
    );
    assert!(message(from_file("[database]\nuri = \"x\"")).contains("did you mean database_url?"));
}

#[test]
fn a_knob_may_stand_in_a_section_but_not_twice() {
    let section = from_file("[database]\nurl = \"postgres://q@db/q\"").expect("right");

    assert_eq!(section.database_url.expose_secret(), "postgres://q@db/q");
    let twice = "database_url = \"sqlite:a\"\n[database]\nurl = \"sqlite:b\"";
    assert_eq!(message(from_file(twice)), "database_url appears twice in quanzi.toml");
}

#[test]
fn a_broken_file_is_refused_without_quoting_it() {
    let error = message(from_file("mode = \"live\"\nsealing_key = \"hunter2"));

    assert!(error.contains("not valid TOML near line 2") && !error.contains("hunter2"), "{error}");
}

#[test]
fn lists_are_arrays_or_commas() {
    let array = from_file("trusted_proxies = [\"10.0.0.0/8\", \"192.0.2.1\"]").expect("right");
    let commas = Config::of(&[("trusted_proxies", "10.0.0.0/8, 192.0.2.1")]).expect("right");

    assert_eq!(array.trusted_proxies, commas.trusted_proxies);
    assert_eq!(array.trusted_proxies.len(), 2);
}

#[test]
fn variables_that_look_like_a_knob_are_hinted_at_and_others_left_alone() {
    let variables = environment(&[("QUANZI_LISTN", "x"), ("QUANZI_SERVICE_HOST", "10.0.0.1"), ("QUANZI_URL", "x")]);

    let config = Config::load(None, variables, []).expect("right");

    assert_eq!(config.hints(), ["the variable QUANZI_LISTN is ignored; did you mean QUANZI_LISTEN?"]);
}

#[test]
fn live_mode_needs_https_and_a_sealing_key() {
    let live = |more: &[(&str, &str)]| Config::of(&[&[("mode", "live")], more].concat());
    let https = ("public_url", "https://api.example.com");
    let key = ("sealing_key", SEALING_KEY);

    assert!(live(&[https, key]).is_ok());
    assert!(message(live(&[key])).starts_with("public_url (QUANZI_PUBLIC_URL) is missing"));
    assert!(message(live(&[https])).starts_with("sealing_key (QUANZI_SEALING_KEY) is missing"));
    assert!(message(live(&[("public_url", "http://api.example.com"), key])).ends_with("live mode needs https"));
    assert!(
        message(live(&[https, key, ("public_url_aliases", "http://a.example")])).ends_with("live mode needs https")
    );
}

#[test]
fn an_origin_is_nothing_but_an_origin() {
    for wrong in [
        "api.example.com",
        "ftp://a.example",
        "https://a.example/api",
        "https://u:p@a.example",
        "https://a.example?x=1",
    ] {
        assert!(Config::of(&[("public_url", wrong)]).is_err(), "{wrong}");
    }
    assert_eq!(Config::of(&[("public_url", "https://a.example:443")]).expect("right").public_url, "https://a.example");
}

#[test]
fn certificate_and_key_come_together() {
    assert!(message(Config::of(&[("tls_certificate", "a.pem")])).starts_with("tls_key (QUANZI_TLS_KEY) is missing"));
    let both = Config::of(&[("tls_certificate", "a.pem"), ("tls_key", "b.pem")]).expect("right");
    assert_eq!(both.public_url, "https://127.0.0.1:8080");
}

#[test]
fn a_replica_needs_postgresql() {
    assert!(message(Config::of(&[("database_read_url", "postgres://q@db/q")])).contains("database_url is SQLite"));
}

#[test]
fn debug_and_errors_keep_secrets() {
    let url = "postgres://quanzi:hunter2@db.example.com/quanzi";
    let given = [("database_url", url), ("database_read_url", url), ("sealing_key", SEALING_KEY)];

    let debug = format!("{:?}", Config::of(&given).expect("right"));
    let wrong_url = message(Config::of(&[("database_url", "mysql://quanzi:hunter2@db/q")]));
    let wrong_key = message(Config::of(&[("sealing_key", "hunter2")]));

    for text in [debug, wrong_url, wrong_key] {
        assert!(!text.contains("hunter2") && !text.contains("AAECAwQF") && !text.contains("1, 2, 3"), "{text}");
    }
}

/// With `UPDATE=1` the table in the guide is regenerated.
#[test]
fn the_guide_for_operators_has_the_table_of_settings() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guides/operating.md");
    let guide = std::fs::read_to_string(&path).expect("the guide");
    let (before, rest) = guide.split_once("<!-- settings -->\n").expect("the mark before the table");
    let (table, after) = rest.split_once("\n<!-- /settings -->").expect("the mark after the table");

    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, format!("{before}<!-- settings -->\n{}\n<!-- /settings -->{after}", markdown()))
            .expect("written");
    } else {
        assert_eq!(table, markdown(), "the table is stale: run this test with UPDATE=1");
    }
}
