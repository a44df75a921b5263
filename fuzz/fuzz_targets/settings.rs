//! The settings file: it is taken as a whole, or every mistake in it gets a sentence.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use larder::cli::args::ServeArgs;
use larder::cli::settings::Settings;
use libfuzzer_sys::fuzz_target;

/// Where the file is; each process has its own.
static FILE: LazyLock<PathBuf> =
    LazyLock::new(|| std::env::temp_dir().join(format!("larder-fuzz-{}.toml", std::process::id())));

fuzz_target!(|input: &[u8]| {
    fs::write(&*FILE, input).expect("there is room for a small file");
    let options = ServeArgs { config: Some(FILE.clone().into()), ..ServeArgs::default() };
    match Settings::load(&options, &|_| None) {
        Ok(settings) => {
            assert!(settings.workers > 0);
            let again = settings.reloaded(settings.clone());
            assert!(again.taken.is_empty() && again.left.is_empty());
        }
        Err(error) => {
            let said = error.to_string();
            assert!(!said.is_empty() && !said.contains("panicked"), "{said}");
        }
    }
});
