use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use super::*;

const DEADLINE: Duration = Duration::from_secs(10);

/// Occupies a thread until the sender is dropped.
fn occupy(pool: &Pool) -> SyncSender<()> {
    let (open, gate) = sync_channel(1);
    let (started, reached): (SyncSender<()>, Receiver<()>) = sync_channel(1);
    let job = move || {
        started.send(()).unwrap();
        gate.recv().unwrap_err();
    };
    drop(pool.run(job).unwrap());
    reached.recv_timeout(DEADLINE).unwrap();
    open
}

#[test]
fn a_job_gives_its_result_from_a_thread_with_a_name() {
    let pool = Pool::new("reader", 2, 8).unwrap();
    let named = pool.run(|| thread::current().name().map(str::to_owned)).unwrap();
    let name = named.blocking_recv().unwrap().unwrap();
    assert!(["reader-0", "reader-1"].contains(&name.as_str()), "{name}");
}

#[test]
fn jobs_are_done_in_order_and_a_full_queue_refuses() {
    let pool = Pool::new("writer", 1, 2).unwrap();
    let gate = occupy(&pool);
    let done = Arc::new(Mutex::new(Vec::new()));
    let note = |n: u32| {
        let done = Arc::clone(&done);
        pool.run(move || done.lock().push(n))
    };
    let (first, second) = (note(1).unwrap(), note(2).unwrap());
    assert_eq!(note(3).unwrap_err(), Busy);
    assert_eq!(pool.usage(), PoolUsage { waiting: 2, refused: 1, panicked: 0 });
    drop(gate);
    first.blocking_recv().unwrap();
    second.blocking_recv().unwrap();
    assert_eq!(*done.lock(), [1, 2]);
    note(4).unwrap().blocking_recv().unwrap();
}

#[test]
fn as_many_jobs_as_threads_are_done_at_once() {
    let pool = Pool::new("reader", 3, 3).unwrap();
    let gates = [occupy(&pool), occupy(&pool), occupy(&pool)];
    assert_eq!(pool.usage().waiting, 0);
    drop(gates);
}

#[test]
fn a_panic_costs_one_job() {
    let pool = Pool::new("reader", 1, 8).unwrap();
    let lost = pool.run(|| -> u8 { panic!("a test panics") }).unwrap();
    let after = pool.run(|| 7).unwrap();
    assert!(lost.blocking_recv().is_err());
    assert_eq!(after.blocking_recv().unwrap(), 7);
    assert_eq!(pool.usage().panicked, 1);
}

#[test]
fn a_drop_waits_for_the_job_at_hand_and_forgets_the_queue() {
    let pool = Pool::new("writer", 1, 8).unwrap();
    let (gate, waiting) = sync_channel::<()>(1);
    let (started, reached) = sync_channel(1);
    let job = move || {
        started.send(()).unwrap();
        waiting.recv().unwrap_err();
        "done"
    };
    let at_hand = pool.run(job).unwrap();
    reached.recv_timeout(DEADLINE).unwrap();
    let waits = pool.run(|| ()).unwrap();
    thread::scope(|threads| {
        let dropping = threads.spawn(move || drop(pool));
        // The queue is forgotten at once, while the job at hand goes on.
        assert!(waits.blocking_recv().is_err());
        assert!(!dropping.is_finished());
        drop(gate);
        dropping.join().unwrap();
    });
    assert_eq!(at_hand.blocking_recv().unwrap(), "done");
}

#[test]
fn a_job_may_hold_the_last_reference_to_its_pool() {
    let pool = Arc::new(Pool::new("reader", 2, 8).unwrap());
    let (own, (sender, gate)) = (Arc::clone(&pool), sync_channel::<()>(1));
    let job = move || {
        gate.recv().unwrap_err();
        drop(own);
        5
    };
    let done = pool.run(job).unwrap();
    drop(pool);
    drop(sender);
    assert_eq!(done.blocking_recv().unwrap(), 5);
}
