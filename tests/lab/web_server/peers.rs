//! Clients that are not ours: Python's, over IPv4 and IPv6.

use super::WebServer;
use crate::lab::peers::{HOSTS, ask_in_python};

/// Asks twice on one connection, the second time with the validators of the first answer.
const ASK_TWICE: &str = r#"
import http.client
connection = http.client.HTTPConnection(*address)
connection.request("GET", "/hello.html")
first = connection.getresponse()
print(first.status, first.reason, first.read().decode(), first.getheader("Content-Type"))
validators = {"If-None-Match": first.getheader("ETag"), "If-Modified-Since": first.getheader("Last-Modified")}
connection.request("GET", "/hello.html", headers=validators)
second = connection.getresponse()
print(second.status, second.reason, len(second.read()))
"#;

#[tokio::test]
async fn ten_lines_of_python_get_a_file_and_validate_it() {
    let server = WebServer::start(&[]).await;
    server.write("hello.html", "<h1>Hello</h1>");
    let port = server.address.port().to_string();
    for host in HOSTS {
        let lines = ask_in_python(ASK_TWICE, host, &port).await;
        let expected = ["200 OK <h1>Hello</h1> text/html; charset=utf-8", "304 Not Modified 0"];
        assert_eq!(lines, expected, "{host}");
    }
}
