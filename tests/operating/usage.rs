//! Wrong usage and what it is answered with: a sentence that names the culprit, and an exit code.

use super::{File, reserve};
use crate::support::binary::{Binary, Exit};

/// The program says what is wrong on standard error only, and ends with this code.
#[track_caller]
fn is_wrong(exit: &Exit, code: i32, words: &[&str]) {
    assert_eq!(exit.status.code(), Some(code), "{exit:?}");
    assert!(exit.stdout.is_empty(), "{exit:?}");
    let stderr = exit.stderr.join("\n");
    for word in words {
        assert!(stderr.contains(word), "no {word:?} in {stderr}");
    }
}

#[tokio::test]
async fn wrong_usage_is_exit_code_2_and_names_the_option() {
    let rows: &[(&[&str], &[&str])] = &[
        (&["--nonsense"], &["--nonsense"]),
        (&["serve", "extra"], &["extra"]),
        (&["--memory", "lots"], &["--memory", "lots", "256MiB"]),
        (&["--listen", "nowhere"], &["--listen", "nowhere"]),
        (&["--workers", "0"], &["--workers"]),
        (&["--log-format", "xml"], &["--log-format", "xml"]),
        (&["--log-level", "loud"], &["--log-level", "loud"]),
        (&["--disk", "1MiB"], &["--disk", "32MiB"]),
        (&["--origin", "ftp://a.test"], &["--origin"]),
        (
            &["--origin", "http://a.test", "--gateway"],
            &["--origin", "--gateway", "take one of them away"],
        ),
        (&["--config", "missing.toml"], &["missing.toml", "no such file"]),
    ];
    for (arguments, words) in rows {
        is_wrong(&Binary::start(arguments).exit().await, 2, words);
    }
}

#[tokio::test]
async fn a_bad_variable_and_a_bad_file_are_named_too() {
    let exit = Binary::start_with(&[], &[("LARDER_MEMORY", "lots")]).exit().await;
    is_wrong(&exit, 2, &["LARDER_MEMORY", "lots"]);

    let file = File::new("# ours\nmemory = \"1GiB\"\nmemroy = \"2GiB\"\nmax_fields = \"many\"\n");
    let path = &*file.path;
    let exit = Binary::start(&["--config", path]).exit().await;
    let unknown = format!("{path}:3: memroy: there is no such setting; did you mean memory?");
    is_wrong(&exit, 2, &[&unknown, &format!("{path}:4: max_fields")]);
    assert_eq!(exit.stderr.len(), 2, "all mistakes at once: {exit:?}");

    let file = File::new("gateway = true\n");
    let arguments = ["--origin", "http://a.test", "--config", &file.path];
    is_wrong(&Binary::start(&arguments).exit().await, 2, &["--origin", "gateway"]);
}

#[tokio::test]
async fn an_address_in_use_is_exit_code_1_and_one_sentence() {
    let (larder, address) = Binary::serve(&[]).await;
    let exit = Binary::start(&["--listen", &address.to_string()]).exit().await;
    let sentence =
        format!("cannot listen on {address}: address in use; choose another with --listen");
    is_wrong(&exit, 1, &[]);
    assert_eq!(exit.stderr, [sentence]);
    larder.signal("TERM");
    assert!(larder.exit().await.status.success());
}

#[tokio::test]
async fn an_address_of_another_machine_is_exit_code_1() {
    let exit = Binary::start(&["--listen", "192.0.2.1:3128"]).exit().await;
    is_wrong(&exit, 1, &["cannot listen on 192.0.2.1:3128: ", "choose another with --listen"]);
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named() {
    let exit = Binary::start(&["--upstream-ca", "missing.pem"]).exit().await;
    is_wrong(&exit, 1, &["missing.pem", "--upstream-ca"]);
    let exit = Binary::start(&["--log-file", "missing/larder.log"]).exit().await;
    is_wrong(&exit, 1, &["missing/larder.log", "--log-file"]);
}

#[tokio::test]
async fn help_and_version_are_answers() {
    for arguments in [&["--help"][..], &["serve", "--help"], &["client", "--help"], &["--version"]]
    {
        let exit = Binary::start(arguments).exit().await;
        assert_eq!(exit.status.code(), Some(0), "{exit:?}");
        assert!(!exit.stdout.is_empty() && exit.stderr.is_empty(), "{exit:?}");
    }
    let help = Binary::start(&["--help"]).exit().await.stdout.join("\n");
    for option in [
        "--listen",
        "--config",
        "--cache-dir",
        "--disk",
        "--reset-cache",
        "--memory",
        "--max-memory-object",
        "--max-object",
        "--workers",
        "--origin",
        "--gateway",
        "--log-format",
        "--log-level",
        "--log-file",
        "--upstream-ca",
    ] {
        assert!(help.contains(option), "{option} is missing in {help}");
    }
}

#[tokio::test]
async fn a_listener_that_cannot_be_opened_leaves_the_others_closed() {
    let (_socket, free) = reserve();
    let (larder, taken) = Binary::serve(&[]).await;
    let arguments = ["--listen", &free.to_string(), "--listen", &taken.to_string()];
    is_wrong(&Binary::start(&arguments).exit().await, 1, &[&taken.to_string()]);
    std::net::TcpStream::connect(free).unwrap_err();
    drop(larder);
}
