//! The users whom `proxy_users` names: their file is read with the settings, and again with them.

use std::sync::Arc;

use super::SettingError;
use super::file;
use super::table::Layer;
use crate::proxy::Users;

/// The users; none where no file is named.
pub(super) fn read(layer: &Layer, errors: &mut Vec<SettingError>) -> Option<Arc<Users>> {
    let given = layer.proxy_users.as_ref()?;
    let path = given.value.as_ref()?;
    let users = match file::load(path) {
        Ok(text) => Users::parse(&text).map_err(|error| format!("{}: {error}", path.display())),
        Err(error) => Err(format!("cannot read {}: {}", path.display(), file::why(&error))),
    };
    match users {
        Ok(users) => Some(Arc::new(users)),
        Err(message) => {
            errors.push(SettingError::Wrong { culprit: given.source.clone(), message });
            None
        }
    }
}
