//! What speaks neither HTTP/1 nor as the text client does: closed, with one line in the log.

use crate::support::binary::Binary;
use crate::support::client::{Client, get};
use crate::support::origin::{Origin, Reply};

#[tokio::test]
async fn tls_ssh_and_noise_are_closed_with_one_line_each() {
    let origin = Origin::start().await;
    origin.route("/well", Reply::cacheable(60, "and alive"));
    let (mut larder, address) = Binary::serve(&[]).await;
    let rows: [(&[u8], &str); 6] = [
        (
            b"\x16\x03\x01\x00\xf4\x01\x00\x00\xf0\x03\x03",
            "the client speaks TLS; give it an http:// proxy URL",
        ),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "the client speaks SSH"),
        (b"\x00\x01\x02\x03", "the client does not speak HTTP/1"),
        (b"\xff\xfe\n", "the client does not speak HTTP/1"),
        (b"{\"json\":true}\n", "the first line is neither a request line, a hostname nor a URL"),
        (b"http://\n", "the first line is neither a request line, a hostname nor a URL"),
    ];
    for (bytes, reason) in rows {
        let mut client = Client::connect(address).await;
        client.send(bytes).await;
        client.expect_close().await;
        let line = larder.line("the line of a closed connection", |_| true).await;
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["message"], "Closed a connection unserved", "{line}");
        assert_eq!((&line["client"], &line["reason"]), (&"127.0.0.1".into(), &reason.into()));
    }
    // Somebody who connects and goes, as health checks do, is not worth a line.
    drop(Client::connect(address).await);

    assert_eq!(get(address, &origin.url("/well")).await.text(), "and alive");
    let line = larder.line("the line of the fetch", |_| true).await;
    assert!(line.contains("Fetched from origin"), "{line}");
}
