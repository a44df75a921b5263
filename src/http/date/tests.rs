use super::*;

/// 1 August 2026, 00:00:00.
const NOW: Timestamp = Timestamp::from_unix_secs(1_785_542_400);

fn secs(text: &str) -> Option<u64> {
    parse(text, NOW).map(Timestamp::unix_secs)
}

#[test]
fn the_three_formats_of_one_moment_read_the_same() {
    for text in [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Sun Nov 06 08:49:37 1994",
        "sUN, 06 nOV 1994 08:49:37 gmt",
        "SUNDAY, 06-NOV-94 08:49:37 Gmt",
        "sun nov  6 08:49:37 1994",
        "Mon, 06 Nov 1994 08:49:37 GMT",
    ] {
        assert_eq!(secs(text), Some(784_111_777), "{text}");
    }
}

#[test]
fn the_calendar_is_gregorian() {
    let rows = [
        ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
        ("Sat, 01 Aug 2026 00:00:00 GMT", Some(NOW.unix_secs())),
        ("Tue, 29 Feb 2000 12:00:00 GMT", Some(951_825_600)),
        ("Thu, 29 Feb 2024 00:00:00 GMT", Some(1_709_164_800)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", Some(LAST_SECOND)),
        ("Sat, 31 Dec 2016 23:59:60 GMT", Some(1_483_228_800)),
        ("Wed, 31 Dec 1969 23:59:59 GMT", Some(0)),
        ("Sat, 01 Jan 0000 00:00:00 GMT", Some(0)),
        ("Thu, 29 Feb 1900 00:00:00 GMT", None),
        ("Sat, 29 Feb 2025 00:00:00 GMT", None),
        ("Sun, 31 Apr 2024 00:00:00 GMT", None),
        ("Sun, 00 Apr 2024 00:00:00 GMT", None),
        ("Sun, 32 Jan 2024 00:00:00 GMT", None),
    ];
    for (text, expected) in rows {
        assert_eq!(secs(text), expected, "{text}");
    }
}

#[test]
fn a_two_digit_year_is_at_most_fifty_years_ahead() {
    let year_of = |text: &str, now| Civil::at(parse(text, now).unwrap()).year;
    let rows = [
        ("Saturday, 01-Aug-26 00:00:00 GMT", NOW, 2026),
        ("Saturday, 01-Aug-76 00:00:00 GMT", NOW, 2076),
        ("Saturday, 01-Aug-76 00:00:01 GMT", NOW, 1976),
        ("Saturday, 01-Jan-94 00:00:00 GMT", NOW, 1994),
        ("Saturday, 01-Jan-00 00:00:00 GMT", NOW, 2000),
        // 2099: the next century is near.
        ("Saturday, 01-Jan-05 00:00:00 GMT", Timestamp::from_unix_secs(4_070_908_800), 2105),
        ("Saturday, 01-Jan-70 00:00:00 GMT", Timestamp::from_unix_secs(4_070_908_800), 2070),
    ];
    for (text, now, expected) in rows {
        assert_eq!(year_of(text, now), expected, "{text} at {now:?}");
    }
}

#[test]
fn what_is_not_one_of_the_formats_is_no_date() {
    for text in [
        "",
        "0",
        "-1",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 ",
        "Sun, 06 Nov 1994 08:49:37 EST",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        " Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT, x",
        "Sun,06 Nov 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06  Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 06 Nov +994 08:49:37 GMT",
        "Sun, 06 November 1994 08:49:37 GMT",
        "Sunday, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT",
        "Sun, 06-Nov-1994 08:49:37 GMT",
        "Sunday, 06-Nov-94-1 08:49:37 GMT",
        "Xyz, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:00 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 06 Nov 1994 08:49 GMT",
        "Sun, 06 Nov 1994 08:49:37:00 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov  6 08:49:37 1994 GMT",
        "Sun Nov   08:49:37 1994",
        "Sün Nov  6 08:49:37 1994",
        "Sun Nov é6 08:49:37 1994",
        "Sun, 06 Növ 1994 08:49:37 GMT",
    ] {
        assert_eq!(secs(text), None, "{text}");
    }
}

#[test]
fn what_is_written_is_read_back() {
    for day in (0..2_932_896).step_by(97) {
        let at = Timestamp::from_unix_secs(day * SECONDS_PER_DAY + day % SECONDS_PER_DAY);
        let text = format(at);
        assert_eq!(parse(text.to_str().unwrap(), NOW), Some(at), "{text:?}");
        assert!(Civil::at(at).timestamp() == Some(at), "{text:?}");
    }
}

#[test]
fn nothing_is_read_that_cannot_be_written() {
    let last = Some(Timestamp::from_unix_secs(LAST_SECOND));
    assert_eq!(parse("Fri, 31 Dec 9999 23:59:60 GMT", NOW), last);
    let distant = Timestamp::from_unix_millis(u64::MAX);
    assert_eq!(parse("Friday, 31-Dec-40 00:00:00 GMT", distant), last);
}

#[test]
fn dates_are_written_as_imf_fixdate() {
    assert_eq!(
        format(Timestamp::from_unix_millis(784_111_777_999)),
        "Sun, 06 Nov 1994 08:49:37 GMT"
    );
    assert_eq!(format(Timestamp::default()), "Thu, 01 Jan 1970 00:00:00 GMT");
    let latest = Timestamp::from_unix_millis(u64::MAX);
    assert_eq!(format(latest), "Fri, 31 Dec 9999 23:59:59 GMT");
}

#[test]
fn any_now_is_endured() {
    let now = Timestamp::from_unix_millis(u64::MAX);
    assert!(parse("Sunday, 06-Nov-94 08:49:37 GMT", now).is_some());
    assert!(parse("Sunday, 06-Nov-94 08:49:37 GMT", Timestamp::default()).is_some());
}
