//! Clients that ask, change, break off and check, until the proxy is gone.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::net::TcpStream;

use super::world::{self, Began, Dice, GROUPS, Said, URLS, World};
use crate::support::client::request;
use crate::support::gate::within;
use crate::support::message::Head;
use crate::support::wire::{Body, Broken, Wire};

/// One client on a connection of its own.
pub struct Asker {
    pub world: Arc<World>,
    pub proxy: SocketAddr,
    /// `http://127.0.0.1:port`
    pub base: String,
    wire: Option<Wire>,
}

/// What came of a request.
struct Came {
    head: Head,
    said: Option<Said>,
    body: Vec<u8>,
    /// Why the body did not come to its end.
    broken: Option<Broken>,
}

/// A request in flight, as the world counts them.
struct Asking<'a>(&'a World, usize);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.end(self.1);
    }
}

impl Asker {
    pub fn new(world: &Arc<World>, proxy: SocketAddr, base: &str) -> Self {
        Self { world: world.clone(), proxy, base: base.to_owned(), wire: None }
    }

    /// Asks for all kinds of things until the proxy does not answer. That must not be before it was
    /// killed.
    pub async fn work(mut self, mut dice: Dice, was_killed: &AtomicBool) {
        loop {
            if let Err(why) = self.step(&mut dice).await {
                assert!(was_killed.load(Ordering::Acquire), "the proxy broke off: {why:?}");
                return;
            }
        }
    }

    async fn step(&mut self, dice: &mut Dice) -> Result<(), Broken> {
        let url = pick(dice);
        match dice.below(100) {
            0..58 => self.get(url, &[]).await,
            58..72 => self.get(url, &[("Cache-Control", "no-cache")]).await,
            72..78 => {
                self.world.change_silently(url);
                self.get(url, &[("Cache-Control", "no-cache")]).await
            }
            78..88 => self.range(pick(dice), dice).await,
            88..92 => self.leave(pick(dice)).await,
            92..99 => self.change(&format!("/{url}"), &[url]).await,
            _ => {
                let group = usize::try_from(dice.below(GROUPS as u64)).unwrap();
                let members: Vec<_> = world::members(group).collect();
                self.change(&format!("/group/{group}"), &members).await
            }
        }
    }

    async fn get(&mut self, url: usize, fields: &[(&str, &str)]) -> Result<(), Broken> {
        let world = self.world.clone();
        let (began, _asking) = (world.begin(url), Asking(&world, url));
        let came = self.ask("GET", &format!("/{url}"), fields).await?;
        assert_eq!(came.status(), 200, "/{url}: {:?}", came.head);
        let said = came.check(url, began, &world);
        if let Some(why) = came.broken {
            return Err(why);
        }
        let status = came.head.fields.get("cache-status").unwrap_or_default();
        if ["hit", "stored", "fwd-status=304"].iter().any(|word| status.contains(word)) {
            world.saw(url, began, said);
        }
        Ok(())
    }

    async fn range(&mut self, url: usize, dice: &mut Dice) -> Result<(), Broken> {
        let world = self.world.clone();
        let (began, _asking) = (world.begin(url), Asking(&world, url));
        let (first, length) = (dice.below(200 << 10), 1 + dice.below(100 << 10));
        let range = match dice.below(4) {
            0 => format!("bytes={}-", first / 8),
            1 => format!("bytes=-{length}"),
            _ => format!("bytes={first}-{}", first + length),
        };
        let came = self.ask("GET", &format!("/{url}"), &[("Range", &range)]).await?;
        assert!([200, 206, 416].contains(&came.status()), "/{url}, {range}: {:?}", came.head);
        if came.status() != 416 {
            came.check(url, began, &world);
        }
        came.broken.map_or(Ok(()), Err)
    }

    /// Asks, and goes away in the middle of the answer.
    async fn leave(&mut self, url: usize) -> Result<(), Broken> {
        let world = self.world.clone();
        let (_, _asking) = (world.begin(url), Asking(&world, url));
        let asked = request("GET", &format!("{}/{url}", self.base), &[]);
        let wire = self.wire().await?;
        wire.send(asked.as_bytes()).await?;
        within(format!("the head of /{url}"), wire.head()).await?.ok_or(Broken::Closed)?;
        self.wire = None;
        Ok(())
    }

