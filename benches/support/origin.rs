//! An origin: `/small/SIZE/N` and `/large/SIZE`, storable, every byte known. `/varied/SIZE/N` is as small and
//! varies by `x-variant`, `/fields/SIZE/N` is as small and has N fields in all.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// A stretch of the large body: each of its pages begins with the page's number.
pub(crate) const STRETCH: usize = 256 << 10;
const PAGE: usize = 4096;

/// So many fields has each.
const FIELDS: u64 = 8;

pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    asked: Arc<AtomicU64>,
}

impl Origin {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let asked = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let counter = Arc::clone(&counter);
                // A client that goes ends its thread.
                thread::spawn(move || serve(stream, &counter).ok());
            }
        });
        Self { address, asked }
    }

    /// How many requests came.
    pub(crate) fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }
}

fn serve(stream: TcpStream, asked: &AtomicU64) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    loop {
        let mut text = String::new();
        while !text.ends_with("\r\n\r\n") {
            if stream.read_line(&mut text)? == 0 {
                return Ok(());
            }
        }
        asked.fetch_add(1, Ordering::SeqCst);
        let path = text.split(' ').nth(1).unwrap_or_default();
        let mut parts = path.split('/').skip(1);
        let kind = parts.next().unwrap_or_default();
        let mut number = || parts.next().and_then(|part| part.parse::<u64>().ok()).unwrap_or(0);
        let (size, n) = (number(), number());
        let head = format!(
            "HTTP/1.1 200 OK\r\nDate: {}\r\nServer: origin/1.0\r\nContent-Type: text/html; \
             charset=utf-8\r\nLast-Modified: Sat, 05 Nov 1994 07:00:00 GMT\r\nETag: \"{n}-{size}\"\r\n\
             Cache-Control: public, max-age=86400\r\nX-Content-Type-Options: nosniff\r\n\
             Content-Length: {size}\r\n{}\r\n",
            httpdate::fmt_http_date(std::time::SystemTime::now()),
            more(kind, n)
        );
        let out = stream.get_mut();
        if kind == "large" {
            out.write_all(head.as_bytes())?;
            stretches(0, size, |bytes| out.write_all(bytes))?;
        } else {
            let body = small(n, size as usize);
            out.write_all(&[head.as_bytes(), &body].concat())?;
        }
    }
}

/// What the head has besides the fields of all.
fn more(kind: &str, n: u64) -> String {
    match kind {
        "varied" => "Vary: x-variant\r\n".to_owned(),
        "fields" => (FIELDS..n).map(|at| format!("X-Field-{at}: value {at}\r\n")).collect(),
        _ => String::new(),
    }
}

/// The body of a small response.
pub(crate) fn small(n: u64, size: usize) -> Vec<u8> {
    let mut body = n.to_le_bytes().repeat(size.div_ceil(8));
    body.truncate(size);
    body
}

/// The bytes of the large body from `first` on, `length` of them.
pub(crate) fn stretches<E>(
    first: u64,
    length: u64,
    mut each: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut block: Vec<u8> = (0..STRETCH).map(|at| (at % 251) as u8).collect();
    let (mut at, end) = (first, first + length);
    while at < end {
        let start = at - at % STRETCH as u64;
        for (page, number) in block.chunks_mut(PAGE).zip(start / PAGE as u64..) {
            page.iter_mut().zip(number.to_le_bytes()).for_each(|(to, from)| *to = from);
        }
        let until = end.min(start + STRETCH as u64);
        let wanted = (at - start) as usize..(until - start) as usize;
        each(block.get(wanted).expect("it is within the stretch"))?;
        at = until;
    }
    Ok(())
}
