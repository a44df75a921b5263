//! The names of our files. What has another name was not made by larder, and is left alone.

/// The directory of the segments.
pub(in crate::store) const SEGMENTS: &str = "seg";
/// The directory of the directories of finished large bodies.
pub(in crate::store) const LARGE: &str = "obj";
/// The directory of large bodies that are being fetched.
pub(in crate::store) const PARTS: &str = "part";

/// All of them.
pub(in crate::store) const DIRECTORIES: [&str; 3] = [SEGMENTS, LARGE, PARTS];

/// The file that says, between an orderly stop and the next start, what was used.
pub(in crate::store) const USES: &str = "seg/uses";

/// Whether a file in the directory of the segments is one of ours.
pub(in crate::store) fn is_in_segments(name: &str) -> bool {
    segment_number(name).is_some() || USES.strip_prefix("seg/") == Some(name)
}

/// The name of a file that is made to see whether the disk works: no large body has this number.
pub(in crate::store) fn probe() -> String {
    part(u64::MAX)
}

/// The name of a segment in the tree, by its sequence number.
pub(in crate::store) fn segment(sequence: u32) -> String {
    format!("{SEGMENTS}/{sequence:08x}.seg")
}

/// The sequence number of a segment, by its name in its directory.
pub(in crate::store) fn segment_number(name: &str) -> Option<u32> {
    let number = hex(name.strip_suffix(".seg")?, 8)?;
    u32::try_from(number).ok()
}

/// The directory of a finished large body, by the digest of its key. There are 256, `obj/00` to
/// `obj/ff`.
pub(in crate::store) fn large_directory(digest: u128) -> String {
    let first = digest >> 120;
    format!("{LARGE}/{first:02x}")
}

/// The name of a finished large body in the tree.
pub(in crate::store) fn large(digest: u128, id: u64) -> String {
    let directory = large_directory(digest);
    format!("{directory}/{digest:032x}-{id:016x}")
}

/// The digest and the id of a finished large body, by its name in its directory.
pub(in crate::store) fn large_id(name: &str) -> Option<(u128, u64)> {
    let (digest, id) = name.split_once('-')?;
    Some((hex(digest, 32)?, u64::try_from(hex(id, 16)?).ok()?))
}

/// The name of an unfinished large body in the tree.
pub(in crate::store) fn part(id: u64) -> String {
    format!("{PARTS}/{id:016x}")
}

/// The id of an unfinished large body, by its name in its directory.
pub(in crate::store) fn part_id(name: &str) -> Option<u64> {
    u64::try_from(hex(name, 16)?).ok()
}

/// Reads exactly so many digits, as we write them.
fn hex(digits: &str, count: usize) -> Option<u128> {
    let is_ours = |digit: u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
    if digits.len() != count || !digits.bytes().all(is_ours) {
        return None;
    }
    u128::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_is_in_the_file() {
        let digest = 0xab01_0203_0405_0607_0809_0a0b_0c0d_0e0f;
        assert_eq!(segment(0x12a), "seg/0000012a.seg");
        assert_eq!(segment_number("0000012a.seg"), Some(0x12a));
        assert_eq!(large(digest, 7), "obj/ab/ab0102030405060708090a0b0c0d0e0f-0000000000000007");
        assert_eq!(large_directory(1), "obj/00");
        let name = "ab0102030405060708090a0b0c0d0e0f-0000000000000007";
        assert_eq!(large_id(name), Some((digest, 7)));
        assert_eq!(part(u64::MAX), "part/ffffffffffffffff");
        assert_eq!(part_id("ffffffffffffffff"), Some(u64::MAX));
    }

    #[test]
    fn other_names_are_not_ours() {
        for name in
            ["", "12a.seg", "0000012A.seg", "0000012a.seg.old", "+000012a.seg", "00000012a.seg"]
        {
            assert_eq!(segment_number(name), None, "{name}");
        }
        for name in ["", "-", "ab0102030405060708090a0b0c0d0e0f", "0-0000000000000007", "a b"] {
            assert_eq!(large_id(name), None, "{name}");
        }
        for name in
            ["", "7", "fffffffffffffff", "FFFFFFFFFFFFFFFF", "fffffffffffffffff", "ffffffffffffffé"]
        {
            assert_eq!(part_id(name), None, "{name}");
        }
    }
}
