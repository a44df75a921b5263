//! For every rule, code that must be caught, and next to it code that must not.

use super::check::check;
use super::rules::{ALL, Rule};

/// Each breaks one rule, once.
const CAUGHT: &[(Rule, &str, &str)] = &[
    (Rule::Imports, "src/policy/reuse.rs", "use crate::store::Store;"),
    (Rule::Imports, "src/store/memory.rs", "fn f() { crate::body::Body::empty(); }"),
    (Rule::Imports, "src/store/mod.rs", "use crate::upstream::Pool;"),
    (Rule::Imports, "src/collapse.rs", "use super::proxy::Proxy;"),
    (Rule::Imports, "src/http/list.rs", "use super::super::{time, net};"),
    (Rule::Imports, "src/net/drain.rs", "mod inner { use super::super::super::server::X; }"),
    (Rule::Imports, "src/http/date.rs", "#[cfg(test)] mod tests { use crate::proxy::Proxy; }"),
    (Rule::Imports, "src/proxy/mod.rs", "use crate::cli::Settings;"),
    (Rule::Imports, "src/proxy/mod.rs", "use crate::SomethingAtTheRoot;"),
    (Rule::Imports, "src/proxy/mod.rs", "use crate::*;"),
    (Rule::Imports, "src/newcomer.rs", "fn f() {}"),
    (Rule::Purity, "src/policy/reuse.rs", "async fn f() {}"),
    (Rule::Purity, "src/policy/reuse.rs", "use std::{fmt, time::Instant};"),
    (Rule::Purity, "src/policy/reuse.rs", "fn f(clock: &dyn Clock) {}"),
    (Rule::Purity, "src/http/list.rs", "use std::net::{IpAddr, TcpStream};"),
    (Rule::Purity, "src/http/list.rs", "use tokio::io::AsyncRead;"),
    (Rule::Purity, "src/http/list.rs", "fn f() { let m = parking_lot::const_mutex(1); }"),
    (Rule::Purity, "src/time.rs", "use std::sync::Mutex;"),
    (Rule::Purity, "src/http/via.rs", "use std::fs;"),
    (Rule::WallClock, "src/proxy/mod.rs", "fn f() { std::time::SystemTime::now(); }"),
    (Rule::WallClock, "src/time.rs", "fn f() { SystemTime::now(); }"),
    (Rule::WallClock, "tests/caching/age.rs", "fn f() { SystemTime::now(); }"),
    (
        Rule::WallClock,
        "src/store/mod.rs",
        "#[cfg(test)] mod tests { fn f() { SystemTime::now(); } }",
    ),
    (Rule::Dialling, "src/proxy/tunnel.rs", "async fn f() { TcpStream::connect(a).await; }"),
    (Rule::Dialling, "src/net/relay.rs", "fn f() { socket.connect(address); }"),
    (Rule::Dialling, "src/server/mod.rs", "use hickory_resolver::Resolver;"),
    (Rule::Accepting, "src/server/mod.rs", "async fn f() { listener.accept().await; }"),
    (Rule::Files, "src/store/memory.rs", "use std::{fs::File, io};"),
    (Rule::Files, "src/proxy/pages.rs", "fn f() { tokio::fs::read(p); }"),
    (Rule::Spawning, "src/proxy/fill.rs", "fn f() { tokio::spawn(work()); }"),
    (Rule::Spawning, "src/proxy/fill.rs", "use tokio::{net, spawn};"),
    (Rule::Spawning, "src/proxy/fill.rs", "fn f() { spawn(work()); }"),
    (Rule::Spawning, "src/store/spill.rs", "fn f() { std::thread::spawn(|| ()); }"),
    (Rule::Spawning, "src/upstream/resolve.rs", "fn f() { tokio::task::spawn_blocking(g); }"),
    (Rule::Spawning, "src/server/mod.rs", "fn f() { let set = JoinSet::new(); }"),
    (Rule::Panics, "src/proxy/mod.rs", "fn f() { x.unwrap(); }"),
    (Rule::Panics, "src/proxy/mod.rs", "fn f() { x\n    .expect(\"it is there\"); }"),
    (Rule::Panics, "src/proxy/mod.rs", "fn f() { std::panic!(\"no\"); }"),
    (Rule::Panics, "src/proxy/mod.rs", "#[cfg(not(test))]\nfn f() { todo!() }"),
    (Rule::Panics, "src/proxy/mod.rs", "#[cfg(test)]\nfn f() {}\nfn g() { todo!() }"),
    (Rule::Panics, "src/proxy/mod.rs", "#[expect(dead_code)]\nfn f() { x.unwrap(); }"),
    (Rule::Responses, "src/proxy/forward.rs", "fn f() { http::Response::builder(); }"),
    (Rule::Responses, "src/server/wire.rs", "fn f() { Response::<Body>::new(body); }"),
    (Rule::Queues, "src/net/drain.rs", "use tokio::sync::mpsc::unbounded_channel;"),
    (Rule::Queues, "src/store/spill.rs", "fn f() { std::sync::mpsc::channel(); }"),
    (Rule::Sleeping, "tests/caching/age.rs", "async fn f() { tokio::time::sleep(d).await; }"),
    (Rule::Sleeping, "tests/caching/age.rs", "use tokio::time::{sleep as nap, timeout};"),
    (Rule::Sleeping, "tests/support/origin/mod.rs", "fn f() { thread::sleep(d); }"),
    (Rule::Names, "src/proxy/util.rs", "fn f() {}"),
    (Rule::Names, "src/store/memory.rs", "struct CacheManager;"),
    (Rule::Names, "src/proxy/mod.rs", "trait RequestHandler {}"),
    (Rule::Names, "src/store/memory.rs", "fn get_length() {}"),
];

