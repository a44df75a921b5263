//! The disk tier does what every tier does.

use crate::store::contract::contract;
use crate::store::disk::scene::{SMALL, Scene};

contract!(Scene::new(SMALL));
