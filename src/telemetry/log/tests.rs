use super::*;
use crate::telemetry::capture::Capture;

/// What `emit` leaves in a log with this style and filter.
fn logged(style: Style, filter: &Filter, emit: impl FnOnce()) -> String {
    let capture = Capture::default();
    let output = capture.output();
    let layer = EventLayer { style, output: output.clone() }.with_filter(filter.0.clone());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), emit);
    output.close();
    capture.text()
}

const PRETTY: Style = Style::Pretty { colour: false };

/// The lines without their times.
fn untimed(text: &str) -> Vec<&str> {
    text.lines().map(|line| line.split_once("Z ").expect("a time").1).collect()
}

#[test]
fn an_event_is_a_line_with_its_message_first() {
    let text = logged(PRETTY, &Filter::default(), || {
        tracing::info!(listen = %"127.0.0.1:3128", responses = 12_u64, "Ready to serve");
        tracing::warn!(ratio = 0.5, far = f64::INFINITY, open = true, left = -1, "two\nlines");
        tracing::error!(why = ?"quoted \"text\"", message = "given as a field");
    });
    assert_eq!(
        untimed(&text),
        [
            "INFO  Ready to serve listen=127.0.0.1:3128 responses=12",
            r"WARN  two\nlines ratio=0.5 far=inf open=true left=-1",
            r#"ERROR given as a field why="\"quoted \\\"text\\\"\"""#,
        ]
    );
}

#[test]
fn an_event_in_json_is_flat_and_typed() {
    let text = logged(Style::Json, &Filter::default(), || {
        tracing::info!(listen = %"[::1]:1", n = 3_u64, yes = true, far = f64::NAN, s = "a\"b", "Hi");
    });
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(value["time"].as_str().unwrap().ends_with('Z'));
    assert_eq!(value["level"], "info");
    assert_eq!(value["message"], "Hi");
    assert_eq!(value["listen"], "[::1]:1");
    assert_eq!(value["n"], 3);
    assert_eq!(value["yes"], true);
    assert_eq!(value["far"], "NaN");
    assert_eq!(value["s"], "a\"b");
    let order = ["\"time\"", "\"level\"", "\"message\"", "\"listen\""].map(|name| text.find(name));
    assert!(order.is_sorted() && order.iter().all(Option::is_some), "{text}");
}

#[test]
fn other_crates_speak_up_only_when_something_is_wrong() {
    let text = logged(PRETTY, &Filter::at(LevelFilter::DEBUG), || {
        tracing::info!(target: "elsewhere", "quiet");
        tracing::warn!(target: "elsewhere", "loud");
        tracing::debug!("ours");
    });
    assert_eq!(untimed(&text), ["WARN  loud target=elsewhere", "DEBUG ours"]);
}

#[test]
fn access_lines_follow_the_level() {
    let cases = [
        ("off", false),
        ("error", false),
        ("warn", false),
        ("info", true),
        ("INFO", true),
        ("debug", true),
        ("larder=info", true),
        ("larder=warn,elsewhere=debug", false),
        ("info,larder::access=off", false),
        ("warn,larder::access=info", true),
    ];
    for (directives, expected) in cases {
        let filter = Filter::from_directives(directives).unwrap();
        assert_eq!(filter.writes_access_lines(), expected, "{directives}");
    }
    assert!(Filter::from_directives("larder=loud").is_err());
    assert!(Filter::from_level("larder=info").is_none());
    assert!(Filter::from_level("1").is_none());
}

#[test]
fn a_log_file_that_cannot_be_opened_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("missing/log");
    let config = Config { file: Some(path.clone()), ..Config::default() };
    let message = init(&config).err().expect("there is no such directory").to_string();
    assert!(message.contains(&path.display().to_string()), "{message}");
    assert!(message.contains("--log-file"), "{message}");
}

#[test]
fn notices_become_events() {
    let mut line = Vec::new();
    announce(Some(PRETTY))(&Notice::Lost(7), &mut line);
    let text = String::from_utf8(line).unwrap();
    assert_eq!(untimed(&text), ["WARN  Log lines were lost lines=7"]);
    let mut line = Vec::new();
    announce(None)(&Notice::Lost(7), &mut line);
    assert!(line.is_empty(), "formats with fixed columns have no place for it");
}
