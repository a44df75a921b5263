mod access;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser as _;

use super::*;
use crate::cli::args::Args;
use crate::telemetry::Format;
use crate::telemetry::log::Filter;

/// Settings from a command line, variables and the content of a settings file.
fn load(
    options: &[&str],
    variables: &[(&str, &str)],
    file: Option<&str>,
) -> Result<Settings, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("larder.toml");
    let mut options: Vec<OsString> = options.iter().map(OsString::from).collect();
    if let Some(text) = file {
        std::fs::write(&path, text).unwrap();
        options.extend(["--config".into(), path.clone().into_os_string()]);
    }
    let variables: HashMap<&str, &str> = variables.iter().copied().collect();
    let args = Args::try_parse_from(std::iter::once("larder".into()).chain(options)).unwrap();
    Settings::load(&args.serve, &|name| variables.get(name).map(OsString::from)).map_err(|error| {
        assert_eq!(error.exit_code(), std::process::ExitCode::from(2));
        error.to_string().replace(&format!("{}/", dir.path().display()), "")
    })
}

fn file_error(text: &str) -> String {
    load(&[], &[], Some(text)).expect_err(text)
}

#[test]
fn without_a_word_everything_has_its_default() {
    let settings = load(&[], &[], None).unwrap();
    assert_eq!(settings, Settings::default());
    assert_eq!(settings.listen, ["127.0.0.1:3128".parse().unwrap()]);
    assert_eq!(settings.memory, 256 << 20);
    assert_eq!(settings.spool_budget, 64 << 20);
    assert_eq!(settings.disk, 10 << 30);
    assert_eq!(settings.cache_dir, Path::new("cache"));
    assert_eq!(settings.log_format, Format::Pretty);
    assert_eq!(settings.log_level, Filter::from_level("info").unwrap());
    assert_eq!(settings.write_behind_rate, 64 << 20);
}

#[test]
fn option_beats_environment_beats_file_beats_default() {
    let file = Some("memory = \"3MiB\"\nworkers = 3\nmax_object = 3000\nlog_format = \"squid\"");
    let variables = [("LARDER_MEMORY", "2MiB"), ("LARDER_WORKERS", "2"), ("LARDER_DISK", "0")];
    let settings = load(&["--memory", "1MiB"], &variables, file).unwrap();
    assert_eq!(settings.memory, 1 << 20, "option");
    assert_eq!(settings.workers, 2, "environment");
    assert_eq!(settings.max_object, 3000, "file");
    assert_eq!(settings.log_format, Format::Squid, "file");
    assert_eq!(settings.max_head, 65_536, "default");
}

#[test]
fn targeted_fields_are_those_of_a_reverse_proxy_unless_a_list_is_given() {
    let listed = |options: &[&str]| -> Vec<String> {
        let settings = load(options, &[], None).unwrap();
        settings.targeted_fields.iter().map(ToString::to_string).collect()
    };
    assert_eq!(listed(&[]), [""; 0]);
    assert_eq!(listed(&["--origin", "http://localhost"]), ["cdn-cache-control"]);
    assert_eq!(listed(&["--origin", "http://localhost", "--targeted-fields", ""]), [""; 0]);
    assert_eq!(listed(&["--targeted-fields", "X-A, X-B"]), ["x-a", "x-b"]);
    let error = load(&["--targeted-fields", "not a name"], &[], None).unwrap_err();
    assert_eq!(
        error,
        "--targeted-fields: expected names of fields such as CDN-Cache-Control, found \"not a name\""
    );
    let error = file_error("error_lifetime = \"11s\"");
    assert!(
        error.starts_with("larder.toml:1: error_lifetime: must not be more than 10s"),
        "{error}"
    );
}

