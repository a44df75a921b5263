//! HTTP-dates: what is read is written and read again as the same moment.
#![no_main]

use larder::http::date::{format, parse};
use larder::time::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((now, text)) = input.split_first_chunk::<8>() else { return };
    let now = Timestamp::from_unix_millis(u64::from_be_bytes(*now));
    let text = String::from_utf8_lossy(text);
    if let Some(read) = parse(&text, now) {
        let written = format(read);
        assert_eq!(parse(written.to_str().unwrap(), now), Some(read));
    }
    let written = format(now);
    assert!(parse(written.to_str().unwrap(), now).is_some());
});