    /// An unsafe request that changes these.
    async fn change(&mut self, path: &str, urls: &[usize]) -> Result<(), Broken> {
        let world = self.world.clone();
        world.begin_change(urls.iter().copied());
        let came = self.ask("POST", path, &[("Content-Length", "0")]).await;
        let version = came.as_ref().ok().filter(|came| came.broken.is_none()).map(|came| {
            assert_eq!(came.status(), 200, "{path}: {:?}", came.head);
            number(&came.head, "x-version").expect("the origin says so")
        });
        world.end_change(urls.iter().copied(), version);
        came.map(drop)
    }

    /// What the cache has, without the origin: checked against all that must be true after a crash.
    pub async fn audit(&mut self, url: usize) -> Result<(), Broken> {
        let world = self.world.clone();
        let began = world.begin(url);
        let asking = Asking(&world, url);
        let fields = [("Cache-Control", "only-if-cached")];
        let came = self.ask("GET", &format!("/{url}"), &fields).await?;
        drop(asking);
        match came.status() {
            200 => {
                let said = came.check(url, began, &world);
                assert_eq!(came.broken, None, "/{url} breaks off");
                world.audit(url, Some(said));
            }
            504 => world.audit(url, None),
            other => panic!("/{url}: {other}: {:?}", came.head),
        }
        Ok(())
    }

    /// One request and all that comes of it. An error when there is no head.
    async fn ask(
        &mut self,
        method: &str,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Result<Came, Broken> {
        let text = request(method, &format!("{}{path}", self.base), fields);
        let wire = self.wire().await?;
        wire.send(text.as_bytes()).await?;
        let what = || format!("an answer to {method} {path} {fields:?}");
        let head = within(what(), wire.head()).await?.ok_or(Broken::Closed)?;
        let (mut body, mut bytes) = (Body::new(head.response_framing(method)?), Vec::new());
        let broken = loop {
            let what = || format!("what follows {} bytes of {path}", bytes.len());
            match within(what(), wire.piece(&mut body)).await {
                Ok(Some(piece)) => bytes.extend_from_slice(&piece),
                Ok(None) => break None,
                Err(why) => break Some(why),
            }
        };
        if broken.is_some() || head.fields.get("connection") == Some("close") {
            self.wire = None;
        }
        let said = number(&head, "x-version").zip(number(&head, "x-head"));
        let said = said.map(|(version, head)| Said { version, head });
        Ok(Came { head, said, body: bytes, broken })
    }

    async fn wire(&mut self) -> Result<&mut Wire, Broken> {
        if self.wire.is_none() {
            self.wire = Some(Wire::new(TcpStream::connect(self.proxy).await?));
        }
        self.wire.as_mut().ok_or(Broken::Closed)
    }
}

impl Came {
    fn status(&self) -> u16 {
        self.head.status().expect("a status line")
    }

    /// Each byte is the origin's, and it is not too old.
    fn check(&self, url: usize, began: Began, world: &World) -> Said {
        let said = self.said.unwrap_or_else(|| panic!("/{url}: no version: {:?}", self.head));
        let whole = world::body(url, said.version);
        let expected = match self.head.fields.get("content-range") {
            None => &whole[..],
            Some(range) => {
                let (bounds, length) =
                    range.strip_prefix("bytes ").unwrap().split_once('/').unwrap();
                assert_eq!(length, whole.len().to_string(), "/{url}: {range}");
                let (first, last) = bounds.split_once('-').unwrap();
                &whole[first.parse().unwrap()..=last.parse().unwrap()]
            }
        };
        match self.broken {
            None => assert!(self.body == expected, "/{url}: wrong bytes: {:?}", self.head),
            Some(_) => assert!(expected.starts_with(&self.body), "/{url}: wrong bytes: {said:?}"),
        }
        world.judge(url, began, said);
        said
    }
}

/// Some are asked for more often than others, and what is large not often.
fn pick(dice: &mut Dice) -> usize {
    let (from, to) = match dice.below(100) {
        0..70 => (0, 120),
        70..88 => (120, 146),
        88..96 => (146, 155),
        _ => (155, URLS as u64),
    };
    let among = dice.below(to - from).min(dice.below(to - from));
    usize::try_from(from + among).unwrap()
}

fn number(head: &Head, name: &str) -> Option<u64> {
    head.fields.get(name)?.parse().ok()
}
