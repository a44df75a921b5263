//! What is left after a loss of power, and after a kill.

use std::collections::BTreeSet;

use super::*;

const SEEDS: u64 = 400;

/// Everything that a crash may leave of a file; `None` when it has no name.
fn outcomes(disk: &Faulty, name: &str) -> BTreeSet<Option<Vec<u8>>> {
    (0..SEEDS).map(|seed| disk.crash(seed).bytes(name)).collect()
}

#[test]
fn what_is_synced_survives_and_the_name_apart_from_the_bytes() {
    let disk = disk();
    let file = disk.create("seg/a").unwrap();
    file.write_at(b"hello", 0).unwrap();
    file.sync().unwrap();
    assert_eq!(outcomes(&disk, "seg/a"), BTreeSet::from([None, Some(b"hello".to_vec())]));
    disk.sync_dir("obj").unwrap();
    assert_eq!(outcomes(&disk, "seg/a").len(), 2, "another directory");
    disk.sync_dir("seg").unwrap();
    assert_eq!(outcomes(&disk, "seg/a"), BTreeSet::from([Some(b"hello".to_vec())]));
    let other = disk.create("seg/b").unwrap();
    disk.sync_dir("seg").unwrap();
    other.write_at(b"x", 0).unwrap();
    let expected = [&b""[..], b"x", b"\0"].map(|bytes| Some(bytes.to_vec()));
    assert_eq!(outcomes(&disk, "seg/b"), BTreeSet::from(expected));
    assert_eq!(disk.kill().bytes("seg/b").unwrap(), b"x");
}

#[test]
fn each_page_is_lost_on_its_own() {
    let disk = disk();
    let file = saved(&disk, "seg/a", &[b'0'; 3 * 4096]);
    file.write_at(&[b'1'; 2 * 4096], 0).unwrap();
    file.write_at(&[b'2'; 512], 4096).unwrap();
    let mut seen = BTreeSet::new();
    let mut is_torn = false;
    for bytes in outcomes(&disk, "seg/a").into_iter().flatten() {
        assert_eq!(bytes[2 * 4096..], [b'0'; 4096], "what was not written is not touched");
        let pages = bytes.chunks(4096).take(2);
        is_torn |= pages.clone().any(|page| page.contains(&b'0') && page.contains(&b'1'));
        seen.insert(pages.map(|page| page[0]).collect::<Vec<u8>>());
    }
    let all: BTreeSet<Vec<u8>> =
        ["00", "01", "02", "10", "11", "12"].map(|pages| pages.bytes().collect()).into();
    assert_eq!(seen, all);
    assert!(is_torn);
}

#[test]
fn a_length_is_lost_like_a_page() {
    let disk = disk();
    let file = saved(&disk, "seg/a", &[1; 100]);
    file.write_at(&[2; 9_000], 100).unwrap();
    let lengths: BTreeSet<u64> = (0..SEEDS).map(|seed| disk.crash(seed).files()["seg/a"]).collect();
    assert!(lengths.contains(&100) && lengths.contains(&9_100) && lengths.len() > 50);
    assert!(lengths.iter().all(|length| (100..=9_100).contains(length)));
    for bytes in outcomes(&disk, "seg/a").into_iter().flatten() {
        assert_eq!(bytes[..100], [1; 100], "what was saved is in every state of its page");
    }
    file.sync().unwrap();
    file.set_len(50).unwrap();
    let lengths: BTreeSet<u64> = (0..SEEDS).map(|seed| disk.crash(seed).files()["seg/a"]).collect();
    assert!(lengths.contains(&50) && lengths.contains(&9_100));
    file.sync().unwrap();
    assert_eq!(outcomes(&disk, "seg/a"), BTreeSet::from([Some(vec![1; 50])]));
}

#[test]
fn what_a_sync_failed_to_save_is_not_saved_by_the_next() {
    let disk = disk();
    let file = saved(&disk, "seg/a", b"old");
    file.write_at(b"new", 0).unwrap();
    disk.fail(Fault::new(Op::Sync, Errno::IO, When::Nth(1)));
    file.sync().unwrap_err();
    file.sync().unwrap();
    assert_eq!(disk.kill().bytes("seg/a").unwrap(), b"new");
    assert!(outcomes(&disk, "seg/a").contains(&Some(b"old".to_vec())));
    file.write_at(b"new", 0).unwrap();
    file.sync().unwrap();
    assert_eq!(outcomes(&disk, "seg/a"), BTreeSet::from([Some(b"new".to_vec())]));
}

#[test]
fn a_write_that_fails_leaves_its_first_half() {
    let disk = disk();
    let file = saved(&disk, "seg/a", b"");
    disk.fail(Fault::new(Op::Write, Errno::NOSPC, When::Always));
    file.write_at(b"hello!", 0).unwrap_err();
    assert_eq!(disk.bytes("seg/a").unwrap(), b"hel");
}

