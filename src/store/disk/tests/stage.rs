//! A file, threads and a witness that tests look into.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use bytes::Bytes;
use parking_lot::Mutex;

use crate::policy::Interval;
use crate::store::disk::checksum::{BLOCK, Sums};
use crate::store::disk::dense::{Checksums, Dense};
use crate::store::disk::extents::{Extents, Run};
use crate::store::disk::io::faulty::Faulty;
use crate::store::disk::io::{File, Io, Now, System};
use crate::store::disk::large::LargeFiles;
use crate::store::disk::pool::{Busy, Pool};
use crate::store::disk::witness::{Lane, Origin, Witness};
use crate::store::reader::{Damaged, Reader};

/// Bytes that nobody confuses with others of the same body.
pub(super) fn text(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

pub(super) fn sums(bytes: &[u8]) -> Box<[u32]> {
    let mut sums = Sums::default();
    bytes.chunks(10_007).for_each(|piece| sums.add(piece));
    sums.end().into()
}

/// A file in memory.
#[derive(Debug, Default)]
pub(super) struct Tape {
    pub(super) bytes: Mutex<Vec<u8>>,
    /// Every read has to wait.
    pub(super) cold: AtomicBool,
    pub(super) broken: Mutex<Option<io::ErrorKind>>,
    /// Where and how much was read.
    pub(super) reads: Mutex<Vec<(u64, usize)>>,
}

impl Tape {
    pub(super) fn new(bytes: Vec<u8>) -> Arc<Self> {
        Arc::new(Self { bytes: Mutex::new(bytes), ..Self::default() })
    }

    pub(super) fn set_cold(&self, cold: bool) {
        self.cold.store(cold, Ordering::Relaxed);
    }
}

impl File for Tape {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        if let Some(kind) = *self.broken.lock() {
            return Err(kind.into());
        }
        self.reads.lock().push((offset, buffer.len()));
        let bytes = self.bytes.lock();
        let found = bytes.get(offset as usize..offset as usize + buffer.len());
        buffer.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn read_now(&self, buffer: &mut [u8], offset: u64) -> io::Result<Now> {
        if self.cold.load(Ordering::Relaxed) {
            return Ok(Now::WouldWait);
        }
        self.read_at(buffer, offset).map(|()| Now::Read)
    }

    fn write_at(&self, _: &[u8], _: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.bytes.lock().resize(length as usize, 0);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes.lock().len() as u64)
    }

    fn reserve(&self, _: u64) -> io::Result<()> {
        Ok(())
    }

    fn is_linked(&self) -> io::Result<bool> {
        Ok(true)
    }

    fn forget(&self, _: u64, _: u64) {}
}

/// Runs jobs when it is told to.
#[derive(Default)]
pub(super) struct ByHand {
    jobs: Mutex<VecDeque<Box<dyn FnOnce() + Send>>>,
    pub(super) full: AtomicBool,
}

impl ByHand {
    pub(super) fn waiting(&self) -> usize {
        self.jobs.lock().len()
    }

    /// Runs one job; whether there was one.
    pub(super) fn step(&self) -> bool {
        let job = self.jobs.lock().pop_front();
        job.map(|job| job()).is_some()
    }

    pub(super) fn drop_all(&self) {
        self.jobs.lock().clear();
    }
}

impl std::fmt::Debug for ByHand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ByHand")
    }
}

impl Lane for ByHand {
    fn run(&self, job: Box<dyn FnOnce() + Send>) -> Result<(), Busy> {
        if self.full.load(Ordering::Relaxed) {
            return Err(Busy);
        }
        self.jobs.lock().push_back(job);
        Ok(())
    }
}

impl Lane for Arc<ByHand> {
    fn run(&self, job: Box<dyn FnOnce() + Send>) -> Result<(), Busy> {
        (**self).run(job)
    }
}

/// Remembers what it is told.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) reads: ByHand,
    pub(super) writes: ByHand,
    pub(super) damaged: Mutex<Vec<(String, u64)>>,
    pub(super) failed: Mutex<Vec<(String, io::ErrorKind)>>,
}

impl Witness for Notes {
    fn damaged(&self, origin: &Origin, offset: u64) {
        self.damaged.lock().push((origin.to_string(), offset));
    }

    fn unreadable(&self, origin: &Origin, _: u64, error: &io::Error) {
        self.failed.lock().push((origin.to_string(), error.kind()));
    }

    fn unwritable(&self, origin: &Origin, error: &io::Error) {
        self.failed.lock().push((origin.to_string(), error.kind()));
    }

    fn reads(&self) -> &dyn Lane {
        &self.reads
    }

    fn writes(&self) -> &dyn Lane {
        &self.writes
    }
}

/// A body in a file, behind `base` other bytes.
pub(super) struct Stage {
    pub(super) body: Vec<u8>,
    pub(super) base: usize,
    pub(super) tape: Arc<Tape>,
    pub(super) notes: Arc<Notes>,
    pub(super) extents: Arc<Extents>,
}

impl Stage {
    pub(super) fn new(length: usize, base: usize) -> Self {
        let body = text(length);
        let tape = Tape::new([vec![0xee; base], body.clone()].concat());
        let notes = Arc::new(Notes::default());
        let dense = Arc::new(dense(&tape, base, &body, &notes));
        let extents = Arc::new(Extents::whole(7, 9, dense));
        Self { body, base, tape, notes, extents }
    }

    pub(super) fn run(&self, first: u64, length: u64) -> Run {
        Run { dense: Arc::clone(&self.extents.runs()[0].dense), first, length }
    }

