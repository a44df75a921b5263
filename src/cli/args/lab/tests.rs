use clap::Parser as _;

use crate::cli::args::{Args, Command};

use super::*;

fn parse(words: &[&str]) -> Result<Program, clap::Error> {
    let args = Args::try_parse_from(["larder", "lab"].iter().chain(words))?;
    match args.command {
        Some(Command::Lab(lab)) => Ok(lab.program),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_program_has_a_help_with_a_session_to_type() {
    let programs = [
        "echo-server",
        "echo-client",
        "greet-server",
        "greet-client",
        "upper-server",
        "upper-client",
        "chat-server",
        "chat-client",
        "web-server",
        "get",
    ];
    let list = parse(&["--help"]).unwrap_err().to_string();
    for program in programs {
        assert!(list.contains(&format!("  {program} ")), "{program} is not in:\n{list}");
        let help = parse(&[program, "--help"]).unwrap_err();
        assert_eq!(help.exit_code(), 0);
        let help = help.to_string();
        assert!(help.contains("A session"), "{help}");
        assert!(help.contains(&format!("$ larder lab {program}")), "{help}");
    }
}

#[test]
fn the_defaults_are_those_of_the_course() {
    let Program::EchoServer(args) = parse(&["echo-server"]).unwrap() else { panic!() };
    assert_eq!((args.port, args.host.host), (8888, None));
    let Program::EchoClient(args) = parse(&["echo-client"]).unwrap() else { panic!() };
    assert_eq!((&*args.host, args.port, args.newline.newline), ("localhost", 8888, false));
    let Program::GreetServer(args) = parse(&["greet-server"]).unwrap() else { panic!() };
    assert_eq!(args.port, 8080);
    let Program::GreetClient(args) = parse(&["greet-client"]).unwrap() else { panic!() };
    assert_eq!((&*args.host, &*args.message, args.port), ("localhost", "Hai from client", 8080));
    let Program::UpperClient(args) = parse(&["upper-client", "--udp"]).unwrap() else { panic!() };
    assert_eq!((args.host, args.port), (None, None));
    assert_eq!((args.tries, args.wait.wait), (5, Duration::from_secs(2)));
    let Program::ChatServer(args) = parse(&["chat-server"]).unwrap() else { panic!() };
    assert_eq!(args.port, 12000);
    let Program::ChatClient(args) = parse(&["chat-client"]).unwrap() else { panic!() };
    assert_eq!((&*args.host, args.port), ("localhost", 12000));
    let Program::WebServer(args) = parse(&["web-server"]).unwrap() else { panic!() };
    assert_eq!((args.port, &*args.root), (6789, std::path::Path::new(".")));
    assert_eq!(lab::upper_server::default_port(Transport::Tcp), 13000);
    assert_eq!(lab::upper_server::default_port(Transport::Udp), 12000);
}

#[test]
fn what_is_wrong_usage_exits_with_2() {
    let cases: [&[&str]; 13] = [
        &[],
        &["no-such-program"],
        &["upper-server"],
        &["upper-server", "--tcp", "--udp"],
        &["upper-client", "localhost"],
        &["upper-client", "--udp", "--tries", "0"],
        &["echo-client", "--port", "0"],
        &["echo-server", "--port", "65536"],
        &["chat-client", "--wait", "0s"],
        &["chat-client", "--wait", "25h"],
        &["greet-client", "localhost", ""],
        &["get", "localhost", "6789"],
        &["web-server", "--no-store", "--max-age", "5"],
    ];
    for words in cases {
        let error = parse(words).expect_err(&words.join(" "));
        assert_eq!(error.exit_code(), 2, "{words:?}");
    }
}
