//! Damage to what is stored: a flipped byte, in the very file that a proxy reads.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::gate::eventually;

/// Flips the byte that is `after` bytes behind the place where a stored body has `words`, once that is in
/// a file of a cache directory. Says in which.
#[track_caller]
pub fn damage(directory: &Path, words: &str, after: u64) -> impl Future<Output = PathBuf> {
    let (directory, words) = (directory.to_path_buf(), words.to_owned());
    let look = move || {
        let folders = ["seg", "obj"].map(|name| directory.join(name));
        let files = folders.iter().flat_map(|folder| below(folder));
        files.into_iter().find_map(|file| Some((place(&file, words.as_bytes())?, file)))
    };
    let found = eventually("a stored body in a file", look);
    async move {
        let (place, name) = found.await;
        let file = File::options().read(true).write(true).open(&name).expect("it was there");
        let (at, mut byte) = (place + after, [0]);
        file.read_exact_at(&mut byte, at).expect("the file is so long");
        file.write_all_at(&[byte[0] ^ 0x10], at).expect("the file can be written");
        name
    }
}

/// Whether a file of a cache directory has these words.
pub fn contains(directory: &Path, words: &str) -> bool {
    below(directory).iter().any(|file| place(file, words.as_bytes()).is_some())
}

/// All files below a directory, those that have gone meanwhile left out.
pub fn below(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.flat_map(|path| if path.is_dir() { below(&path) } else { vec![path] }).collect()
}

fn place(file: &Path, words: &[u8]) -> Option<u64> {
    let bytes = fs::read(file).ok()?;
    bytes.windows(words.len()).position(|window| window == words).map(|at| at as u64)
}