    /// Where the blocks begin that were read, once.
    pub(super) fn blocks_read(&self) -> Vec<usize> {
        let reads = std::mem::take(&mut *self.tape.reads.lock());
        let blocks = reads.into_iter().flat_map(|(offset, length)| {
            let first = offset as usize - self.base;
            assert_eq!(first % BLOCK, 0);
            (first / BLOCK)..(first + length).div_ceil(BLOCK)
        });
        blocks.collect()
    }
}

pub(super) fn dense(tape: &Arc<Tape>, base: usize, body: &[u8], notes: &Arc<Notes>) -> Dense {
    let file: Arc<dyn File> = tape.clone();
    let weak: Weak<dyn Witness> = Arc::downgrade(&(Arc::clone(notes) as Arc<dyn Witness>));
    let origin = Origin::Record { segment: 0x12a, offset: 64, digest: 5 };
    let (base, length) = (base as u64, body.len() as u64);
    Dense::new(file, base, length, Checksums::All(sums(body)), origin, weak).unwrap()
}

/// Reads to the end, running the jobs that it waits for: what came, and how it ended.
pub(super) fn drain(reader: &mut Reader, notes: &Notes) -> (Vec<u8>, Result<(), Damaged>) {
    use std::task::{Context, Poll, Waker};
    let mut all = Vec::new();
    loop {
        match reader.poll_next(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Some(Ok(bytes))) => all.extend_from_slice(&bytes),
            Poll::Ready(Some(Err(damaged))) => return (all, Err(damaged)),
            Poll::Ready(None) => return (all, Ok(())),
            Poll::Pending => assert!(notes.reads.step(), "it waits for nothing"),
        }
    }
}

/// Threads, a disk that breaks, and the large files on it.
#[derive(Debug)]
pub(super) struct Crew {
    reads: Pool,
    writes: Pool,
    pub(super) notes: Notes,
}

impl Witness for Crew {
    fn damaged(&self, origin: &Origin, offset: u64) {
        self.notes.damaged(origin, offset);
    }

    fn unreadable(&self, origin: &Origin, offset: u64, error: &io::Error) {
        self.notes.unreadable(origin, offset, error);
    }

    fn unwritable(&self, origin: &Origin, error: &io::Error) {
        self.notes.unwritable(origin, error);
    }

    fn reads(&self) -> &dyn Lane {
        &self.reads
    }

    fn writes(&self) -> &dyn Lane {
        &self.writes
    }
}

impl Crew {
    fn new() -> Arc<Self> {
        let pool = |name| Pool::new(name, 1, 64).unwrap();
        Arc::new(Self { reads: pool("r"), writes: pool("w"), notes: Notes::default() })
    }

    /// Waits until all that was to be written or removed is.
    pub(super) async fn rest(&self) {
        for _ in 0..4 {
            self.writes.run(|| ()).unwrap().await.unwrap();
        }
    }
}

/// Digest and number of the file of most tests.
pub(super) const DIGEST: u128 = 0xab << 120 | 0x77;
pub(super) const ID: u64 = 0x1f;
pub(super) const PART: &str = "part/000000000000001f";
pub(super) const LAST: &str = "obj/ab/ab000000000000000000000000000077-000000000000001f";

pub(super) struct Shelf {
    pub(super) disk: Faulty,
    pub(super) crew: Arc<Crew>,
    pub(super) files: LargeFiles,
}

impl Shelf {
    pub(super) fn new() -> Self {
        let disk = Faulty::new();
        disk.make_dir("part").unwrap();
        Self::on(disk)
    }

    pub(super) fn on(disk: Faulty) -> Self {
        let crew = Crew::new();
        let witness: Weak<dyn Witness> = Arc::downgrade(&(Arc::clone(&crew) as Arc<dyn Witness>));
        let files = LargeFiles::new(Arc::new(disk.clone()), witness);
        Self { disk, crew, files }
    }

    /// A finished file.
    pub(super) async fn finished(&self, body: &[u8]) -> Arc<Dense> {
        let (mut writer, _) = self.files.begin(ID, DIGEST, Some(body.len() as u64));
        for frame in body.chunks(50_000) {
            writer.write(Bytes::copy_from_slice(frame)).await.unwrap();
        }
        writer.finish().await.unwrap()
    }

    /// A finished file that a record names, closed.
    pub(super) async fn settled(body: &[u8]) -> Self {
        let shelf = Self::new();
        let dense = shelf.finished(body).await;
        shelf.files.settle(ID).unwrap();
        shelf.files.retain(ID, DIGEST, dense.length());
        shelf
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.disk.files().into_keys().collect()
    }
}

/// Large files in a directory of the system, with two threads each way.
pub(super) fn on_system(root: &std::path::Path) -> (Arc<Crew>, LargeFiles) {
    let pool = |name| Pool::new(name, 2, 64).unwrap();
    let crew = Crew { reads: pool("r"), writes: pool("w"), notes: Notes::default() };
    let crew = Arc::new(crew);
    let witness: Weak<dyn Witness> = Arc::downgrade(&(Arc::clone(&crew) as Arc<dyn Witness>));
    (crew, LargeFiles::new(Arc::new(System::new(root.to_owned())), witness))
}

pub(super) async fn read(dense: &Arc<Dense>) -> Result<Vec<u8>, Damaged> {
    let extents = Arc::new(Extents::whole(1, 1, Arc::clone(dense)));
    let whole = Interval::whole(dense.length()).unwrap();
    all(Reader::of_disk(extents.reader(whole).unwrap())).await
}

pub(super) async fn all(mut reader: Reader) -> Result<Vec<u8>, Damaged> {
    let mut all = Vec::new();
    while let Some(bytes) = reader.next().await {
        all.extend_from_slice(&bytes?);
    }
    Ok(all)
}
