//! Bytes from outside, made harmless: no byte of theirs ends a line, a field or moves a cursor.

use super::put;

/// Characters that a terminal acts on, or that make text look like other text.
fn is_treacherous(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn push_char(c: char, out: &mut Vec<u8>) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

/// Whether a byte is written as it is, quotes around it or not; a space is one of them.
const fn is_harmless(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

/// Appends `text` as a JSON string with its quotes.
pub(super) fn json(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    if text.bytes().all(is_harmless) {
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
        return;
    }
    for c in text.chars() {
        match c {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            // All of them are in the basic plane, so four digits are enough.
            c if is_treacherous(c) => put(out, format_args!("\\u{:04x}", u32::from(c))),
            c => push_char(c, out),
        }
    }
    out.push(b'"');
}

/// Appends `text` bare when it is one harmless word, else in quotes with escapes.
pub(super) fn pretty(text: &str, out: &mut Vec<u8>) {
    let bare = |c: char| !(c.is_whitespace() || c == '"' || c == '\\' || is_treacherous(c));
    // Nearly everything is ASCII, and asked about byte by byte.
    let is_word = || text.bytes().all(|byte| is_harmless(byte) && byte != b' ');
    if !text.is_empty() && (is_word() || text.chars().all(bare)) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    out.push(b'"');
    words(text, true, out);
    out.push(b'"');
}

/// Appends `text` as running words: spaces stay, what is treacherous is escaped.
pub(super) fn message(text: &str, out: &mut Vec<u8>) {
    words(text, false, out);
}

fn words(text: &str, quoted: bool, out: &mut Vec<u8>) {
    if text.bytes().all(is_harmless) {
        return out.extend_from_slice(text.as_bytes());
    }
    for c in text.chars() {
        match c {
            '"' if quoted => out.extend_from_slice(b"\\\""),
            '\\' if quoted => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            c if is_treacherous(c) => put(out, format_args!("\\u{{{:x}}}", u32::from(c))),
            c => push_char(c, out),
        }
    }
}

/// Appends `bytes` for a quoted column of a web server's log: `\"`, `\\`, `\xHH`.
pub(super) fn quoted(bytes: &[u8], out: &mut Vec<u8>) {
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b' '..=b'~' => out.push(byte),
            _ => put(out, format_args!("\\x{byte:02X}")),
        }
    }
}

/// Appends `bytes` for a column that ends at a space: everything but visible ASCII becomes `%HH`.
pub(super) fn percent(bytes: &[u8], out: &mut Vec<u8>) {
    for &byte in bytes {
        if byte.is_ascii_graphic() {
            out.push(byte);
        } else {
            put(out, format_args!("%{byte:02X}"));
        }
    }
}
