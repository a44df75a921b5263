//! What the origin says, and what a cache that has crashed must still know of it.

use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::support::origin::{Origin, Received, Reply};
use crate::support::pattern;

/// What was stored so long before a crash must be there after it.
pub const KEPT: Duration = Duration::from_secs(5);

/// How many URLs there are, and how many groups they belong to.
pub const URLS: usize = 160;
pub const GROUPS: usize = 8;

/// Random numbers that a seed repeats (splitmix64).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }
}

/// The body of a URL in one version: who it is, and bytes that are at no other place.
pub fn body(url: usize, version: u64) -> Vec<u8> {
    let mut dice = Dice::new((url as u64) << 32 ^ version);
    let length = match url {
        0..120 => dice.below(6 << 10),
        120..146 => (20 << 10) + dice.below(130 << 10),
        146..155 => (200 << 10) + dice.below(800 << 10),
        _ => (1 << 20) + 1 + dice.below(3 << 20),
    };
    let mut body = format!("{url:05} {version:010} ").into_bytes();
    body.extend(pattern::bytes(dice.below(65_521), usize::try_from(length).unwrap()));
    body
}

/// One URL.
#[derive(Clone, Debug, Default)]
struct Truth {
    /// What the origin has now.
    version: u64,
    /// No cache may answer with an older version, or an older head.
    floor: (u64, u64),
    /// Whether a cache must have it.
    is_due: bool,
    /// What clients were given and the cache had, and when.
    seen: Vec<(Instant, u64, u64)>,
    /// Requests begun, and those in flight; the changes among these.
    begun: u64,
    in_flight: usize,
    changing: usize,
}

/// All URLs, as the origin and the clients know them.
#[derive(Debug)]
pub struct World {
    state: Mutex<State>,
    /// Whether nothing may be given up for want of room.
    is_roomy: bool,
}

#[derive(Debug)]
struct State {
    truths: Vec<Truth>,
    /// Numbers versions and heads: what comes later has a larger one.
    clock: u64,
}

/// What was known when a request was sent.
#[derive(Clone, Copy, Debug)]
pub struct Began {
    floor: u64,
    begun: u64,
    is_alone: bool,
}

/// What a response says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    pub version: u64,
    pub head: u64,
}

