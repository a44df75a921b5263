//! The only module on the request's path that dials.

mod body;

pub use body::ResponseBody;