/// All of these keep the rules.
const PASSED: &[(&str, &str)] = &[
    ("src/proxy/mod.rs", "use crate::{http::list, policy, store::{self, Store}, time::Clock};"),
    ("src/proxy/mod.rs", "use super::proxy::fill; use self::fill::X; use super::collapse;"),
    ("src/cli/serve.rs", "use crate::{server, lab, proxy}; fn f() { tokio::spawn(x); }"),
    ("src/main.rs", "use larder::cli; fn main() { crate::run(); }"),
    (
        "src/policy/reuse.rs",
        "// crate::store\n/// [`crate::proxy`]\nconst A: &str = \"crate::body\";",
    ),
    ("src/policy/key.rs", "use core::net::IpAddr; use std::net::SocketAddr; use http::HeaderMap;"),
    ("src/policy/key.rs", "pub(crate) fn f() {} pub(in crate::policy) fn g() {}"),
    ("src/http/date.rs", "fn f(at: std::time::SystemTime) {}"),
    (
        "src/http/date.rs",
        "#[cfg(test)]\nmod tests { use std::sync::Mutex; fn f() { x.unwrap(); } }",
    ),
    ("src/time.rs", "impl Clock for SystemClock { fn now(&self) { SystemTime::now(); } }"),
    ("src/upstream/connect.rs", "async fn f() { tokio::spawn(TcpStream::connect(a)); }"),
    ("src/lab/client.rs", "fn f() { TcpStream::connect(a); l.accept(); Response::new(b); }"),
    ("src/net/accept.rs", "fn f() { listener.accept(); }"),
    ("src/proxy/fill.rs", "fn f(drain: &Drain) { drain.spawn(\"fill\", Class::Exchange, x); }"),
    ("src/proxy/fill.rs", "fn spawn() {}"),
    ("src/proxy/respond.rs", "fn f() { Response::new(body); }"),
    ("src/proxy/error.rs", "fn f() { Response::builder(); }"),
    ("src/store/mod.rs", "#[cfg(test)]\nmod contract;\nfn f() { x.unwrap_or(1); }"),
    ("src/store/tests.rs", "fn f() { x.unwrap(); tokio::spawn(y); }"),
    ("src/store/disk/segment.rs", "use std::fs::File;"),
    (
        "src/proxy/mod.rs",
        "#[expect(clippy::unwrap_used, reason = \"checked above\")]\nfn f() { x.unwrap(); }",
    ),
    ("src/proxy/mod.rs", "#[test]\nfn f() { x.unwrap(); }"),
    ("src/server/mod.rs", "pub trait Handler { type Data; } fn f() { map.get(0); }"),
    ("tests/support/gate.rs", "use tokio::time::sleep;"),
    ("tests/caching/age.rs", "fn f() { x.unwrap(); tokio::spawn(y); let s = \"sleep()\"; }"),
];

