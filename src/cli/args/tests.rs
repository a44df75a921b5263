use clap::CommandFactory as _;

use super::*;
use crate::cli::settings::Settings;

fn parse(words: &[&str]) -> Result<Args, clap::Error> {
    Args::try_parse_from(["larder"].iter().chain(words))
}

#[test]
fn the_definition_is_sound() {
    Args::command().debug_assert();
}

#[test]
fn every_option_of_serve_is_a_key_and_reaches_the_settings() {
    let command = Args::command();
    let options: Vec<String> = command
        .get_arguments()
        .filter_map(|arg| arg.get_long())
        .filter(|name| !["config", "help", "version"].contains(name))
        .map(|name| name.replace('-', "_"))
        .collect();
    assert_eq!(options, ServeArgs::KEYS);
    for key in &options {
        assert!(Settings::KEYS.contains(&key.as_str()), "{key}");
        let option = format!("--{}=x", key.replace('_', "-"));
        let args = parse(&[&option]).unwrap();
        let given: Vec<_> = args.serve.given().collect();
        assert_eq!(given, [(key.as_str(), [OsString::from("x")].as_slice())]);
    }
}

#[test]
fn serve_may_be_left_out() {
    let bare = parse(&["--memory", "1GiB"]).unwrap();
    assert!(bare.command.is_none());
    assert_eq!(bare.serve.memory.unwrap(), "1GiB");
    let Some(Command::Serve(named)) = parse(&["serve", "--memory", "1GiB"]).unwrap().command else {
        panic!("serve was named");
    };
    assert_eq!(named.memory.unwrap(), "1GiB");
}

#[test]
fn flags_need_no_value_and_take_one_after_an_equals_sign() {
    let cases = [
        (&["--gateway"][..], "true"),
        (&["--gateway=false"], "false"),
        (&["--gateway", "--listen", "127.0.0.1:1"], "true"),
    ];
    for (words, expected) in cases {
        assert_eq!(parse(words).unwrap().serve.gateway.unwrap(), expected, "{words:?}");
    }
}

#[test]
fn listen_may_be_repeated() {
    let args = parse(&["--listen", "127.0.0.1:1", "--listen", "[::1]:2"]).unwrap();
    assert_eq!(args.serve.listen.unwrap(), ["127.0.0.1:1", "[::1]:2"]);
}

#[test]
fn the_client_knows_where_the_proxy_is() {
    let cases: [(&[&str], &str, &[&str]); 3] = [
        (&["client"], "127.0.0.1:3128", &[]),
        (&["client", "a.example", "b.example/x"], "127.0.0.1:3128", &["a.example", "b.example/x"]),
        (&["client", "--proxy", "[::1]:80", "a"], "[::1]:80", &["a"]),
    ];
    for (words, proxy, hosts) in cases {
        let Some(Command::Client(options)) = parse(words).unwrap().command else {
            panic!("{words:?}");
        };
        let config = options.into_config();
        assert_eq!(config.proxy, proxy);
        assert_eq!(config.hosts, hosts);
    }
}

#[test]
fn what_is_no_option_is_an_error() {
    let cases: [&[&str]; 5] = [
        &["--memroy", "1GiB"],
        &["serv"],
        &["--memory"],
        &["--memory", "1GiB", "--memory", "2GiB"],
        &["--gateway", "true"],
    ];
    for words in cases {
        let error = parse(words).expect_err(&words.join(" "));
        assert_eq!(error.exit_code(), 2, "{words:?}");
    }
}