impl World {
    pub fn new(is_roomy: bool) -> Self {
        let truths = vec![Truth { version: 1, ..Truth::default() }; URLS];
        Self { state: Mutex::new(State { truths, clock: 1 }), is_roomy }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// A request for a URL is about to be sent.
    pub fn begin(&self, url: usize) -> Began {
        let state = &mut *self.state();
        let truth = &mut state.truths[url];
        let is_alone = truth.in_flight == 0 && truth.changing == 0;
        (truth.begun, truth.in_flight) = (truth.begun + 1, truth.in_flight + 1);
        Began { floor: truth.floor.0, begun: truth.begun, is_alone }
    }

    /// It has ended, somehow.
    pub fn end(&self, url: usize) {
        self.state().truths[url].in_flight -= 1;
    }

    /// An answer has come: it is not older than what had to be known when it was asked for.
    pub fn judge(&self, url: usize, began: Began, said: Said) {
        let state = self.state();
        let newest = state.truths[url].version;
        assert!(
            said.version >= began.floor,
            "/{url}: version {} came after {} was invalidated or known",
            said.version,
            began.floor
        );
        assert!(said.version <= newest, "/{url}: version {} was never there", said.version);
    }

    /// An answer was read to its end, and the cache has it.
    pub fn saw(&self, url: usize, began: Began, said: Said) {
        let truth = &mut self.state().truths[url];
        if began.is_alone && truth.begun == began.begun && truth.changing == 0 {
            truth.seen.push((Instant::now(), said.version, said.head));
        }
    }

    /// Unsafe requests for these URLs are about to be sent: from now on they may be gone.
    pub fn begin_change(&self, urls: impl Iterator<Item = usize>) {
        let state = &mut *self.state();
        for url in urls {
            let truth = &mut state.truths[url];
            (truth.is_due, truth.changing) = (false, truth.changing + 1);
            truth.begun += 1;
            truth.seen.clear();
        }
    }

    /// They have ended; an answer names the version since which nothing older may be served.
    pub fn end_change(&self, urls: impl Iterator<Item = usize>, version: Option<u64>) {
        let state = &mut *self.state();
        for url in urls {
            let truth = &mut state.truths[url];
            truth.changing -= 1;
            truth.floor.0 = truth.floor.0.max(version.unwrap_or(0));
        }
    }

    /// The origin has another version, and tells nobody.
    pub fn change_silently(&self, url: usize) {
        self.state().change([url].into_iter());
    }

    /// What the cache has written must be there from now on: what was seen long enough before `crash`, or,
    /// where it was stopped in order, all of it.
    pub fn crashed(&self, crash: Option<Instant>) {
        let (state, is_roomy) = (&mut *self.state(), self.is_roomy);
        for truth in &mut state.truths {
            assert_eq!((truth.in_flight, truth.changing), (0, 0), "a request has no end");
            for (at, version, head) in std::mem::take(&mut truth.seen) {
                if crash.is_none_or(|crash| at + KEPT <= crash) {
                    truth.floor = truth.floor.max((version, head));
                    truth.is_due = is_roomy;
                }
            }
        }
    }

    /// What a cache that has just started answers without asking: `None` when it has nothing.
    pub fn audit(&self, url: usize, said: Option<Said>) {
        let (state, is_roomy) = (&mut *self.state(), self.is_roomy);
        let truth = &mut state.truths[url];
        let Some(Said { version, head }) = said else {
            assert!(!truth.is_due, "/{url} is missing: {truth:?}");
            return;
        };
        let floor = truth.floor;
        assert!(version >= floor.0, "/{url}: version {version} came back: {truth:?}");
        assert!((version, head) >= floor, "/{url}: head {head} came back: {truth:?}");
        assert!(version <= truth.version, "/{url}: version {version} was never there: {truth:?}");
        (truth.floor, truth.is_due) = ((version, head), is_roomy);
    }

    /// How many URLs must be in the cache.
    pub fn due(&self) -> usize {
        self.state().truths.iter().filter(|truth| truth.is_due).count()
    }

    /// Answers as the origin.
    fn answer(&self, url: usize, request: &Received) -> Reply {
        let mut state = self.state();
        if request.method == "POST" {
            let version = state.change([url].into_iter());
            return Reply::ok("changed").field("X-Version", &version.to_string());
        }
        state.clock += 1;
        let (head, version) = (state.clock, state.truths[url].version);
        drop(state);
        let etag = format!("\"{version}\"");
        let dressed = |reply: Reply| {
            let reply = reply.field("ETag", &etag).field("Cache-Control", "max-age=86400");
            let reply = reply.field("Cache-Groups", &format!("\"g{}\"", url % GROUPS));
            let reply = reply.field("X-Head", &head.to_string());
            reply.field("X-Version", &version.to_string())
        };
        if request.field("if-none-match") == Some(&etag) {
            return dressed(Reply::new(304));
        }
        let body = body(url, version);
        let is_same = request.field("if-range").is_none_or(|tag| tag == etag);
        match request
            .field("range")
            .filter(|_| is_same)
            .and_then(|range| interval(range, body.len()))
        {
            None => dressed(Reply::ok(body)),
            Some((first, last)) => {
                let range = format!("bytes {first}-{last}/{}", body.len());
                dressed(Reply::new(206).body(&body[first..=last])).field("Content-Range", &range)
            }
        }
    }

    fn answer_group(&self, group: usize) -> Reply {
        let version = self.state().change(members(group));
        let reply = Reply::ok("changed").field("X-Version", &version.to_string());
        reply.field("Cache-Group-Invalidation", &format!("\"g{group}\""))
    }
}

impl State {
    fn change(&mut self, urls: impl Iterator<Item = usize>) -> u64 {
        self.clock += 1;
        urls.for_each(|url| self.truths[url].version = self.clock);
        self.clock
    }
}

/// The URLs of a group.
pub fn members(group: usize) -> impl Iterator<Item = usize> {
    (group..URLS).step_by(GROUPS)
}

/// An origin that answers for a world.
pub async fn origin(world: &std::sync::Arc<World>) -> Origin {
    let origin = Origin::start().await;
    for url in 0..URLS {
        let world = world.clone();
        origin.route_with(&format!("/{url}"), move |request: &Received| world.answer(url, request));
    }
    for group in 0..GROUPS {
        let world = world.clone();
        origin
            .route_with(&format!("/group/{group}"), move |_: &Received| world.answer_group(group));
    }
    origin
}

/// The bytes that `Range` asks for, the last one included.
fn interval(range: &str, length: usize) -> Option<(usize, usize)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let end = length.checked_sub(1)?;
    match (first.parse().ok(), last.parse().ok()) {
        (None, Some(count)) => Some((length.checked_sub(count)?, end)),
        (Some(first), last) if first <= end => Some((first, last.unwrap_or(end).min(end))),
        _ => None,
    }
}
