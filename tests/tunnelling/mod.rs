//! Tunnels: `CONNECT`, bytes both ways, and how a tunnel ends.

mod ending;
mod opening;

use larder::cli::serve::Config;

use crate::support::client::Client;
use crate::support::listener::Listener;
use crate::support::proxy::Proxy;

/// Tunnels to the ports of the tests.
fn any_port(config: &mut Config) {
    config.proxy.access.tunnel_ports = vec![1..=u16::MAX];
}

/// A tunnel through `proxy`, and its far end.
async fn tunnel(proxy: &Proxy, listener: &Listener) -> (Client, Client) {
    let mut client = proxy.client().await;
    let to = listener.address().to_string();
    let (response, server) = tokio::join!(client.tunnel(&to), listener.accept());
    assert_eq!(response.status, 200, "{response:?}");
    (client, server)
}
