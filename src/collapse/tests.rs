use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::*;
use crate::http::{Scheme, TargetUri};

const LONG: Duration = Duration::from_secs(10);

fn key(path: &str) -> CacheKey {
    CacheKey::new(TargetUri::new(Scheme::Http, "example.org", 80, path))
}

fn collapse() -> Collapse<&'static str> {
    Collapse::new(Config::default())
}

fn lead<T>(collapse: &Collapse<T>, path: &str) -> Lead<T> {
    match collapse.join(&key(path), Instant::now()) {
        Join::Lead(lead) => lead,
        Join::Follow(_) => panic!("follows"),
        Join::Unshareable => panic!("unshareable"),
    }
}

fn follow<T>(collapse: &Collapse<T>, path: &str) -> Follow<T> {
    match collapse.join(&key(path), Instant::now()) {
        Join::Follow(follow) => follow,
        Join::Lead(_) => panic!("leads"),
        Join::Unshareable => panic!("unshareable"),
    }
}

async fn head<T: Clone>(mut follow: Follow<T>, wait: Duration) -> Followed<T> {
    follow.head(wait).await
}

fn is_unshareable<T>(collapse: &Collapse<T>, path: &str, now: Instant) -> bool {
    matches!(collapse.join(&key(path), now), Join::Unshareable)
}

#[tokio::test]
async fn one_leads_and_all_others_get_what_it_publishes() {
    let collapse = collapse();
    let leader = lead(&collapse, "/");
    let followers: Vec<_> = (0..200).map(|_| follow(&collapse, "/")).collect();
    assert_eq!(leader.followers(), 200);
    let tasks: Vec<_> = followers.into_iter().map(|f| tokio::spawn(head(f, LONG))).collect();
    let _another_key = lead(&collapse, "/other");
    leader.publish("spool");
    for task in tasks {
        assert_eq!(task.await.unwrap(), Followed::Shared("spool"));
    }
}

#[tokio::test]
async fn a_leader_can_wait_until_its_followers_have_taken_their_share() {
    let collapse = collapse();
    let leader = lead(&collapse, "/");
    let (mut one, other) = (follow(&collapse, "/"), follow(&collapse, "/"));
    leader.publish("spool");
    assert_eq!(one.head(LONG).await, Followed::Shared("spool"));
    let mut taken = pin!(leader.taken());
    let mut cx = Context::from_waker(Waker::noop());
    drop(other);
    assert!(taken.as_mut().poll(&mut cx).is_pending(), "it has seen the share and not taken it");
    drop(one);
    assert!(taken.as_mut().poll(&mut cx).is_ready());
}

#[tokio::test]
async fn a_late_joiner_gets_it_while_the_leader_lives() {
    let collapse = collapse();
    let leader = lead(&collapse, "/");
    leader.publish("spool");
    let late = follow(&collapse, "/");
    assert_eq!(head(late, LONG).await, Followed::Shared("spool"));
    let joined = follow(&collapse, "/");
    drop(leader);
    assert_eq!(head(joined, LONG).await, Followed::Shared("spool"), "it joined in time");
    lead(&collapse, "/");
}

#[tokio::test]
async fn a_release_lets_all_followers_go_at_once() {
    let collapse = collapse();
    let leader = lead(&collapse, "/");
    let mut heads: Vec<_> = (0..10).map(|_| Box::pin(head(follow(&collapse, "/"), LONG))).collect();
    let mut cx = Context::from_waker(Waker::noop());
    assert!(heads.iter_mut().all(|head| head.as_mut().poll(&mut cx).is_pending()));
    leader.release(false);
    for head in &mut heads {
        assert_eq!(head.as_mut().poll(&mut cx), Poll::Ready(Followed::Released));
    }
    lead(&collapse, "/");
}

#[tokio::test]
async fn a_leader_that_is_dropped_releases_its_followers() {
    let collapse = collapse();
    let leader = lead(&collapse, "/");
    let waiting = tokio::spawn(head(follow(&collapse, "/"), LONG));
    tokio::task::yield_now().await;
    drop(leader);
    assert_eq!(waiting.await.unwrap(), Followed::Released);
    assert_eq!(collapse.in_flight(), 0);
}

