use tokio::sync::oneshot;

use super::*;

const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn an_empty_drain_is_finished_as_soon_as_it_begins() {
    let drain = Drain::new();
    assert!(!drain.draining());
    drain.begin();
    assert!(drain.draining());
    let report = drain.finished(SOON).await;
    assert_eq!(report, DrainReport { served: 0, connections: 0, tunnels: 0, cut: 0 });
}

#[tokio::test]
async fn finished_waits_for_the_beginning() {
    let drain = Drain::new();
    let waiting = tokio::spawn({
        let drain = drain.clone();
        async move { drain.finished(SOON).await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    drain.begin();
    timeout(SOON, waiting).await.unwrap().unwrap();
}

#[tokio::test]
async fn begun_resolves_for_those_who_waited_and_those_who_come_late() {
    let drain = Drain::new();
    let early = drain.begun();
    drain.begin();
    timeout(SOON, early).await.unwrap();
    timeout(SOON, drain.begun()).await.unwrap();
}

#[tokio::test]
async fn a_request_in_flight_is_waited_for_and_counted_as_served() {
    let drain = Drain::new();
    let guard = drain.guard(Class::Exchange);
    drain.begin();
    let waiting = tokio::spawn({
        let drain = drain.clone();
        async move { drain.finished(SOON).await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    drop(guard);
    let report = timeout(SOON, waiting).await.unwrap().unwrap();
    assert_eq!((report.served, report.cut), (1, 0));
}

#[tokio::test]
async fn tunnels_are_told_to_close_only_when_nothing_else_is_in_flight() {
    let drain = Drain::new();
    let guard = drain.guard(Class::Exchange);
    let close = drain.tunnels_close();
    drain.spawn("tunnel", Class::Tunnel, close);
    let mut close = std::pin::pin!(drain.tunnels_close());
    drain.begin();
    tokio::select! {
        biased;
        () = &mut close => panic!("told to close while a request is in flight"),
        () = tokio::task::yield_now() => {}
    }
    drop(guard);
    timeout(SOON, close).await.unwrap();
    let report = drain.finished(SOON).await;
    assert_eq!((report.tunnels, report.cut), (1, 0));
}

#[tokio::test]
async fn what_is_left_at_the_limit_is_cut_and_counted() {
    let drain = Drain::new();
    let (held, gone) = oneshot::channel::<()>();
    drain.spawn("stuck", Class::Tunnel, async move {
        let _held = held;
        std::future::pending::<()>().await;
    });
    let _guard = drain.guard(Class::Exchange);
    drain.begin();
    let report = drain.finished(Duration::from_millis(20)).await;
    assert_eq!((report.served, report.cut), (0, 2));
    assert!(timeout(SOON, gone).await.unwrap().is_err(), "the task must have been aborted");
}

#[tokio::test]
async fn a_tunnel_that_is_cut_has_the_time_to_say_so() {
    let drain = Drain::new();
    let _guard = drain.guard(Class::Exchange);
    let (said, saying) = oneshot::channel();
    let close = drain.tunnels_close();
    drain.spawn("tunnel", Class::Tunnel, async move {
        close.await;
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        said.send("the proxy is stopping").unwrap();
    });
    drain.begin();
    let report = drain.finished(Duration::from_millis(20)).await;
    assert_eq!(saying.await, Ok("the proxy is stopping"));
    assert_eq!((report.tunnels, report.cut), (0, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_aborted_is_gone_when_the_drain_has_finished() {
    /// Dropped with the task that holds it, which takes it a while.
    struct Held(Arc<AtomicUsize>);
    impl Drop for Held {
        fn drop(&mut self) {
            (0..1000).for_each(|_| std::thread::yield_now());
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let (drain, gone) = (Drain::new(), Arc::new(AtomicUsize::new(0)));
    for class in [Class::Connection, Class::Exchange, Class::Background] {
        let held = Held(Arc::clone(&gone));
        drain.spawn("stuck", class, async move {
            let _held = held;
            std::future::pending::<()>().await;
        });
    }
    drain.begin();
    drain.finished(Duration::from_millis(20)).await;
    assert_eq!(gone.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_second_begin_ends_the_wait_at_once() {
    let drain = Drain::new();
    let _guard = drain.guard(Class::Exchange);
    drain.begin();
    let waiting = tokio::spawn({
        let drain = drain.clone();
        async move { drain.finished(Duration::from_secs(3600)).await }
    });
    drain.begin();
    assert_eq!(timeout(SOON, waiting).await.unwrap().unwrap().cut, 1);
}

#[tokio::test]
async fn background_tasks_are_not_waited_for_but_stopped() {
    let drain = Drain::new();
    let (held, gone) = oneshot::channel::<()>();
    drain.spawn("ticker", Class::Background, async move {
        let _held = held;
        std::future::pending::<()>().await;
    });
    drain.begin();
    assert_eq!(drain.finished(SOON).await.cut, 0);
    assert!(timeout(SOON, gone).await.unwrap().is_err());
}

#[test]
fn a_task_that_begins_waits_for_no_other_that_begins() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let drain = Drain::new();
    drain.0.next.store(1, Ordering::SeqCst);
    // Task 0 is beginning, and takes its time.
    let _beginning = drain.0.shard(0).lock();
    let (begun, begins) = std::sync::mpsc::channel();
    let handle = runtime.handle().clone();
    let other = drain.clone();
    std::thread::spawn(move || {
        let _inside = handle.enter();
        other.spawn("other", Class::Exchange, async move { begun.send(()).unwrap() });
    });
    begins.recv_timeout(SOON).unwrap();
}

#[tokio::test]
async fn a_task_that_panics_ends_like_any_other() {
    let drain = Drain::new();
    drain.spawn("doomed", Class::Connection, async { panic!("on purpose") });
    drain.begin();
    assert_eq!(timeout(SOON, drain.finished(SOON)).await.unwrap().connections, 1);
}

#[tokio::test]
async fn what_is_waited_for_to_its_end_is_no_task() {
    let drain = Drain::new();
    let work = drain.see_through("work", Class::Exchange, Box::pin(async { 7 }));
    assert_eq!(work.await, 7);
    assert_eq!(drain.0.next.load(Ordering::Relaxed), 0, "nothing was spawned");
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_goes_on_as_a_task_and_holds_up_the_drain() {
    let drain = Drain::new();
    let (gate, open) = oneshot::channel::<()>();
    let (done, ended) = oneshot::channel();
    let work = async move {
        open.await.unwrap();
        done.send("seen through").unwrap();
    };
    let mut waited_for = drain.see_through("work", Class::Exchange, Box::pin(work));
    tokio::select! {
        biased;
        () = &mut waited_for => panic!("the gate is closed"),
        () = tokio::task::yield_now() => {}
    }
    drop(waited_for);
    drain.begin();
    let waiting = tokio::spawn({
        let drain = drain.clone();
        async move { drain.finished(SOON).await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    gate.send(()).unwrap();
    assert_eq!(timeout(SOON, ended).await.unwrap(), Ok("seen through"));
    let report = timeout(SOON, waiting).await.unwrap().unwrap();
    assert_eq!(report.cut, 0);
}

#[tokio::test]
async fn what_panicked_is_not_seen_through() {
    let drain = Drain::new();
    let broken = async { panic!("as a bug would") };
    let work = drain.see_through::<_>("work", Class::Exchange, Box::pin(broken));
    assert!(tokio::spawn(work).await.unwrap_err().is_panic());
    assert_eq!(drain.0.next.load(Ordering::Relaxed), 0, "nothing was spawned");
}

#[test]
fn a_runtime_that_shuts_down_ends_what_is_still_waited_for() {
    let drain = Drain::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let (begun, has_begun) = std::sync::mpsc::channel();
    let work = async move {
        begun.send(()).unwrap();
        std::future::pending::<()>().await;
    };
    let waited_for = drain.see_through("work", Class::Exchange, Box::pin(work));
    runtime.spawn(waited_for);
    has_begun.recv_timeout(SOON).unwrap();
    drop(runtime);
    assert_eq!(drain.0.of(Class::Exchange), 0);
    assert!(drain.0.all_gone());
}