#[test]
fn every_option_is_a_variable() {
    let cases = [
        ("LARDER_LISTEN", "127.0.0.1:1,127.0.0.1:2"),
        ("LARDER_CACHE_DIR", "elsewhere"),
        ("LARDER_DISK", "64MiB"),
        ("LARDER_RESET_CACHE", "true"),
        ("LARDER_MEMORY", "1GiB"),
        ("LARDER_MAX_MEMORY_OBJECT", "2MiB"),
        ("LARDER_MAX_OBJECT", "1GiB"),
        ("LARDER_WORKERS", "77"),
        ("LARDER_ORIGIN", "http://localhost:8080"),
        ("LARDER_TARGETED_FIELDS", "X-Cache-Control, CDN-Cache-Control"),
        ("LARDER_GATEWAY", "yes"),
        ("LARDER_LOG_FORMAT", "json"),
        ("LARDER_LOG_LEVEL", "warn"),
        ("LARDER_LOG_FILE", "larder.log"),
        ("LARDER_UPSTREAM_CA", "ca.pem"),
    ];
    assert_eq!(cases.len(), ServeArgs::KEYS.len());
    for ((name, value), key) in cases.into_iter().zip(ServeArgs::KEYS) {
        assert_eq!(name, layer::variable_name(key));
        let settings = load(&[], &[(name, value)], None).unwrap();
        assert_ne!(settings, Settings::default(), "{name}");
        let empty = load(&[], &[(name, "")], None).unwrap();
        assert_eq!(empty, Settings::default(), "an empty {name} says nothing");
    }
    let limits = load(&[], &[("LARDER_MAX_HEAD", "1KiB")], None).unwrap();
    assert_eq!(limits, Settings::default(), "only options are variables");
}

#[test]
fn the_environment_may_name_the_file_and_an_option_another() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("named.toml");
    std::fs::write(&path, "workers = 9").unwrap();
    let name = path.to_str().unwrap();
    assert_eq!(load(&[], &[("LARDER_CONFIG", name)], None).unwrap().workers, 9);
    let other = load(&[], &[("LARDER_CONFIG", name)], Some("workers = 8"));
    assert_eq!(other.unwrap().workers, 8);
}

#[test]
fn an_option_replaces_a_list() {
    let file = Some("listen = [\"127.0.0.1:1\", \"127.0.0.1:2\"]");
    let settings = load(&["--listen", "127.0.0.1:3"], &[], file).unwrap();
    assert_eq!(settings.listen, ["127.0.0.1:3".parse().unwrap()]);
    assert_eq!(load(&[], &[], file).unwrap().listen.len(), 2);
}

#[test]
fn a_flag_can_be_turned_off_again() {
    let file = Some("gateway = true");
    assert!(load(&[], &[], file).unwrap().gateway);
    assert!(!load(&["--gateway=false"], &[], file).unwrap().gateway);
    assert!(load(&["--gateway"], &[("LARDER_GATEWAY", "no")], None).unwrap().gateway);
}

#[test]
fn rust_log_counts_only_when_larders_own_words_are_silent() {
    let rust_log = ("RUST_LOG", "larder=debug");
    let level = |options: &[&str], variables: &[(&str, &str)], file| {
        load(options, variables, file).unwrap().log_level
    };
    let named = |word| Filter::from_level(word).unwrap();
    let directives = Filter::from_directives("larder=debug").unwrap();
    assert_eq!(level(&[], &[rust_log], None), directives);
    assert_eq!(level(&["--log-level", "warn"], &[rust_log], None), named("warn"));
    assert_eq!(level(&[], &[rust_log, ("LARDER_LOG_LEVEL", "error")], None), named("error"));
    assert_eq!(level(&[], &[rust_log], Some("log_level = \"warn\"")), directives);
    assert_eq!(level(&[], &[], Some("log_level = \"warn\"")), named("warn"));
    let error = load(&[], &[("RUST_LOG", "larder=loud")], None).unwrap_err();
    assert!(error.starts_with("RUST_LOG: expected a level"), "{error}");
}