#[tokio::test]
async fn a_leader_that_has_published_may_still_release_those_that_come_later() {
    let collapse = collapse();
    let leader = lead(&collapse, "/");
    leader.publish("spool");
    let follower = follow(&collapse, "/");
    leader.release(false);
    assert_eq!(head(follower, LONG).await, Followed::Released);
}

#[tokio::test]
async fn a_follower_does_not_wait_for_ever() {
    let collapse = collapse();
    let leader = lead(&collapse, "/");
    assert_eq!(head(follow(&collapse, "/"), Duration::ZERO).await, Followed::TimedOut);
    let waited = head(follow(&collapse, "/"), Duration::from_millis(20)).await;
    assert_eq!(waited, Followed::TimedOut);
    assert_eq!(leader.followers(), 0);
    leader.publish("spool");
    let ready = head(follow(&collapse, "/"), Duration::ZERO).await;
    assert_eq!(ready, Followed::Shared("spool"), "what is there needs no wait");
}

#[tokio::test]
async fn after_a_forget_nobody_joins_but_those_that_have_stay() {
    let collapse = collapse();
    let old = lead(&collapse, "/");
    let before = follow(&collapse, "/");
    collapse.forget(&key("/"));
    let new = lead(&collapse, "/");
    let after = follow(&collapse, "/");
    old.publish("old");
    drop(old);
    new.publish("new");
    assert_eq!(head(before, LONG).await, Followed::Shared("old"));
    assert_eq!(head(after, LONG).await, Followed::Shared("new"), "the old lead took nothing away");
    let later = follow(&collapse, "/");
    assert_eq!(head(later, LONG).await, Followed::Shared("new"));
}

#[test]
fn an_unshareable_key_is_not_collapsed_until_that_is_forgotten() {
    let collapse = collapse();
    let before = Instant::now();
    lead(&collapse, "/").release(true);
    let after = Instant::now();
    let memory = Config::default().unshareable_memory;
    let last = before + memory - Duration::from_millis(1);
    assert!(is_unshareable(&collapse, "/", after));
    assert!(is_unshareable(&collapse, "/", last));
    assert!(!is_unshareable(&collapse, "/other", after));
    assert!(!is_unshareable(&collapse, "/", after + memory));
    assert!(collapse.table.state.lock().unshareable.order.is_empty(), "it is forgotten");
    lead(&collapse, "/").release(false);
    lead(&collapse, "/");
}

#[test]
fn the_memory_of_unshareable_keys_is_bounded_and_forgets_the_oldest() {
    let config = Config { unshareable_limit: 3, ..Config::default() };
    let collapse = Collapse::<()>::new(config);
    for path in ["/1", "/2", "/3", "/4"] {
        lead(&collapse, path).release(true);
    }
    let now = Instant::now();
    assert!(!is_unshareable(&collapse, "/1", now));
    for path in ["/2", "/3", "/4"] {
        assert!(is_unshareable(&collapse, path, now), "{path}");
    }
    assert_eq!(collapse.table.state.lock().unshareable.expiries.len(), 3);
}

#[test]
fn a_key_that_two_leads_find_unshareable_is_remembered_once() {
    let collapse = collapse();
    let first = lead(&collapse, "/");
    collapse.forget(&key("/"));
    let second = lead(&collapse, "/");
    first.release(true);
    second.release(true);
    assert_eq!(collapse.table.state.lock().unshareable.order.len(), 1);
}

#[tokio::test]
async fn a_follower_can_be_sent_between_threads_and_dropped() {
    fn is_send<T: Send>(_: &T) {}
    let collapse = collapse();
    let leader = lead(&collapse, "/");
    is_send(&leader);
    {
        let head = pin!(head(follow(&collapse, "/"), LONG));
        is_send(&head);
        assert_eq!(leader.followers(), 1);
    }
    assert_eq!(leader.followers(), 0);
}
