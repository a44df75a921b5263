//! Raw bytes in, raw bytes at the origin, raw bytes out: the tables beside this file, run row by row.
//! docs/TESTING.md has their language.

mod recorder;
mod run;
mod table;
mod text;

use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::{LocalSet, spawn_local};

/// Rows that run at a time.
const AT_A_TIME: usize = 8;

/// Runs all rows of a table, and names those that fail.
async fn play(table: &str) {
    // A test's client is not `Sync`, so its rows stay on its thread.
    LocalSet::new().run_until(play_all(table)).await;
}

async fn play_all(table: &str) {
    let slots = Arc::new(Semaphore::new(AT_A_TIME));
    let rows = table::parse(table).into_iter().flat_map(|section| {
        let about = section.about;
        section.rows.into_iter().map(move |row| (format!("{about}: {}", row.name), row))
    });
    let running: Vec<_> = rows
        .map(|(name, row)| {
            let slots = slots.clone();
            let task = spawn_local(async move {
                let _slot = slots.acquire_owned().await.expect("it is not closed");
                run::run(row).await;
            });
            (name, task)
        })
        .collect();
    let mut failed = Vec::new();
    for (name, task) in running {
        if let Err(why) = task.await {
            let why = why.into_panic();
            let words = why.downcast_ref::<String>().map(String::as_str);
            let words = words.or_else(|| why.downcast_ref::<&str>().copied()).unwrap_or_default();
            failed.push(format!("{name}\n    {words}"));
        }
    }
    assert!(failed.is_empty(), "{} rows fail:\n{}", failed.len(), failed.join("\n"));
}

const TABLES: [&str; 7] = [
    include_str!("request_lengths.toml"),
    include_str!("request_chunks.toml"),
    include_str!("request_heads.toml"),
    include_str!("request_targets.toml"),
    include_str!("responses.toml"),
    include_str!("hop_by_hop.toml"),
    include_str!("sharing.toml"),
];

#[tokio::test]
async fn the_length_of_a_request_is_read_in_one_way_or_not_at_all() {
    play(TABLES[0]).await;
}

#[tokio::test]
async fn chunks_of_a_request_are_good_or_the_origin_sees_no_end() {
    play(TABLES[1]).await;
}

#[tokio::test]
async fn a_request_head_that_others_would_read_differently_is_refused() {
    play(TABLES[2]).await;
}

#[tokio::test]
async fn a_request_line_or_target_that_is_none_is_refused() {
    play(TABLES[3]).await;
}

#[tokio::test]
async fn a_response_that_is_ambiguous_or_broken_is_neither_passed_on_nor_stored() {
    play(TABLES[4]).await;
}

#[tokio::test]
async fn what_is_for_one_hop_neither_travels_nor_poisons_nor_loosens() {
    play(TABLES[5]).await;
}

#[tokio::test]
async fn nothing_that_is_no_key_shapes_a_shared_answer() {
    play(TABLES[6]).await;
}

#[test]
fn there_are_enough_rows_and_none_is_there_twice() {
    let sections: Vec<_> = TABLES.iter().flat_map(|table| table::parse(table)).collect();
    let mut names = HashSet::new();
    for section in &sections {
        assert!((1..=10).contains(&section.rows.len()), "{}", section.about);
        for row in &section.rows {
            let fresh = names.insert(format!("{}: {}", section.about, row.name));
            assert!(fresh, "twice: {}", row.name);
        }
    }
    let (sections, rows) = (sections.len(), names.len());
    assert!(sections >= 40 && rows >= 200, "{rows} rows in {sections} sections");
}