/// Every key with a value that is not its default, as it stands in the file.
const EVERY_KEY: &[(&str, &str)] = &[
    ("listen", "[\"127.0.0.1:0\"]"),
    ("cache_dir", "\"elsewhere\""),
    ("disk", "0"),
    ("reset_cache", "true"),
    ("memory", "\"1GiB\""),
    ("max_memory_object", "\"2MiB\""),
    ("max_object", "\"1GiB\""),
    ("workers", "77"),
    ("origin", "\"http://localhost:8080\""),
    ("targeted_fields", "[\"X-Cache-Control\"]"),
    ("gateway", "true"),
    ("log_format", "\"json\""),
    ("log_level", "\"debug\""),
    ("log_file", "\"larder.log\""),
    ("upstream_ca", "\"ca.pem\""),
    ("http_access", "[{ action = \"deny\" }]"),
    ("allow_clients", "[\"198.51.100.0/24\"]"),
    ("tunnel_ports", "[443]"),
    ("ports", "[80, \"8000-8999\"]"),
    ("deny_private", "true"),
    ("proxy_users", "\"/dev/null\""),
    ("max_head", "\"32KiB\""),
    ("max_field", "\"16KiB\""),
    ("max_fields", "50"),
    ("max_target", "\"8KiB\""),
    ("first_byte_wait", "\"1s\""),
    ("head_wait", "\"1s\""),
    ("idle_wait", "\"1s\""),
    ("quiet_wait", "\"1s\""),
    ("body_stall_wait", "\"1s\""),
    ("body_min_rate", "0"),
    ("body_rate_grace", "\"1s\""),
    ("write_stall_wait", "\"1s\""),
    ("max_connections", "7"),
    ("max_connections_per_client", "7"),
    ("drain_wait", "\"1s\""),
    ("connect_wait", "\"1s\""),
    ("connect_total_wait", "\"1s\""),
    ("response_wait", "\"1s\""),
    ("read_wait", "\"1s\""),
    ("upstream_idle_wait", "\"0s\""),
    ("idle_per_origin", "0"),
    ("idle_total", "0"),
    ("connections_per_origin", "7"),
    ("queue_per_origin", "0"),
    ("queue_wait", "\"1s\""),
    ("max_response_head", "\"32KiB\""),
    ("max_response_fields", "7"),
    ("dns_wait", "\"1s\""),
    ("dns_negative", "\"0s\""),
    ("dns_servers", "[\"192.0.2.53\", \"192.0.2.54:5353\"]"),
    ("hosts_file", "\"hosts\""),
    ("tunnel_idle_wait", "\"1s\""),
    ("tunnel_lifetime", "\"1s\""),
    ("collapse_wait", "\"0s\""),
    ("unshareable_memory", "\"0s\""),
    ("unshareable_limit", "0"),
    ("max_stale", "\"0s\""),
    ("error_lifetime", "\"3s\""),
    ("requests_in_flight", "7"),
    ("spool_budget", "\"4MiB\""),
    ("read_ahead", "\"64KiB\""),
    ("slow_reader_wait", "\"1s\""),
    ("finish_within", "\"1KiB\""),
    ("write_behind_rate", "0"),
    ("log_queue", "\"1MiB\""),
];

#[test]
fn every_key_of_the_file_reaches_its_setting() {
    let keys: Vec<&str> = EVERY_KEY.iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, Settings::KEYS);
    for (key, value) in EVERY_KEY {
        let settings = load(&[], &[], Some(&format!("{key} = {value}"))).expect(key);
        assert_ne!(settings, Settings::default(), "{key}");
    }
}

#[test]
fn a_wrong_type_names_file_line_and_key_for_every_key() {
    for (key, _) in EVERY_KEY {
        for wrong in ["1979-05-27", "{}", "-1", "[[]]"] {
            let error = file_error(&format!("# a comment\n\n{key} = {wrong}\n"));
            assert!(error.starts_with(&format!("larder.toml:3: {key}: expected ")), "{error}");
            assert!(error.contains(", found "), "{error}");
        }
    }
}