#[test]
fn what_is_renamed_has_one_of_its_names() {
    let disk = disk();
    saved(&disk, "seg/a", b"a");
    saved(&disk, "obj/ab/b", b"b");
    disk.rename("seg/a", "obj/ab/b").unwrap();
    let (a, b) = (Some(b"a".to_vec()), Some(b"b".to_vec()));
    let outcomes = |disk: &Faulty| -> BTreeSet<_> {
        let bytes = |disk: Faulty| (disk.bytes("seg/a"), disk.bytes("obj/ab/b"));
        (0..SEEDS).map(|seed| bytes(disk.crash(seed))).collect()
    };
    let both = (a.clone(), a.clone());
    assert_eq!(outcomes(&disk), BTreeSet::from([(a, b), both, (None, Some(b"a".to_vec()))]));
    let other = disk.kill();
    other.sync_dir("seg").unwrap();
    assert_eq!(outcomes(&other), BTreeSet::from([(None, Some(b"a".to_vec()))]));
    disk.sync_dir("obj/ab").unwrap();
    disk.sync_dir("seg").unwrap();
    assert_eq!(outcomes(&disk), BTreeSet::from([(None, Some(b"a".to_vec()))]));
}

#[test]
fn no_run_of_renames_loses_a_file() {
    for seed in 0..SEEDS {
        let disk = disk();
        let mut chance = chance::Chance::new(seed, "renames");
        let mut names = ["seg/0", "obj/ab/0", "seg/1", "obj/ab/1", "obj/0"];
        for name in &names[..3] {
            saved(&disk, name, name.as_bytes());
        }
        for _ in 0..8 {
            let (from, to) = (chance.index(3), 3 + chance.index(2));
            disk.rename(names[from], names[to]).unwrap();
            names.swap(from, to);
            if chance.below(3) == 0 {
                disk.sync_dir(["seg", "obj/ab", "obj"][chance.index(3)]).unwrap();
            }
        }
        let left = disk.crash(seed);
        let found: BTreeSet<_> = names.iter().filter_map(|name| left.bytes(name)).collect();
        assert_eq!(found.len(), 3, "seed {seed}");
    }
}

#[test]
fn what_is_removed_may_come_back_until_its_directory_is_synced() {
    let disk = disk();
    saved(&disk, "seg/a", b"a");
    disk.remove("seg/a").unwrap();
    assert_eq!(outcomes(&disk, "seg/a"), BTreeSet::from([None, Some(b"a".to_vec())]));
    assert_eq!(outcomes(&disk.kill(), "seg/a").len(), 2, "a kill saves nothing");
    disk.sync_dir("seg").unwrap();
    assert_eq!(outcomes(&disk, "seg/a"), BTreeSet::from([None]));
}

#[test]
fn the_same_seed_leaves_the_same() {
    let disk = disk();
    let names = ["seg/a", "seg/b", "obj/ab/c"];
    for name in names {
        disk.create(name).unwrap().write_at(&[7; 50_000], 0).unwrap();
    }
    let left = |seed: u64| names.map(|name| disk.crash(seed).bytes(name));
    let all: BTreeSet<_> = (0..100).map(left).collect();
    assert_eq!(left(5), left(5));
    assert!(all.len() > 50, "{} of 100 differ", all.len());
    disk.open("seg/a").unwrap().sync().unwrap();
    assert_eq!(disk.kill().bytes("seg/a").unwrap().len(), 50_000);
}

#[test]
fn what_is_left_is_a_disk_of_its_own() {
    let disk = disk();
    let file = saved(&disk, "seg/a", b"hello");
    for other in [disk.crash(1), disk.kill()] {
        file.write_at(b"J", 0).unwrap();
        assert_eq!(other.bytes("seg/a").unwrap(), b"hello");
        other.open("seg/a").unwrap().write_at(b"C", 0).unwrap();
        assert_eq!(disk.bytes("seg/a").unwrap(), b"Jello");
        file.write_at(b"h", 0).unwrap();
    }
}

#[test]
fn a_disk_is_copied_so_fast_that_every_bit_can_be_tried() {
    let disk = disk();
    let file = saved(&disk, "seg/a", &[7; 64 << 10]);
    let mut buffer = vec![0; 64 << 10];
    for bit in (0..8 * (64 << 10)).step_by(97) {
        disk.flip("seg/a", bit);
        let copy = disk.kill();
        disk.flip("seg/a", bit);
        let at = usize::try_from(bit / 8).unwrap();
        copy.open("seg/a").unwrap().read_at(&mut buffer[at..=at], bit / 8).unwrap();
        assert_eq!(buffer[at], 7 ^ 1 << (bit % 8));
    }
    file.read_at(&mut buffer, 0).unwrap();
    assert!(buffer.iter().all(|byte| *byte == 7));
}
