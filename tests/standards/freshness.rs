//! How long a response is fresh, and how old it is (RFC 9111 §4.2, §5.1, §5.3).

use super::row::{
    Row, fetch, hit, lives, never, not_modified, ok, reply, row, send, validate, wait,
};
use super::run::both;

#[tokio::test]
async fn expires_counts_from_date() {
    both(expires).await;
}

#[tokio::test]
async fn an_expires_that_is_no_date_has_passed() {
    both(malformed).await;
}

#[tokio::test]
async fn a_response_is_as_old_as_it_says_or_as_its_date_shows() {
    both(ages).await;
}

#[tokio::test]
async fn a_lifetime_is_guessed_only_where_it_may_be() {
    both(heuristics).await;
}

#[rustfmt::skip]
fn expires() -> Vec<Row> {
    vec![
        lives("Expires after Date", "9111 §4.2.1", &["Date: {now}", "Expires: {+10}"], 10),
        lives("Expires without Date counts from the receipt", "9111 §4.2.1", &["Expires: {+10}"], 10),
        lives("Expires in the form of RFC 850", "9110 §5.6.7", &["Date: {now}", "Expires: {rfc850:+10}"], 10),
        lives("Expires in the form of asctime", "9110 §5.6.7", &["Date: {now}", "Expires: {asctime:+10}"], 10),
        lives("Date in the form of RFC 850", "9110 §5.6.7", &["Date: {rfc850:+0}", "Expires: {+10}"], 10),
        lives("Date in the form of asctime", "9110 §5.6.7", &["Date: {asctime:+0}", "Expires: {+10}"], 10),
        lives("names of days and months in lower case", "9111 §4.2", &["Date: {now}", "Expires: {lower:+10}"], 10),
        lives("names of days and months in upper case", "9111 §4.2", &["Date: {now}", "Expires: {upper:+10}"], 10),
        lives("the origin's clock is an hour behind: Expires counts from its Date, the age from ours", "9111 §4.2.3",
            &["Date: {-3600}", "Expires: {+10}"], 10),
        lives("the origin's clock is an hour ahead", "9111 §4.2.1", &["Date: {+3600}", "Expires: {+3610}"], 10),
        lives("a Date that is no date counts as the receipt", "9110 §6.6.1", &["Date: yesterday", "Expires: {+10}"], 10),
        never("Expires equal to Date", "9111 §5.3", &["Date: {now}", "Expires: {+0}"]),
        never("Expires before Date", "9111 §5.3", &["Date: {now}", "Expires: {-10}"]),
        never("Expires in the future, but before a Date further ahead", "9111 §4.2.1", &["Date: {+20}", "Expires: {+10}"]),
        never("Expires long ago", "9111 §5.3", &["Expires: Thu, 01 Jan 1970 00:00:00 GMT"]),
        row("Expires centuries ahead", "9111 §5.3", [
            fetch(reply(200).with("Expires: Fri, 31 Dec 9999 23:59:59 GMT")), wait(10_000), hit(),
        ]),
        row("a two-digit year more than 50 years ahead is past", "9110 §5.6.7", [
            fetch(reply(200).with("Expires: Sunday, 06-Nov-94 08:49:37 GMT")), fetch(ok("no-store")),
        ]),
        row("a two-digit year less than 50 years ahead is ahead", "9110 §5.6.7", [
            fetch(reply(200).with("Expires: Sunday, 06-Nov-61 08:49:37 GMT")), hit(),
        ]),
        row("Expires is passed on as it came", "9111 §5.3", [
            fetch(reply(200).with("Date: {now}").with("Expires: {rfc850:+10}")), hit().has("Expires: {rfc850:+10}"),
        ]),
    ]
}

