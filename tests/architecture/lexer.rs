//! Just enough of Rust's lexical structure: what is code, and what is comment or literal.

use std::ops::Range;

/// Replaces comments, strings, character literals and lifetimes by spaces; places and lines stay.
pub fn blank(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'/' if bytes[at..].starts_with(b"//") => line_end(bytes, at),
            b'/' if bytes[at..].starts_with(b"/*") => comment_end(bytes, at),
            b'"' => string_end(bytes, at + 1),
            b'\'' => quote_end(text, at),
            byte if is_word(byte) => {
                let word = word_end(bytes, at);
                literal_end(bytes, at..word).unwrap_or_else(|| {
                    at = word;
                    word
                })
            }
            _ => {
                at += 1;
                continue;
            }
        };
        for byte in &mut code[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end;
    }
    String::from_utf8(code).expect("what is blanked is blanked whole")
}

/// Cuts code without comments and literals into words, `::`, and single characters.
pub fn tokens(code: &str) -> Vec<Range<usize>> {
    let bytes = code.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            byte if byte.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            b'r' if bytes[at..].starts_with(b"r#") => {
                at += 2; // a raw identifier is the word behind it
                continue;
            }
            byte if is_word(byte) => word_end(bytes, at),
            b':' if bytes[at..].starts_with(b"::") => at + 2,
            _ => at + 1,
        };
        tokens.push(at..end);
        at = end;
    }
    tokens
}

/// Whether a byte may stand in a word; all of UTF-8 beyond ASCII may.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn word_end(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().position(|byte| !is_word(*byte)).map_or(bytes.len(), |length| at + length)
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |length| at + length)
}

fn comment_end(bytes: &[u8], from: usize) -> usize {
    let (mut at, mut depth) = (from, 0);
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    at
}

/// The end of a string whose opening quote stands before `at`.
fn string_end(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The end of the literal that begins with the prefix `word` (`b"`, `r#"`, `b'` and the like).
fn literal_end(bytes: &[u8], word: Range<usize>) -> Option<usize> {
    let next = word.end;
    match &bytes[word] {
        b"b" | b"c" if bytes.get(next) == Some(&b'"') => Some(string_end(bytes, next + 1)),
        b"b" if bytes.get(next) == Some(&b'\'') => {
            let close = if bytes.get(next + 1) == Some(&b'\\') { next + 3 } else { next + 2 };
            let length = bytes[close..].iter().position(|byte| *byte == b'\'')?;
            Some(close + length + 1)
        }
        b"r" | b"br" | b"cr" => {
            let hashes = bytes[next..].iter().take_while(|byte| **byte == b'#').count();
            if bytes.get(next + hashes) != Some(&b'"') {
                return None;
            }
            let close = [b"\"".as_slice(), &b"#".repeat(hashes)].concat();
            let content = next + hashes + 1;
            let mut windows = bytes[content..].windows(close.len());
            let length = windows.position(|window| window == close);
            Some(length.map_or(bytes.len(), |length| content + length + close.len()))
        }
        _ => None,
    }
}

/// The end of the character literal or of the lifetime that begins at `at`.
fn quote_end(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    let mut rest = text[at + 1..].chars();
    match rest.next() {
        Some('\\') => {
            let close = at + 3;
            let length = bytes[close..].iter().position(|byte| *byte == b'\'').unwrap_or(0);
            close + length + 1
        }
        Some(single) if rest.next() == Some('\'') => at + 1 + single.len_utf8() + 1,
        _ => word_end(bytes, at + 1),
    }
}

#[test]
fn comments_and_literals_are_blanked_and_nothing_else() {
    let cases = [
        ("a // b\nc", "a c"),
        ("a /* b /* c */ d */ e", "a e"),
        ("f(\"x \\\" y\", z)", "f( , z)"),
        ("r#\"a \" b\"# c", "c"),
        ("r\"\\\" c", "c"),
        ("br##\"\"#\"## c", "c"),
        ("b\"x\" c\"y\" bc", "bc"),
        ("'x' '\\'' '\\u{41}' '\"' c", "c"),
        ("b'x' b'\\'' b'\\\\' c", "c"),
        ("&'a str, 'é', x", "& str, , x"),
        ("r#type x", "r#type x"),
        ("expr as u8 // \"\nlet c = '/';", "expr as u8 let c = ;"),
    ];
    for (text, code) in cases {
        let blanked = blank(text);
        assert_eq!(blanked.split_whitespace().collect::<Vec<_>>().join(" "), code, "{text}");
        assert_eq!(blanked.len(), text.len(), "{text}");
        assert_eq!(blanked.find('\n'), text.find('\n'), "{text}");
    }
}

#[test]
fn code_is_cut_into_words_and_signs() {
    let words = |code: &'static str| tokens(code).into_iter().map(move |token| &code[token]);
    assert!(
        words("a::b<T>(0.5)?; r#type")
            .eq(["a", "::", "b", "<", "T", ">", "(", "0", ".", "5", ")", "?", ";", "type"])
    );
}
