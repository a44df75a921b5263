//! What `{…}` stands for in a row.
//!
//! ```text
//! {now}              the present moment of the proxy's clock, as an HTTP-date
//! {+60} {-60}        so many seconds after or before the beginning of the row
//! {rfc850:+60}       the same in another form, right or wrong: see `in_form`
//! {base}             scheme and authority of the origin
//! {path}             the path of the row
//! {url}              both
//! ```

use std::time::{Duration, SystemTime};

/// What a row's values may speak of.
pub struct Words {
    /// When the row began.
    pub began: SystemTime,
    /// The present moment.
    pub now: SystemTime,
    /// Scheme and authority of the origin.
    pub base: String,
    /// The path of the row.
    pub path: String,
}

impl Words {
    /// `text` with everything in braces replaced.
    pub fn fill(&self, text: &str) -> String {
        let (mut out, mut rest) = (String::new(), text);
        while let Some((before, after)) = rest.split_once('{') {
            let (word, after) = after.split_once('}').expect("a closing brace");
            out += before;
            out += &self.word(word);
            rest = after;
        }
        out + rest
    }

    fn word(&self, word: &str) -> String {
        match word {
            "now" => httpdate::fmt_http_date(self.now),
            "base" => self.base.clone(),
            "path" => self.path.clone(),
            "url" => format!("{}{}", self.base, self.path),
            _ => {
                let (form, offset) = word.split_once(':').unwrap_or(("imf", word));
                let offset: i64 = offset.parse().expect("seconds with a sign");
                let span = Duration::from_secs(offset.unsigned_abs());
                let at = if offset < 0 { self.began - span } else { self.began + span };
                in_form(form, &httpdate::fmt_http_date(at))
            }
        }
    }
}

/// An HTTP-date in another form.
fn in_form(form: &str, date: &str) -> String {
    let [day, number, month, year, time, _] = *date.split(' ').collect::<Vec<_>>() else {
        panic!("{date}");
    };
    let short = day.trim_end_matches(',');
    let two = &year[2..];
    let long = match short {
        "Mon" => "Monday",
        "Tue" => "Tuesday",
        "Wed" => "Wednesday",
        "Thu" => "Thursday",
        "Fri" => "Friday",
        "Sat" => "Saturday",
        _ => "Sunday",
    };
    match form {
        "imf" => date.into(),
        "rfc850" => format!("{long}, {number}-{month}-{two} {time} GMT"),
        "asctime" => {
            format!("{short} {month} {:>2} {time} {year}", number.trim_start_matches('0'))
        }
        "lower" => date.to_lowercase().replace("gmt", "GMT"),
        "upper" => date.to_uppercase(),
        "zone" => date.replace("GMT", "PST"),
        "utc" => date.replace("GMT", "UTC"),
        "offset" => date.replace("GMT", "+0000"),
        "zoneless" => date.replace(" GMT", ""),
        "commaless" => date.replace(',', ""),
        "dashes" => format!("{day} {number}-{month}-{year} {time} GMT"),
        "twodigits" => format!("{day} {number} {month} {two} {time} GMT"),
        "hour" => format!("{day} {number} {month} {year} 8{} GMT", &time[2..]),
        "seconds" => format!("{day} {number} {month} {year} {} GMT", &time[..5]),
        "iso" => format!("{year}-01-{number}T{time}Z"),
        "dayless" => format!("{number} {month} {year} {time} GMT"),
        "trailing" => format!("{date} and then some"),
        "unpadded" => date.replace(&format!(" {number} "), " 5 "),
        _ => panic!("no form {form:?}"),
    }
}
