//! The lines of `larder cache ls`.

use std::borrow::Cow;
use std::io::{self, Write};

use super::moment;
use crate::policy::CacheKey;
use crate::store::inspect::Response;

/// A longer URL pushes the rest of its own line to the right, not that of all lines.
const WIDEST_URL: usize = 80;

/// What stands above the columns, for a person.
const TITLES: [&str; 7] = ["METHOD", "URL", "STATUS", "SIZE", "STORED", "EXPIRES", "USES"];

/// One line: a stored response. In the order of the URLs, then of the methods.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    url: String,
    method: &'static str,
    stored: String,
    status: u16,
    size: u64,
    expires: String,
    uses: Option<u8>,
}

impl Row {
    /// The line of a stored response.
    pub(super) fn of(response: &Response) -> Self {
        Self {
            url: plain(response.key.uri().as_str()).into_owned(),
            method: method(&response.key),
            stored: moment(response.stored),
            status: response.status.as_u16(),
            size: response.size,
            expires: moment(response.expires),
            uses: response.uses,
        }
    }

    /// The texts of its columns.
    fn columns(&self) -> [Cow<'_, str>; 7] {
        let uses = self.uses.map_or(Cow::Borrowed("-"), |uses| uses.to_string().into());
        [
            self.method.into(),
            self.url.as_str().into(),
            self.status.to_string().into(),
            self.size.to_string().into(),
            self.stored.as_str().into(),
            self.expires.as_str().into(),
            uses,
        ]
    }
}

/// The method whose answer is stored under a key.
pub(super) fn method(key: &CacheKey) -> &'static str {
    if key.is_head() { "HEAD" } else { "GET" }
}

/// A URL without what a terminal could take for more than text.
pub(super) fn plain(url: &str) -> Cow<'_, str> {
    if url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return url.into();
    }
    let mut out = String::with_capacity(url.len() + 16);
    for byte in url.bytes() {
        match byte {
            b'!'..=b'~' => out.push(char::from(byte)),
            other => out += &format!("%{other:02X}"),
        }
    }
    out.into()
}

/// Writes the rows in columns; a line of titles first where a person reads them.
pub(super) fn write(rows: &[Row], titled: bool, out: &mut impl Write) -> io::Result<()> {
    let mut widths = if titled { TITLES.map(str::len) } else { [0; 7] };
    for row in rows {
        for (width, text) in widths.iter_mut().zip(row.columns()) {
            *width = (*width).max(text.len().min(WIDEST_URL));
        }
    }
    if titled {
        line(&TITLES.map(Cow::Borrowed), &widths, out)?;
    }
    rows.iter().try_for_each(|row| line(&row.columns(), &widths, out))
}

fn line(columns: &[Cow<'_, str>; 7], widths: &[usize; 7], out: &mut impl Write) -> io::Result<()> {
    let [method, url, status, size, stored, expires, uses] = columns;
    let [method_width, url_width, status_width, size_width, stored_width, expires_width, _] =
        *widths;
    writeln!(
        out,
        "{method:method_width$}  {url:url_width$}  {status:status_width$}  {size:>size_width$}  \
         {stored:stored_width$}  {expires:expires_width$}  {uses}"
    )
}
