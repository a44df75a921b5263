//! Moments as people write them: RFC 3339 and the web servers' format, always in UTC.

use super::put;
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
    let millis = at.unix_millis() % 1000;
    put(
        out,
        format_args!(
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z"
        ),
    );
}

/// Appends `[20/Nov/2026:13:36:01 +0000]`.
pub(super) fn bracketed(at: Timestamp, out: &mut Vec<u8>) {
    let Civil { year, month, day, hour, minute, second } = Civil::new(at);
    let name = usize::try_from(month - 1).ok().and_then(|at| MONTHS.get(at)).unwrap_or(&"Jan");
    put(out, format_args!("[{day:02}/{name}/{year:04}:{hour:02}:{minute:02}:{second:02} +0000]"));
}
