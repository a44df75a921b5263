//! Several lines of a field are one list: where the lines are cut makes no difference.

use http::header::{CACHE_CONTROL, CONNECTION, IF_NONE_MATCH, VARY};
use http::{HeaderMap, HeaderName, HeaderValue};
use larder::http::accept::preferences;
use larder::http::list::{combined, members};
use larder::http::structured::{dictionary, strings};
use larder::policy::ResponseDirectives;
use proptest::prelude::*;

use super::{cases, noise};

/// A member that is complete: no quote of it is left open.
fn member() -> impl Strategy<Value = String> {
    let word = "[a-z][a-z-]{0,6}";
    let quoted = "\"[a-z ,=]{0,6}(\\\\[\"\\\\,])?\"";
    let directive = prop::sample::select(
        &["max-age=9", "s-maxage=\"5\"", "no-store", "private=\"x-a, x-b\"", "public", "", " "][..],
    );
    prop_oneof![
        word.prop_map(String::from),
        (word, quoted).prop_map(|(name, value)| format!("{name}={value}")),
        quoted.prop_map(String::from),
        directive.prop_map(String::from),
    ]
}

fn head(name: &HeaderName, lines: &[Vec<u8>]) -> HeaderMap {
    let mut head = HeaderMap::new();
    for line in lines {
        head.append(name, HeaderValue::from_bytes(line).unwrap());
    }
    head
}

/// The members on one line, each on its own, and cut where `cuts` says.
fn cut(members: &[String], cuts: &[bool]) -> [Vec<Vec<u8>>; 3] {
    let mut lines: Vec<Vec<u8>> = Vec::new();
    for (at, member) in members.iter().enumerate() {
        match lines.last_mut() {
            Some(line) if !cuts.get(at).copied().unwrap_or_default() => {
                line.extend_from_slice(b", ");
                line.extend_from_slice(member.as_bytes());
            }
            _ => lines.push(member.clone().into_bytes()),
        }
    }
    let each = members.iter().map(|member| member.clone().into_bytes()).collect();
    [vec![members.join(", ").into_bytes()], each, lines]
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn where_lines_are_cut_makes_no_difference(
        list in prop::collection::vec(member(), 1..8),
        cuts in prop::collection::vec(any::<bool>(), 8),
    ) {
        let [one, each, some] = cut(&list, &cuts);
        for name in [CACHE_CONTROL, CONNECTION, IF_NONE_MATCH, VARY] {
            let whole = head(&name, &one);
            for lines in [&each, &some] {
                let parted = head(&name, lines);
                let found: Vec<_> = members(&parted, &name).collect();
                prop_assert_eq!(&found, &members(&whole, &name).collect::<Vec<_>>());
                prop_assert_eq!(combined(&parted, &name), combined(&whole, &name));
                let read = ResponseDirectives::parse(&parted);
                prop_assert_eq!(read, ResponseDirectives::parse(&whole));
                prop_assert_eq!(dictionary(&parted, &name), dictionary(&whole, &name));
                prop_assert_eq!(strings(&parted, &name), strings(&whole, &name));
                prop_assert_eq!(preferences(&parted, &name), preferences(&whole, &name));
            }
        }
    }

    #[test]
    fn merging_lines_is_associative(
        lines in prop::collection::vec(noise::value(), 3..6),
        at in 1..3_usize,
    ) {
        let merged = |lines: &[Vec<u8>]| combined(&head(&VARY, lines), &VARY).unwrap();
        let (left, right) = lines.split_at(at);
        let whole = merged(&lines);
        prop_assert_eq!(&merged(&[merged(left), merged(right)]), &whole);
        let left_first: Vec<_> = [merged(left)].into_iter().chain(right.to_vec()).collect();
        let right_first: Vec<_> = left.iter().cloned().chain([merged(right)]).collect();
        prop_assert_eq!(&merged(&left_first), &whole);
        prop_assert_eq!(&merged(&right_first), &whole);
    }

    #[test]
    fn the_order_of_lines_decides_no_directive(
        list in prop::collection::vec(member(), 1..8),
    ) {
        let lines: Vec<_> = list.iter().map(|member| member.clone().into_bytes()).collect();
        let reversed: Vec<_> = lines.iter().rev().cloned().collect();
        let one = ResponseDirectives::parse(&head(&CACHE_CONTROL, &lines));
        let other = ResponseDirectives::parse(&head(&CACHE_CONTROL, &reversed));
        prop_assert_eq!((one.max_age, one.s_maxage), (other.max_age, other.s_maxage));
        prop_assert_eq!((one.no_store, one.public), (other.no_store, other.public));
        prop_assert_eq!(one.private.is_present(), other.private.is_present());
    }
}
