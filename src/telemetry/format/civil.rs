//! Moments as people write them: RFC 3339 and the web servers' format, always in UTC.

use super::number::padded;
use crate::time::Timestamp;

const DAY_SECS: u64 = 86_400;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A moment in the Gregorian calendar.
struct Civil {
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
}

impl Civil {
    fn new(at: Timestamp) -> Self {
        let (days, secs) = (at.unix_secs() / DAY_SECS, at.unix_secs() % DAY_SECS);
        // Years that begin in March put the leap day last; eras of 400 years have equal length.
        let days = days + 719_468;
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        Self {
            year: era * 400 + year_of_era + u64::from(month <= 2),
            month,
            day: day_of_year - (153 * month_from_march + 2) / 5 + 1,
            hour: secs / 3600,
            minute: secs / 60 % 60,
            second: secs % 60,
        }
    }
}

/// Appends `2026-11-20T13:36:01.123Z` (RFC 3339, milliseconds).
pub(super) fn rfc3339(at: Timestamp, out: &mut Vec<u8>) {
    let Civil { year, month, day, hour, minute, second } = Civil::new(at);
    padded(out, year, 4);
    for (before, number) in
        [(b'-', month), (b'-', day), (b'T', hour), (b':', minute), (b':', second)]
    {
        out.push(before);
        padded(out, number, 2);
    }
    out.push(b'.');
    padded(out, at.unix_millis() % 1000, 3);
    out.push(b'Z');
}

/// Appends `[20/Nov/2026:13:36:01 +0000]`.
pub(super) fn bracketed(at: Timestamp, out: &mut Vec<u8>) {
    let Civil { year, month, day, hour, minute, second } = Civil::new(at);
    let name = usize::try_from(month - 1).ok().and_then(|at| MONTHS.get(at)).unwrap_or(&"Jan");
    out.push(b'[');
    padded(out, day, 2);
    out.push(b'/');
    out.extend_from_slice(name.as_bytes());
    out.push(b'/');
    padded(out, year, 4);
    for number in [hour, minute, second] {
        out.push(b':');
        padded(out, number, 2);
    }
    out.extend_from_slice(b" +0000]");
}
