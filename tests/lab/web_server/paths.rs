//! No file outside the root, whatever is asked for.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::TempDir;

use super::WebServer;
use crate::support::binary::Binary;

const SECRET: &str = "nobody may read this";

/// A directory with `site`, which is served, and `secret.txt` beside it.
async fn site() -> (WebServer, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("site");
    fs::create_dir(&root).unwrap();
    fs::write(directory.path().join("secret.txt"), SECRET).unwrap();
    fs::write(root.join("page.html"), "page").unwrap();
    (WebServer::start(&["--root", root.to_str().unwrap()]).await, directory)
}

/// What the server says to these requests: the status of each, and never the secret.
async fn check(server: &WebServer, rows: &[(&str, u16)]) {
    for (target, status) in rows {
        let response = server.get(target).await;
        let body = String::from_utf8_lossy(&response.body);
        assert!(!body.contains(SECRET), "{target}: {body}");
        assert_eq!(response.status, *status, "{target}: {body}");
    }
}

#[tokio::test]
async fn no_path_leads_out_of_the_root() {
    let (server, directory) = site().await;
    let root = directory.path().join("site");
    fs::create_dir(root.join("deep")).unwrap();
    let secret = directory.path().join("secret.txt");
    let absolute = secret.to_str().unwrap();
    check(
        &server,
        &[
            ("/../secret.txt", 400),
            ("/../site/page.html", 400),
            ("/deep/../../secret.txt", 400),
            ("/%2e%2e/secret.txt", 400),
            ("/.%2E/secret.txt", 400),
            ("/deep/%2e%2e/%2e%2e/secret.txt", 400),
            ("/..%2fsecret.txt", 404),
            ("/%2e%2e%2fsecret.txt", 404),
            ("/..%5csecret.txt", 404),
            ("/..\\secret.txt", 404),
            ("/%252e%252e/secret.txt", 404),
            ("/%c0%ae%c0%ae/secret.txt", 404),
            ("/..;/secret.txt", 404),
            (absolute, 404),
            (&format!("/{absolute}"), 404),
            (&format!("/{}", absolute.replace('/', "%2f")), 404),
            ("http://localhost/../secret.txt", 400),
            ("/%00", 400),
            ("/page.html%00", 400),
            ("/page.html%00.txt", 400),
            ("/%", 400),
            ("/%4", 400),
            ("/%zz", 400),
            ("/%+1", 400),
            (&format!("/{}", "a".repeat(4000)), 404),
            (&"/deep".repeat(1000), 404),
        ],
    )
    .await;
    // What stays inside is no harm.
    check(
        &server,
        &[
            ("/page.html", 200),
            ("/./page.html", 200),
            ("//page.html", 200),
            ("/deep/../page.html", 200),
            ("/nowhere/%2e%2e/page.html", 200),
            ("/%70age%2Ehtml", 200),
            ("/page.html?../../secret.txt", 200),
            ("/page.html/", 404),
            ("/page.html/.", 404),
            ("/page.html/secret.txt", 404),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_link_works_inside_the_root_and_does_not_lead_out_of_it() {
    let (server, directory) = site().await;
    let root = directory.path().join("site");
    fs::create_dir(directory.path().join("site-of-others")).unwrap();
    fs::write(directory.path().join("site-of-others/index.html"), SECRET).unwrap();
    let links: [(&Path, &str); 9] = [
        ("page.html".as_ref(), "inside"),
        (&root.join("page.html"), "inside-absolute"),
        (".".as_ref(), "itself"),
        ("../secret.txt".as_ref(), "outside"),
        (&directory.path().join("secret.txt"), "outside-absolute"),
        ("..".as_ref(), "up"),
        ("../site-of-others".as_ref(), "others"),
        ("circle".as_ref(), "circle"),
        ("nowhere".as_ref(), "nowhere"),
    ];
    for (to, name) in links {
        symlink(to, root.join(name)).unwrap();
    }
    symlink("outside", root.join("twice")).unwrap();
    symlink("/dev/zero", root.join("zero")).unwrap();
    symlink("/proc/self/environ", root.join("environ")).unwrap();
    check(
        &server,
        &[
            ("/inside", 200),
            ("/inside-absolute", 200),
            ("/itself/page.html", 200),
            ("/itself/itself/inside", 200),
            ("/outside", 404),
            ("/outside-absolute", 404),
            ("/twice", 404),
            ("/up", 404),
            ("/up/", 404),
            ("/up/secret.txt", 404),
            ("/up/site/page.html", 200),
            ("/others/", 404),
            ("/others/index.html", 404),
            ("/circle", 404),
            ("/nowhere", 404),
            ("/zero", 404),
            ("/environ", 404),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_link_that_is_put_where_a_file_was_never_leads_out() {
    let (server, directory) = site().await;
    let root = directory.path().join("site");
    let swapping = Swapping::start(root.join("page.html"));
    let (mut pages, mut nothing) = (0, 0);
    // Both are met often; how often is up to chance.
    for _ in 0..2000 {
        let response = server.get("/page.html").await;
        match (response.status, response.text()) {
            (200, "page") => pages += 1,
            (404, body) if !body.contains(SECRET) => nothing += 1,
            other => panic!("{other:?}"),
        }
    }
    drop(swapping);
    assert!(pages > 0 && nothing > 0, "{pages} {nothing}");
}

/// Puts a link out of the root where a file is, and a file where the link is, until dropped.
struct Swapping(Arc<AtomicBool>);

impl Swapping {
    fn start(place: PathBuf) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        std::thread::spawn(move || {
            let other = place.with_extension("other");
            while !stopped.load(Ordering::Relaxed) {
                symlink("../secret.txt", &other).unwrap();
                fs::rename(&other, &place).unwrap();
                fs::write(&other, "page").unwrap();
                fs::rename(&other, &place).unwrap();
            }
        });
        Self(stop)
    }
}

impl Drop for Swapping {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn what_is_no_regular_file_is_not_there() {
    let (server, directory) = site().await;
    let root = directory.path().join("site");
    assert!(Command::new("mkfifo").arg(root.join("pipe")).status().unwrap().success());
    let _socket = UnixListener::bind(root.join("socket")).unwrap();
    check(&server, &[("/pipe", 404), ("/socket", 404), ("/page.html", 200)]).await;

    let devices = WebServer::start(&["--root", "/dev"]).await;
    check(&devices, &[("/null", 404), ("/zero", 404), ("/tty", 404)]).await;
}

#[tokio::test]
async fn a_directory_is_its_index_page() {
    let (server, directory) = site().await;
    let root = directory.path().join("site");
    for name in ["with", "without", "strange", "evil.example"] {
        fs::create_dir(root.join(name)).unwrap();
    }
    fs::write(root.join("with/index.html"), "the index").unwrap();
    fs::create_dir(root.join("strange/index.html")).unwrap();
    check(&server, &[("/", 404), ("/with/", 200), ("/without/", 404), ("/strange/", 404)]).await;
    assert_eq!(server.get("/with/").await.text(), "the index");
    fs::create_dir(root.join("mit Umlaut ü")).unwrap();
    for (target, location) in [
        ("/with", "/with/"),
        ("/with?a=b", "/with/?a=b"),
        ("/mit%20Umlaut%20%c3%bc", "/mit%20Umlaut%20%C3%BC/"),
        // Two slashes would name a host.
        ("//evil.example", "/evil.example/"),
        ("/.//evil.example", "/evil.example/"),
        ("/strange/index.html", "/strange/index.html/"),
    ] {
        let response = server.get(target).await;
        assert_eq!(
            (response.status, response.field("location")),
            (301, Some(location)),
            "{target}"
        );
    }
}

#[tokio::test]
async fn a_root_that_is_a_link_is_followed() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("site")).unwrap();
    fs::write(directory.path().join("site/page.html"), "page").unwrap();
    symlink("site", directory.path().join("current")).unwrap();
    let current = directory.path().join("current");
    let server = WebServer::start(&["--root", current.to_str().unwrap()]).await;
    check(&server, &[("/page.html", 200), ("/../current/page.html", 400)]).await;
}

#[tokio::test]
async fn a_file_that_may_not_be_read_is_forbidden() {
    let (server, directory) = site().await;
    let root = directory.path().join("site");
    let locked = root.join("locked.txt");
    fs::write(&locked, SECRET).unwrap();
    fs::set_permissions(&locked, std::os::unix::fs::PermissionsExt::from_mode(0o000)).unwrap();
    // To root nothing is locked: then there is nothing to see.
    if fs::read(&locked).is_err() {
        check(&server, &[("/locked.txt", 403)]).await;
    }
    let exit =
        Binary::start(&["lab", "web-server", "--root", locked.to_str().unwrap()]).exit().await;
    assert_eq!(exit.status.code(), Some(1), "{exit:?}");
}
