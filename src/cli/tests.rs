use super::*;
use crate::store::OpenError;

/// The exit code of a command line, and what it says.
fn outcome(words: &[&str]) -> (ExitCode, String) {
    let args = std::iter::once("larder").chain(words.iter().copied()).map(OsString::from);
    match dispatch(args, &|_| None) {
        Ok(code) => (code, String::new()),
        Err(error) => (error.exit_code(), error.to_string()),
    }
}

#[test]
fn wrong_usage_and_wrong_settings_exit_with_2() {
    let cases: [&[&str]; 4] = [
        &["--no-such-option"],
        &["--memory", "lots"],
        &["serve", "--config", "/nowhere/larder.toml"],
        &["--gateway", "--origin", "http://localhost"],
    ];
    for words in cases {
        assert_eq!(outcome(words).0, ExitCode::from(2), "{words:?}");
    }
}

#[test]
fn help_and_version_are_answers() {
    for word in ["--help", "--version", "help"] {
        assert_eq!(outcome(&[word]).0, ExitCode::SUCCESS, "{word}");
    }
}

#[test]
fn a_failure_while_running_exits_with_1_and_one_sentence() {
    let (code, message) = outcome(&["--log-file", "/nowhere/larder.log"]);
    assert_eq!(code, ExitCode::from(1));
    assert!(message.starts_with("cannot open the log file /nowhere/larder.log: "), "{message}");
    assert_eq!(message.lines().count(), 1);
    assert_eq!(CliError::failed("a second signal").exit_code(), ExitCode::from(1));
}

#[test]
fn a_cache_directory_that_is_not_ours_to_use_exits_with_2() {
    let error = OpenError::InUse { dir: "cache".into(), pid: Some(7) };
    let error = CliError::from(serve::StartError::from(error));
    assert_eq!(error.exit_code(), ExitCode::from(2));
    let sentence = error.to_string();
    assert!(
        sentence.contains("cache is in use by ") && sentence.contains("process 7"),
        "{sentence}"
    );
    assert_eq!(sentence.lines().count(), 1);
}

#[test]
fn a_client_without_a_proxy_exits_with_1() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = listener.local_addr().unwrap().to_string();
    drop(listener);
    assert_eq!(outcome(&["client", "--proxy", &proxy, "a.example"]).0, ExitCode::from(1));
}
