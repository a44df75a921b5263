//! A service manager starts it: sockets that are open already, and what the manager is told.

use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use super::File;
use crate::support::binary::Binary;
use crate::support::client::get;
use crate::support::origin::{Origin, Reply};

/// What the manager is told next.
fn told(socket: &UnixDatagram) -> String {
    let mut text = [0; 512];
    let length = socket.recv(&mut text).expect("a message within ten seconds");
    String::from_utf8_lossy(&text[..length]).into_owned()
}

/// The next message that is no sign of life.
fn news(socket: &UnixDatagram) -> String {
    (0..10_000).map(|_| told(socket)).find(|text| text != "WATCHDOG=1\n").unwrap()
}

#[tokio::test]
async fn the_manager_hears_of_the_start_of_each_loading_and_of_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let file = File::new("");
    let arguments = ["--listen", "127.0.0.1:0", "--disk", "0", "--config", &file.path];
    let variables = [("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "20000")];
    let larder = Binary::start_with(&arguments, &variables);
    let ready = format!("READY=1\nMAINPID={}\n", larder.id());
    assert_eq!(told(&socket), ready);
    assert_eq!(told(&socket), "WATCHDOG=1\n");
    assert_eq!(told(&socket), "WATCHDOG=1\n");
    larder.signal("HUP");
    let reloading = news(&socket);
    let time = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").map(str::trim);
    assert!(time.is_some_and(|time| time.parse::<u64>().is_ok()), "{reloading}");
    assert_eq!(news(&socket), ready);
    larder.signal("TERM");
    assert_eq!(news(&socket), "STOPPING=1\n");
    assert_eq!(larder.exit().await.status.code(), Some(0));
}

#[tokio::test]
async fn a_listener_that_is_open_already_is_used_in_place_of_the_one_in_the_settings() {
    let origin = Origin::start().await;
    origin.route("/page", Reply::cacheable(60, "page"));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // It comes as standard input does, and is moved to where a manager puts it.
    let larder = Binary::activated(listener, &["--listen", "127.0.0.1:1", "--disk", "0"]);
    assert_eq!(get(address, &origin.url("/page")).await.text(), "page");
    larder.signal("TERM");
    let exit = larder.exit().await;
    assert_eq!(exit.status.code(), Some(0), "{exit:?}");
    let expected = format!("listen={address}");
    assert!(exit.stdout.iter().any(|line| line.contains(&expected)), "{exit:?}");
}
