//! Failures that are remembered for a moment, where the settings want it.

use std::time::Duration;

use super::Proxy;
use crate::support::listener::Refusing;

#[tokio::test]
async fn a_failure_is_answered_for_its_lifetime_and_then_tried_again() {
    let refusing = Refusing::start();
    let url = format!("http://{}/a", refusing.address());
    let proxy = Proxy::with(|config| {
        config.proxy.policy.error_lifetime = Duration::from_secs(3);
    })
    .await;

    let first = proxy.get(&url).await;
    proxy.advance(Duration::from_secs(2));
    let again = proxy.get(&url).await;
    assert_eq!((first.status, again.status), (502, 502));
    assert_eq!(first.text(), again.text());

    // Only a new attempt can find out that somebody is there now.
    let origin = crate::support::origin::Origin::start_on(&take_over(refusing)).await;
    origin.route("/a", "here");
    assert_eq!(proxy.get(&url).await.status, 502, "it is still remembered");
    assert_eq!(origin.requests().len(), 0);
    proxy.advance(Duration::from_secs(2));
    assert_eq!(proxy.get(&url).await.text(), "here");
}

fn take_over(refusing: Refusing) -> String {
    let address = refusing.address().to_string();
    drop(refusing);
    address
}
