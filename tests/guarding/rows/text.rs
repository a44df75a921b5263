//! How bytes are written in a table: a line break is CRLF, `\` begins a byte, `{…}` stands for a text.

/// What `{origin}` and `{url}` stand for, besides the answers that have a name.
pub fn expand(written: &str, origin: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = written;
    while let Some(at) = rest.find(['\n', '\\', '{']) {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let (mark, after) = rest[at..].split_at(1);
        rest = match mark {
            "\n" => {
                bytes.extend_from_slice(b"\r\n");
                after
            }
            "\\" => escaped(after, &mut bytes),
            _ => named(after, origin, &mut bytes),
        };
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

/// `\r`, `\n`, `\t`, `\0`, `\\`, `\{` or `\xHH`.
fn escaped<'a>(after: &'a str, bytes: &mut Vec<u8>) -> &'a str {
    let (letter, rest) = after.split_at(1);
    let byte = match letter {
        "r" => b'\r',
        "n" => b'\n',
        "t" => b'\t',
        "0" => 0,
        "\\" => b'\\',
        "{" => b'{',
        "x" => {
            let (digits, rest) = rest.split_at(2);
            bytes.push(u8::from_str_radix(digits, 16).expect("two hexadecimal digits"));
            return rest;
        }
        other => panic!("\\{other} is no byte"),
    };
    bytes.push(byte);
    rest
}

/// `{origin}`, `{url}`, a named answer, or `{text*count}`.
fn named<'a>(after: &'a str, origin: &str, bytes: &mut Vec<u8>) -> &'a str {
    let (name, rest) = after.split_once('}').expect("a brace is closed");
    match name {
        "origin" => bytes.extend_from_slice(origin.as_bytes()),
        "url" => bytes.extend_from_slice(format!("http://{origin}/a").as_bytes()),
        "ok" => bytes.extend_from_slice(
            b"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 2\r\n\r\nok",
        ),
        "fresh" => bytes.extend_from_slice(
            b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 5\r\n\r\nfresh",
        ),
        _ => {
            let (text, count) = name.rsplit_once('*').expect("{text*count}");
            let text = expand(text, origin);
            bytes.extend_from_slice(&text.repeat(count.parse().expect("a count")));
        }
    }
    rest
}