#[rustfmt::skip]
fn malformed() -> Vec<Row> {
    const SECTION: &str = "9111 §5.3";
    vec![
        never("Expires: 0", SECTION, &["Expires: 0"]),
        never("Expires: -1", SECTION, &["Expires: -1"]),
        never("Expires: a number of seconds", SECTION, &["Expires: 1900000000"]),
        never("Expires: a word", SECTION, &["Expires: never"]),
        never("Expires: empty", SECTION, &["Expires:"]),
        never("Expires in another zone", SECTION, &["Expires: {zone:+36000}"]),
        never("Expires in UTC", SECTION, &["Expires: {utc:+3600}"]),
        never("Expires with an offset", SECTION, &["Expires: {offset:+3600}"]),
        never("Expires without a zone", SECTION, &["Expires: {zoneless:+3600}"]),
        never("Expires without the comma", SECTION, &["Expires: {commaless:+3600}"]),
        never("Expires with dashes", SECTION, &["Expires: {dashes:+3600}"]),
        never("Expires with a year of two digits", SECTION, &["Expires: {twodigits:+3600}"]),
        never("Expires with an hour of one digit", SECTION, &["Expires: {hour:+3600}"]),
        never("Expires without seconds", SECTION, &["Expires: {seconds:+3600}"]),
        never("Expires in the form of RFC 3339", SECTION, &["Expires: {iso:+3600}"]),
        never("Expires without a day", SECTION, &["Expires: {dayless:+3600}"]),
        never("Expires with something behind it", SECTION, &["Expires: {trailing:+3600}"]),
        never("Expires with a day of the month of one digit", SECTION, &["Expires: Fri, 5 Feb 2038 08:00:00 GMT"]),
        never("Expires with an hour of 25", SECTION, &["Expires: Fri, 05 Feb 2038 25:00:00 GMT"]),
        never("Expires on the 32nd", SECTION, &["Expires: Fri, 32 Feb 2038 08:00:00 GMT"]),
        never("Expires in two lines, one in the past", SECTION, &["Expires: {-10}", "Expires: {+100}"]),
        never("Expires in two lines, the second in the past", SECTION, &["Expires: {+100}", "Expires: {-10}"]),
        never("Expires in two lines, one malformed", SECTION, &["Expires: {+100}", "Expires: 0"]),
        never("Expires twice in one line", SECTION, &["Expires: {+100}, {+200}"]),
        never("Expires in quotes", SECTION, &["Expires: \"{+100}\""]),
        row("a malformed Expires gives no heuristic lifetime either", SECTION, [
            fetch(reply(200).with("Expires: 0").with("Last-Modified: {-100000}")),
            validate(reply(304)).sent("If-Modified-Since: {-100000}"),
        ]),
    ]
}

#[rustfmt::skip]
fn ages() -> Vec<Row> {
    vec![
        lives("an Age is counted", "9111 §4.2.3", &["Cache-Control: max-age=20", "Age: 10"], 10),
        lives("an Age of zero", "9111 §4.2.3", &["Cache-Control: max-age=10", "Age: 0"], 10),
        lives("the Date is older than the Age says", "9111 §4.2.3", &["Cache-Control: max-age=20", "Age: 5", "Date: {-10}"], 10),
        lives("the Age is more than the Date says", "9111 §4.2.3", &["Cache-Control: max-age=20", "Age: 10", "Date: {-5}"], 10),
        lives("an old Date without Age", "9111 §4.2.3", &["Cache-Control: max-age=20", "Date: {-10}"], 10),
        lives("a Date in the future makes nobody younger than new", "9111 §4.2.3", &["Cache-Control: max-age=10", "Date: {+100}"], 10),
        lives("an Age and an Expires", "9111 §4.2.3", &["Date: {now}", "Expires: {+20}", "Age: 10"], 10),
        lives("of several Age members the first", "9111 §5.1", &["Cache-Control: max-age=20", "Age: 10, 0"], 10),
        lives("of several Age lines the first", "9111 §5.1", &["Cache-Control: max-age=20", "Age: 10", "Age: 0"], 10),
        lives("an Age that is no number is ignored", "9111 §5.1", &["Cache-Control: max-age=10", "Age: old"], 10),
        lives("an empty Age is ignored", "9111 §5.1", &["Cache-Control: max-age=10", "Age:"], 10),
        lives("a negative Age is ignored", "9111 §5.1", &["Cache-Control: max-age=10", "Age: -7"], 10),
        lives("a fractional Age is ignored", "9111 §5.1", &["Cache-Control: max-age=10", "Age: 7.5"], 10),
        lives("an Age with a unit is ignored", "9111 §5.1", &["Cache-Control: max-age=10", "Age: 7s"], 10),
        lives("an Age whose first member is invalid is ignored", "9111 §5.1", &["Cache-Control: max-age=10", "Age: old, 7"], 10),
        never("as old as it may become", "9111 §4.2", &["Cache-Control: max-age=10", "Age: 10"]),
        never("older than it may become", "9111 §4.2", &["Cache-Control: max-age=10", "Age: 11"]),
        never("an Age beyond 31 bits", "9111 §1.2.2", &["Cache-Control: max-age=100", "Age: 2147483648"]),
        never("an Age beyond 64 bits", "9111 §1.2.2", &["Cache-Control: max-age=100", "Age: 99999999999999999999999"]),
        never("a Date that is too old", "9111 §4.2.3", &["Cache-Control: max-age=10", "Date: {-10}"]),
        row("a reused response says how old it is", "9111 §5.1", [
            fetch(ok("max-age=100")).lacks("Age"), hit().has("Age: 0"), wait(7), hit().has("Age: 7"),
        ]),
        row("a stored Age is replaced, not kept beside", "9111 §4", [
            fetch(ok("max-age=100").with("Age: 30")).has("Age: 30"), wait(7), hit().has("Age: 37"),
        ]),
        row("two stored Age lines become one", "9111 §5.1", [
            fetch(ok("max-age=100").with("Age: 30").with("Age: 2")), wait(7), hit().has("Age: 37"),
        ]),
        row("an apparent age is said", "9111 §4.2.3", [
            fetch(ok("max-age=100").with("Date: {-20}")), wait(7), hit().has("Age: 27").has("Date: {-20}"),
        ]),
        row("the time that the answer took counts with an Age", "9111 §4.2.3", [
            fetch(ok("max-age=100").with("Age: 30")).taking(5), wait(1), hit().has("Age: 36"),
        ]),
        row("the time that the answer took counts without an Age too", "9111 §4.2.3", [
            fetch(ok("max-age=100").with("Date: {+5}")).taking(5), wait(1), hit().has("Age: 6"),
        ]),
        row("a slow answer may be stale when it comes", "9111 §4.2.3", [
            fetch(ok("max-age=10")).taking(10), fetch(ok("no-store")),
        ]),
        row("a Date is made where there is none", "9110 §6.6.1", [
            fetch(ok("max-age=100")).has("Date: {now}"), wait(7), hit().has("Date: {+0}"),
        ]),
        row("a Date is never rewritten", "9110 §6.6.1", [
            fetch(ok("max-age=100").with("Date: {rfc850:-10}")).has("Date: {rfc850:-10}"), hit().has("Date: {rfc850:-10}"),
        ]),
        row("a Date is made where there is none, without storing too", "9110 §6.6.1", [
            fetch(ok("no-store")).has("Date: {now}"),
        ]),
        row("a Date is made for other methods too", "9110 §6.6.1", [
            send("POST", reply(200)).has("Date: {now}"),
        ]),
        row("an Age that came is passed on when it is not stored", "9111 §5.1", [
            fetch(ok("no-store").with("Age: 30")).names("Age"),
        ]),
        row("a 304 makes young again", "9111 §4.3.4", [
            fetch(ok("max-age=10").with("ETag: \"a\"").with("Age: 5")), wait(5),
            validate(not_modified("\"a\"").with("Date: {now}")), wait(9), hit().has("Age: 9"),
        ]),
        row("a 304 may be old itself", "9111 §4.2.3", [
            fetch(ok("max-age=20").with("ETag: \"a\"")), wait(20),
            validate(not_modified("\"a\"").with("Date: {now}").with("Age: 10")), wait(9), hit().has("Age: 19"),
            wait(1), validate(not_modified("\"a\"").with("Date: {now}")),
        ]),
    ]
}

