//! Rules between settings, and defaults that follow from others.

use std::time::Duration;

use super::layer::{Given, SettingError, Source};
use super::table::{Layer, Settings};
use crate::policy::targeted::TargetList;

/// The smallest disk tier that is worth its files.
const SMALLEST_DISK: u64 = 32 * 1024 * 1024;

/// More rules are a list for another program.
const MOST_RULES: usize = 1000;

/// The longest that an error is kept.
const LONGEST_ERROR: Duration = Duration::from_secs(10);

/// Checks `layer` and fills in what follows from it.
pub(super) fn apply(mut layer: Layer, errors: &mut Vec<SettingError>) -> Layer {
    let default = Settings::default();
    let memory = layer.memory.as_ref().map_or(default.memory, |given| given.value);
    let disk = layer.disk.as_ref().map_or(default.disk, |given| given.value);
    check_listen(&layer, errors);
    check_mode(&layer, errors);
    check_disk(&layer, errors);
    check_error_lifetime(&layer, errors);
    check_access(&layer, errors);
    // Who acts for the origin listens to what the origin says to such caches (RFC 9213 §3).
    if layer.targeted_fields.is_none() && layer.origin.as_ref().is_some_and(|o| o.value.is_some()) {
        let value = TargetList::for_origin().names().to_vec();
        layer.targeted_fields = Some(Given { value, source: Source::Derived });
    }
    if disk > 0 {
        fit_memory_object(&mut layer, memory, errors);
    }
    if layer.spool_budget.is_none() {
        layer.spool_budget = Some(Given { value: memory / 4, source: Source::Derived });
    }
    layer
}

fn wrong(culprit: &Source, message: impl Into<String>) -> SettingError {
    SettingError::Wrong { culprit: culprit.clone(), message: message.into() }
}

fn check_listen(layer: &Layer, errors: &mut Vec<SettingError>) {
    let Some(listen) = &layer.listen else { return };
    if listen.value.is_empty() {
        errors.push(wrong(&listen.source, "needs at least one address, such as 127.0.0.1:3128"));
    }
    for (nth, address) in listen.value.iter().enumerate() {
        // Port 0 picks another free port each time.
        if address.port() != 0 && listen.value.iter().take(nth).any(|before| before == address) {
            errors.push(wrong(&listen.source, format!("{address} is given twice")));
        }
    }
}

fn check_mode(layer: &Layer, errors: &mut Vec<SettingError>) {
    if let (Some(origin), Some(gateway)) = (&layer.origin, &layer.gateway)
        && origin.value.is_some()
        && gateway.value
    {
        errors.push(wrong(
            &origin.source,
            format!("cannot be combined with {}; take one of them away", gateway.source),
        ));
    }
}

fn check_disk(layer: &Layer, errors: &mut Vec<SettingError>) {
    if let Some(disk) = &layer.disk
        && (1..SMALLEST_DISK).contains(&disk.value)
    {
        errors.push(wrong(
            &disk.source,
            "a disk tier needs at least 32MiB; give more, or 0 to turn it off",
        ));
    }
}

fn check_error_lifetime(layer: &Layer, errors: &mut Vec<SettingError>) {
    if let Some(given) = layer.error_lifetime.as_ref().filter(|given| given.value > LONGEST_ERROR) {
        errors
            .push(wrong(&given.source, "must not be more than 10s: an error is to be tried again"));
    }
}

fn check_access(layer: &Layer, errors: &mut Vec<SettingError>) {
    if let Some(given) = layer.http_access.as_ref().filter(|given| given.value.len() > MOST_RULES) {
        let message = format!("at most {MOST_RULES} rules: each request is held against them");
        errors.push(wrong(&given.source, message));
    }
}

/// With a disk tier each part of the memory tier must hold several of the largest responses.
fn fit_memory_object(layer: &mut Layer, memory: u64, errors: &mut Vec<SettingError>) {
    let most = memory / 16;
    match &layer.max_memory_object {
        Some(given) if given.value > most => errors.push(wrong(
            &given.source,
            format!(
                "must not be more than a sixteenth of memory, {most} bytes here; \
                     give less, raise memory, or turn the disk tier off with disk 0"
            ),
        )),
        Some(_) => {}
        // Nobody asked for it, so a small memory makes it small, not wrong.
        None => {
            let value = Settings::default().max_memory_object.min(most);
            layer.max_memory_object = Some(Given { value, source: Source::Derived });
        }
    }
}
