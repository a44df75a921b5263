//! Field lines that are written behind the status line of a head that hyper writes, without its knowing.

use std::io::IoSlice;

/// Slices that are written at once: what hyper has of a hit, and the lines.
const SLICES: usize = 16;

/// A buffer that is longer than this is not kept for the next lines.
const KEPT: usize = 4096;

/// Lines, and how far they are.
#[derive(Debug, Default)]
pub(super) struct Spliced {
    lines: Vec<u8>,
    /// How many bytes of the lines are written.
    written: usize,
    /// How many bytes of hyper's come before them.
    before: usize,
}

/// What is written at once.
pub(super) struct Slices<'a> {
    all: [IoSlice<'a>; SLICES],
    count: usize,
}

impl<'a> Slices<'a> {
    pub(super) fn as_slice(&self) -> &[IoSlice<'a>] {
        self.all.get(..self.count).unwrap_or_default()
    }

    /// Appends one; an empty one, or one too many, is left out.
    fn push(&mut self, bytes: &'a [u8]) {
        if let Some(place) = self.all.get_mut(self.count).filter(|_| !bytes.is_empty()) {
            *place = IoSlice::new(bytes);
            self.count += 1;
        }
    }
}

impl Spliced {
    /// The buffer of the lines that were written last, emptied.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        self.lines.clear();
        self.lines.shrink_to(KEPT);
        self.written = 0;
        &mut self.lines
    }

    /// The lines in the buffer go behind the status line that `head` begins with.
    pub(super) fn begin(&mut self, head: &[IoSlice<'_>]) {
        let status_line = head.iter().find(|buf| !buf.is_empty());
        let end = status_line.and_then(|buf| buf.iter().position(|&byte| byte == b'\n'));
        self.before = end.map_or(0, |end| end + 1);
    }

    /// Whether all lines are written.
    pub(super) fn is_done(&self) -> bool {
        self.written >= self.lines.len()
    }

    /// What hyper writes, with what is left of the lines in their place.
    pub(super) fn among<'a>(&'a self, bufs: &'a [IoSlice<'a>]) -> Slices<'a> {
        let mut slices = Slices { all: [IoSlice::new(&[]); SLICES], count: 0 };
        let lines = self.lines.get(self.written..).unwrap_or_default();
        let mut before = Some(self.before);
        for buf in bufs.iter().filter(|buf| !buf.is_empty()) {
            match before.take() {
                // hyper writes a head in one piece.
                Some(end) => {
                    let (status_line, rest) = buf.split_at_checked(end).unwrap_or((buf, &[]));
                    slices.push(status_line);
                    slices.push(lines);
                    slices.push(rest);
                }
                None => slices.push(buf),
            }
        }
        slices
    }

    /// So many bytes were written: how many of them are hyper's.
    pub(super) fn wrote(&mut self, n: usize) -> usize {
        let ahead = n.min(self.before);
        let lines = (n - ahead).min(self.lines.len() - self.written);
        self.before -= ahead;
        self.written += lines;
        n - lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stand_behind_the_status_line_wherever_writes_are_cut() {
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n";
        let whole = [&head[..17], b"a: 1\r\nb: 2\r\n", &head[17..], b"body"].concat();
        for cut in 1..=whole.len() {
            let mut spliced = Spliced::default();
            spliced.buffer().extend_from_slice(b"a: 1\r\nb: 2\r\n");
            let theirs = [&head[..], b"body"].concat();
            let (mut taken, mut out) = (0, Vec::new());
            spliced.begin(&[IoSlice::new(head), IoSlice::new(b"body")]);
            // Each write takes at most so many bytes.
            while taken < theirs.len() || !spliced.is_done() {
                let left = &theirs[taken..];
                let bufs = match left.len().checked_sub(4) {
                    Some(end) => vec![IoSlice::new(&left[..end]), IoSlice::new(&left[end..])],
                    None => vec![IoSlice::new(left)],
                };
                let all: Vec<u8> = if spliced.is_done() {
                    left.to_vec()
                } else {
                    spliced.among(&bufs).as_slice().iter().flat_map(|s| s.to_vec()).collect()
                };
                let n = cut.min(all.len());
                assert!(n > 0, "something is left to write");
                out.extend_from_slice(&all[..n]);
                taken += spliced.wrote(n);
            }
            assert_eq!(out, whole, "cut at {cut}");
        }
    }

    #[test]
    fn without_lines_there_is_nothing_to_do() {
        let mut spliced = Spliced::default();
        spliced.begin(&[IoSlice::new(b"HTTP/1.1 200 OK\r\n\r\n")]);
        assert!(spliced.is_done());
        assert_eq!(spliced.wrote(19), 19);
    }

    #[test]
    fn more_slices_than_are_written_at_once_wait() {
        let mut spliced = Spliced::default();
        spliced.buffer().push(b'x');
        spliced.begin(&[IoSlice::new(b"s\nr")]);
        let bufs: Vec<_> = std::iter::once(IoSlice::new(b"s\nr"))
            .chain((0..40).map(|_| IoSlice::new(b"b")))
            .collect();
        assert_eq!(spliced.among(&bufs).as_slice().len(), SLICES);
    }
}