#[rustfmt::skip]
fn heuristics() -> Vec<Row> {
    vec![
        lives("a tenth of the time since the last change", "9111 §4.2.2", &["Date: {now}", "Last-Modified: {-100}"], 10),
        lives("without Date, since the receipt", "9111 §4.2.2", &["Last-Modified: {-100}"], 10),
        lives("Last-Modified in the form of RFC 850", "9111 §4.2.2", &["Date: {now}", "Last-Modified: {rfc850:-100}"], 10),
        lives("an old Date counts on both sides", "9111 §4.2.2", &["Date: {-5}", "Last-Modified: {-155}"], 10),
        lives("a day at most", "9111 §4.2.2", &["Date: {now}", "Last-Modified: {-100000000}"], 86_400),
        lives("public does not make it longer", "9111 §4.2.2", &["Cache-Control: public", "Last-Modified: {-100}"], 10),
        never("Last-Modified after Date", "9111 §4.2.2", &["Date: {now}", "Last-Modified: {+100}"]),
        never("Last-Modified at Date", "9111 §4.2.2", &["Date: {now}", "Last-Modified: {+0}"]),
        never("Last-Modified that is no date", "9111 §4.2.2", &["Last-Modified: last week"]),
        never("no Last-Modified", "9111 §4.2.2", &["ETag: \"a\""]),
        never("none where there is an explicit lifetime", "9111 §4.2.2", &["Cache-Control: max-age=0", "Last-Modified: {-100000}"]),
        never("none where Expires has passed", "9111 §4.2.2", &["Expires: {-1}", "Last-Modified: {-100000}"]),
        never("none with a cookie", "9111 §7.3", &["Last-Modified: {-100000}", "Set-Cookie: a=b"]),
        row("s-maxage=0 forbids it", "9111 §4.2.2", [
            fetch(ok("s-maxage=0").with("Last-Modified: {-100000}")), validate(reply(304)),
        ]),
        row("a response with a query too", "9111 §4.2.2", [
            fetch(reply(200).with("Last-Modified: {-100}")).at("?a=b"), wait(9), hit().at("?a=b"),
        ]),
    ]
}
