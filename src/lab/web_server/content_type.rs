//! `Content-Type` by the name of a file.

/// Extensions in lower case and what files with them hold. Text is taken for UTF-8.
const TYPES: &[(&[&str], &str)] = &[
    (&["html", "htm"], "text/html; charset=utf-8"),
    (&["css"], "text/css; charset=utf-8"),
    (&["js", "mjs"], "text/javascript; charset=utf-8"),
    (&["txt", "log", "c", "h", "py", "java", "rs", "toml", "ini"], "text/plain; charset=utf-8"),
    (&["md"], "text/markdown; charset=utf-8"),
    (&["csv"], "text/csv; charset=utf-8"),
    (&["json", "map"], "application/json"),
    (&["webmanifest"], "application/manifest+json"),
    (&["xml"], "application/xml"),
    (&["yaml", "yml"], "application/yaml"),
    (&["wasm"], "application/wasm"),
    (&["pdf"], "application/pdf"),
    (&["zip"], "application/zip"),
    (&["gz", "tgz"], "application/gzip"),
    (&["tar"], "application/x-tar"),
    (&["xz"], "application/x-xz"),
    (&["zst"], "application/zstd"),
    (&["svg"], "image/svg+xml"),
    (&["png"], "image/png"),
    (&["jpg", "jpeg"], "image/jpeg"),
    (&["gif"], "image/gif"),
    (&["webp"], "image/webp"),
    (&["avif"], "image/avif"),
    (&["bmp"], "image/bmp"),
    (&["ico"], "image/vnd.microsoft.icon"),
    (&["mp3"], "audio/mpeg"),
    (&["ogg", "oga"], "audio/ogg"),
    (&["wav"], "audio/wav"),
    (&["flac"], "audio/flac"),
    (&["mp4", "m4v"], "video/mp4"),
    (&["webm"], "video/webm"),
    (&["mpeg", "mpg"], "video/mpeg"),
    (&["woff"], "font/woff"),
    (&["woff2"], "font/woff2"),
    (&["ttf"], "font/ttf"),
    (&["otf"], "font/otf"),
];

/// The type of the file with this name: a row of the table, or just bytes.
pub(super) fn of(name: &[u8]) -> &'static str {
    let extension = name.iter().rposition(|byte| *byte == b'.').and_then(|dot| name.get(dot + 1..));
    let extension = extension.map(<[u8]>::to_ascii_lowercase).unwrap_or_default();
    let row = TYPES.iter().find(|(known, _)| known.iter().any(|one| one.as_bytes() == extension));
    row.map_or("application/octet-stream", |(_, content_type)| content_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_extension_says_it_in_any_case() {
        let rows: &[(&[u8], &str)] = &[
            (b"index.html", "text/html; charset=utf-8"),
            (b"INDEX.HTM", "text/html; charset=utf-8"),
            (b"a.tar.gz", "application/gzip"),
            (b"photo.JPEG", "image/jpeg"),
            (b"page.html.bak", "application/octet-stream"),
            (b"README", "application/octet-stream"),
            (b"ends.", "application/octet-stream"),
            (b"\xff.png", "image/png"),
            (b"", "application/octet-stream"),
        ];
        for (name, expected) in rows {
            assert_eq!(of(name), *expected, "{}", name.escape_ascii());
        }
    }
}