#[test]
fn every_mistake_in_the_file_names_file_line_and_key() {
    let cases = [
        ("memry = 1", "larder.toml:1: memry: there is no such setting; did you mean memory?"),
        (
            "\nmax-head = 1",
            "larder.toml:2: max-head: there is no such setting; did you mean max_head?",
        ),
        ("colour = 1", "larder.toml:1: colour: there is no such setting; take it away"),
        ("[server]\nlisten = 1", "larder.toml:1: server: there is no such setting; take it away"),
        ("server.listen = 1", "larder.toml:1: server: there is no such setting; take it away"),
        ("config = \"x\"", "larder.toml:1: config: a settings file cannot name another"),
        ("memory = 1\nmemory = 2", "larder.toml:2: memory: duplicate key"),
        (
            "memory = \"lots\"",
            "larder.toml:1: memory: expected a size such as 256MiB, found \"lots\"",
        ),
        (
            "idle_wait = 60",
            "larder.toml:1: idle_wait: expected a duration such as 30s or 5m, found the number 60",
        ),
        (
            "gateway = \"true\"",
            "larder.toml:1: gateway: expected true or false, found the text \"true\"",
        ),
        (
            "ports = [\n  80,\n  \"http\",\n]",
            "larder.toml:3: ports: expected a port such as 443, or a range such as \"1024-65535\", \
             found \"http\"",
        ),
        ("workers = 0", "larder.toml:1: workers: must be at least 1"),
        ("head_wait = \"0s\"", "larder.toml:1: head_wait: must be longer than 0"),
        ("max_head = 1", "larder.toml:1: max_head: must be from 1KiB to 1GiB"),
        (
            "log_format = \"xml\"",
            "larder.toml:1: log_format: expected pretty, json, squid or combined, found \"xml\"",
        ),
        (
            "\ndisk = \"1MiB\"",
            "larder.toml:2: disk: a disk tier needs at least 32MiB; give more, or 0 to turn it off",
        ),
        (
            "listen = []",
            "larder.toml:1: listen: needs at least one address, such as 127.0.0.1:3128",
        ),
        (
            "listen = [\"127.0.0.1:1\", \"127.0.0.1:1\"]",
            "larder.toml:1: listen: 127.0.0.1:1 is given twice",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(file_error(text), expected);
    }
    for text in ["\nmemory = ", "\nmemory 1", "\nmemory = \"1", "\nmemory = 1 2", "\n= 1"] {
        let error = file_error(text);
        assert!(error.starts_with("larder.toml:2: "), "{text:?}: {error}");
        assert_eq!(error.lines().count(), 1, "{text:?}: {error}");
    }
}

#[test]
fn all_mistakes_are_told_at_once_from_top_to_bottom() {
    let error = load(
        &["--workers", "none"],
        &[("LARDER_LOG_LEVEL", "loud")],
        Some("zebra = 1\nmemory = true\n"),
    );
    assert_eq!(
        error.unwrap_err(),
        "--workers: expected a whole number, found \"none\"\n\
         LARDER_LOG_LEVEL: expected off, error, warn, info, debug or trace, found \"loud\"\n\
         larder.toml:1: zebra: there is no such setting; take it away\n\
         larder.toml:2: memory: expected a size such as 256MiB, found true"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = load(&["--config", "/nowhere/larder.toml"], &[], None).unwrap_err();
    assert_eq!(error, "cannot read the settings file /nowhere/larder.toml: there is no such file");
    let error = load(&["--config", "/"], &[], None).unwrap_err();
    assert!(error.starts_with("cannot read the settings file /: "), "{error}");
    let error = file_error(&"# comment\n".repeat(200_000));
    assert!(error.ends_with("larder.toml: it is larger than 1MiB"), "{error}");
}

#[test]
fn one_way_of_serving_origin_form_excludes_the_other() {
    let error = load(&["--origin", "http://localhost"], &[], Some("\ngateway = true"));
    assert_eq!(
        error.unwrap_err(),
        "--origin: cannot be combined with larder.toml:2: gateway; take one of them away"
    );
    let off = load(&["--origin", "http://localhost", "--gateway=false"], &[], None);
    assert!(off.unwrap().origin.is_some());
}

#[test]
fn the_disk_tier_has_a_least_size() {
    for (size, sound) in
        [("0", true), ("1", false), ("33554431", false), ("32MiB", true), ("10GiB", true)]
    {
        assert_eq!(load(&["--disk", size], &[], None).is_ok(), sound, "{size}");
    }
}

#[test]
fn a_memory_object_fits_sixteen_times_unless_there_is_no_disk_tier() {
    let memory = ["--memory", "16MiB"];
    let with = |more: &[&str]| load(&[&memory[..], more].concat(), &[], None);
    assert_eq!(with(&["--max-memory-object", "1MiB"]).unwrap().max_memory_object, 1 << 20);
    let error = with(&["--max-memory-object", "1048577"]).unwrap_err();
    assert!(
        error.starts_with(
            "--max-memory-object: must not be more than a sixteenth of memory, 1048576 bytes here"
        ),
        "{error}"
    );
    assert!(with(&["--max-memory-object", "1048577", "--disk", "0"]).is_ok());
    let small = load(&["--memory", "1MiB"], &[], None).unwrap();
    assert_eq!(small.max_memory_object, 64 << 10, "a default never makes an error");
}

#[test]
fn the_spool_budget_follows_the_memory_unless_it_is_given() {
    assert_eq!(load(&["--memory", "40MiB"], &[], None).unwrap().spool_budget, 10 << 20);
    let given = load(&["--memory", "40MiB"], &[], Some("spool_budget = \"4MiB\"")).unwrap();
    assert_eq!(given.spool_budget, 4 << 20);
}

#[test]
fn colours_are_refused_in_the_usual_ways() {
    let colour = |variables: &[(&str, &str)]| load(&[], variables, None).unwrap().log().colour;
    assert!(colour(&[]));
    assert!(colour(&[("NO_COLOR", ""), ("TERM", "xterm")]));
    assert!(!colour(&[("NO_COLOR", "1")]));
    assert!(!colour(&[("TERM", "dumb")]));
}

#[test]
fn the_log_gets_its_settings() {
    let file = Some("log_queue = \"1MiB\"\nlog_file = \"x.log\"\nlog_format = \"combined\"");
    let log = load(&["--log-level", "error"], &[], file).unwrap().log();
    assert_eq!(log.queue, 1 << 20);
    assert_eq!(log.file, Some(PathBuf::from("x.log")));
    assert_eq!(log.format, Format::Combined);
    assert_eq!(log.filter, Filter::from_level("error").unwrap());
}

#[test]
fn the_limits_are_those_of_the_table_in_the_documents() {
    let limits = Settings::default();
    let secs = Duration::from_secs;
    assert_eq!((limits.max_head, limits.max_field, limits.max_fields), (65_536, 32_768, 100));
    assert_eq!((limits.max_target, limits.max_connections), (16_384, None));
    assert_eq!((limits.first_byte_wait, limits.head_wait), (secs(30), secs(10)));
    assert_eq!((limits.idle_wait, limits.quiet_wait), (secs(60), Duration::from_millis(250)));
    assert_eq!((limits.body_stall_wait, limits.write_stall_wait), (secs(30), secs(60)));
    assert_eq!((limits.body_min_rate, limits.body_rate_grace), (1024, secs(10)));
    assert_eq!((limits.max_connections_per_client, limits.drain_wait), (1024, secs(30)));
    assert_eq!((limits.connect_wait, limits.connect_total_wait), (secs(5), secs(10)));
    assert_eq!((limits.response_wait, limits.read_wait), (secs(60), secs(300)));
    assert_eq!((limits.upstream_idle_wait, limits.idle_per_origin), (secs(30), 32));
    assert_eq!((limits.connections_per_origin, limits.queue_per_origin), (256, 1024));
    assert_eq!((limits.queue_wait, limits.dns_wait), (secs(10), secs(5)));
    assert_eq!((limits.dns_negative, limits.collapse_wait), (secs(10), secs(5)));
    assert_eq!((limits.max_response_head, limits.max_response_fields), (65_536, 200));
    assert_eq!((limits.tunnel_idle_wait, limits.tunnel_lifetime), (secs(300), secs(86_400)));
    assert_eq!((limits.max_stale, limits.requests_in_flight), (secs(86_400), 20_000));
    assert_eq!((limits.read_ahead, limits.slow_reader_wait), (262_144, secs(60)));
    assert_eq!((limits.unshareable_memory, limits.unshareable_limit), (secs(120), 4096));
    assert_eq!(limits.tunnel_ports, [443..=443, 80..=80]);
    assert_eq!(limits.ports, [80..=80, 443..=443, 1024..=65535]);
}
