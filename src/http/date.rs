//! HTTP-date (RFC 9110 §5.6.7), read as a cache reads it (RFC 9111 §4.2: in any case, GMT only).

use std::time::SystemTime;

use http::HeaderValue;

use crate::time::Timestamp;

/// The last second that an HTTP-date can write: 31 December 9999, 23:59:59.
const LAST_SECOND: u64 = 253_402_300_799;

const SECONDS_PER_DAY: u64 = 86_400;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// Reads any of the three formats: IMF-fixdate, RFC 850, asctime. A two-digit year that would lie more
/// than 50 years after `now` is one of the past. A moment before 1970 becomes the epoch itself, one after
/// the year 9999 its last second. The day of the week must be one, but need not be the right one. `None`
/// for everything else, other zones included.
pub fn parse(text: &str, now: Timestamp) -> Option<Timestamp> {
    let date = imf_fixdate(text).or_else(|| rfc850(text, now)).or_else(|| asctime(text))?;
    Some(date.timestamp()?.min(Timestamp::from_unix_secs(LAST_SECOND)))
}

/// Writes an IMF-fixdate. What lies after the year 9999 is written as its last second.
pub fn format(at: Timestamp) -> HeaderValue {
    let at = Timestamp::from_unix_secs(at.unix_secs().min(LAST_SECOND));
    HeaderValue::try_from(httpdate::fmt_http_date(SystemTime::from(at)))
        .unwrap_or(HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 GMT"))
}

/// A date of the proleptic Gregorian calendar, in UTC. Fields in the order of significance: it compares
/// like time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Civil {
    year: u64,
    /// 1 to 12.
    month: u64,
    /// 1 to 31.
    day: u64,
    second_of_day: u64,
}

impl Civil {
    fn timestamp(self) -> Option<Timestamp> {
        if self.day == 0 || self.day > days_in_month(self.year, self.month) {
            return None;
        }
        if self.year < 1970 {
            return Some(Timestamp::default());
        }
        let days = days_before_year(self.year) - days_before_year(1970)
            + (1..self.month).map(|month| days_in_month(self.year, month)).sum::<u64>()
            + self.day
            - 1;
        Some(Timestamp::from_unix_secs(days * SECONDS_PER_DAY + self.second_of_day))
    }

    fn at(moment: Timestamp) -> Self {
        let secs = moment.unix_secs().min(LAST_SECOND);
        let mut days = secs / SECONDS_PER_DAY + days_before_year(1970);
        // 400 years have 146 097 days: the estimate is the year or the one before it.
        let mut year = days * 400 / 146_097;
        while days_before_year(year + 1) <= days {
            year += 1;
        }
        days -= days_before_year(year);
        let mut month = 1;
        while month < 12 && days >= days_in_month(year, month) {
            days -= days_in_month(year, month);
            month += 1;
        }
        Self { year, month, day: days + 1, second_of_day: secs % SECONDS_PER_DAY }
    }
}

/// Days from the first of January of the year 1 to that of `year`, which is not 0.
fn days_before_year(year: u64) -> u64 {
    let past = year.saturating_sub(1);
    past * 365 + past / 4 - past / 100 + past / 400
}

fn days_in_month(year: u64, month: u64) -> u64 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`: everything has its place.
fn imf_fixdate(text: &str) -> Option<Civil> {
    let (weekday, rest) = text.split_at_checked(3)?;
    let (day, rest) = rest.strip_prefix(", ")?.split_at_checked(2)?;
    let (month_name, rest) = rest.strip_prefix(' ')?.split_at_checked(3)?;
    let (year, rest) = rest.strip_prefix(' ')?.split_at_checked(4)?;
    let (time, zone) = rest.strip_prefix(' ')?.split_at_checked(8)?;
    (is_short_weekday(weekday) && zone.eq_ignore_ascii_case(" GMT")).then_some(())?;
    Some(Civil {
        year: digits(year, 4)?,
        month: month(month_name)?,
        day: digits(day, 2)?,
        second_of_day: time_of_day(time)?,
    })
}

/// `Sunday, 06-Nov-94 08:49:37 GMT`
fn rfc850(text: &str, now: Timestamp) -> Option<Civil> {
    let (weekday, rest) = text.split_once(", ")?;
    DAYS.iter().any(|day| day.eq_ignore_ascii_case(weekday)).then_some(())?;
    let mut words = rest.split(' ');
    let mut parts = words.next()?.split('-');
    let day = digits(parts.next()?, 2)?;
    let month = month(parts.next()?)?;
    let two_digits = digits(parts.next()?, 2)?;
    parts.next().is_none().then_some(())?;
    let second_of_day = time_of_day(words.next()?)?;
    is_gmt_and_last(words)?;

    let now = Civil::at(now);
    let latest = Civil { year: now.year + 50, ..now };
    let century = latest.year / 100 * 100;
    let date = Civil { year: century + two_digits, month, day, second_of_day };
    if date > latest {
        Some(Civil { year: date.year.checked_sub(100)?, ..date })
    } else {
        Some(date)
    }
}

/// `Sun Nov  6 08:49:37 1994`
fn asctime(text: &str) -> Option<Civil> {
    let (weekday, rest) = text.split_once(' ')?;
    is_short_weekday(weekday).then_some(())?;
    let (month_name, rest) = rest.split_once(' ')?;
    let month = month(month_name)?;
    let (day, rest) = rest.split_at_checked(2)?;
    let day = match day.strip_prefix(' ') {
        Some(digit) => digits(digit, 1)?,
        None => digits(day, 2)?,
    };
    let (time, year) = rest.strip_prefix(' ')?.split_once(' ')?;
    Some(Civil { year: digits(year, 4)?, month, day, second_of_day: time_of_day(time)? })
}

fn is_short_weekday(text: &str) -> bool {
    text.len() == 3
        && DAYS.iter().any(|day| day.get(..3).is_some_and(|d| d.eq_ignore_ascii_case(text)))
}

fn month(text: &str) -> Option<u64> {
    MONTHS.into_iter().zip(1..).find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, n)| n)
}

/// `08:49:37`; second 60 is a leap second.
fn time_of_day(text: &str) -> Option<u64> {
    let (hour, rest) = text.split_at_checked(2)?;
    let (minute, rest) = rest.strip_prefix(':')?.split_at_checked(2)?;
    let hour = digits(hour, 2).filter(|hour| *hour < 24)?;
    let minute = digits(minute, 2).filter(|minute| *minute < 60)?;
    let second = digits(rest.strip_prefix(':')?, 2).filter(|second| *second <= 60)?;
    Some((hour * 60 + minute) * 60 + second)
}

fn is_gmt_and_last<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<()> {
    let gmt = words.next()?.eq_ignore_ascii_case("GMT");
    (gmt && words.next().is_none()).then_some(())
}

/// A number of exactly `count` digits.
fn digits(text: &str, count: usize) -> Option<u64> {
    let right = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    right.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests;