fn broken(path: &str, text: &str) -> Vec<Rule> {
    check(&[(path.into(), text.into())]).iter().map(|violation| violation.rule).collect()
}

#[test]
fn every_fixture_that_breaks_a_rule_is_caught_by_that_rule_alone() {
    for (rule, path, text) in CAUGHT {
        let mut broken = broken(path, text);
        broken.dedup();
        assert_eq!(broken, [*rule], "{path}: {text}");
    }
}

#[test]
fn what_keeps_the_rules_passes() {
    for (path, text) in PASSED {
        let violations = check(&[((*path).into(), (*text).into())]);
        assert!(violations.is_empty(), "{path}: {text}: {}", violations[0]);
    }
}

#[test]
fn every_rule_has_a_fixture_that_must_fail() {
    let elsewhere = [Rule::Length, Rule::Median]; // the next two tests
    for rule in ALL {
        let caught = CAUGHT.iter().any(|(caught, _, _)| *caught == rule);
        assert!(caught || elsewhere.contains(&rule), "{rule} has no fixture");
    }
}

#[test]
fn a_file_of_more_than_500_lines_is_caught_unless_it_is_a_table_of_a_test() {
    let (longest, too_long) = ("// x\n".repeat(500), "// x\n".repeat(501));
    let short = ("src/lib.rs".to_owned(), String::new());
    let rules = |path: &str, text: &String| -> Vec<Rule> {
        let files = [short.clone(), short.clone(), (path.to_owned(), text.clone())];
        check(&files).iter().map(|violation| violation.rule).collect()
    };
    assert_eq!(rules("src/proxy/mod.rs", &longest), []);
    assert_eq!(rules("src/proxy/mod.rs", &too_long), [Rule::Length]);
    assert_eq!(rules("src/proxy/page.html", &too_long), [Rule::Length]);
    assert_eq!(rules("tests/caching/age.rs", &too_long), [Rule::Length]);
    assert_eq!(rules("tests/caching/rows.toml", &too_long), []);
}

#[test]
fn files_that_are_long_on_the_whole_are_caught() {
    let file = |name: &str, lines| (format!("src/proxy/{name}.rs"), "// x\n".repeat(lines));
    let of = |lines| check(&[file("a", 10), file("b", lines), file("c", 400)]);
    assert!(of(199).is_empty());
    assert_eq!(of(200)[0].rule, Rule::Median);
}

#[test]
fn a_module_that_is_declared_for_tests_is_test_code_in_its_file_too() {
    let files = |declaration: &str| {
        let contract = "fn f() { x.unwrap(); }";
        let below = ("src/store/contract/rows.rs".to_owned(), contract.to_owned());
        check(&[
            ("src/store/mod.rs".to_owned(), declaration.to_owned()),
            ("src/store/contract.rs".to_owned(), contract.to_owned()),
            below,
        ])
    };
    assert!(files("#[cfg(test)]\npub(crate) mod contract;").is_empty());
    assert_eq!(files("mod contract;").len(), 2);
}

#[test]
fn a_violation_says_where_and_what() {
    let text = "\n\n  use crate::store::Store;";
    let violations = check(&[("src/policy/reuse.rs".to_owned(), text.to_owned())]);
    let line = violations[0].to_string();
    assert!(line.starts_with("src/policy/reuse.rs:3: Imports: policy (row 2)"), "{line}");
}
