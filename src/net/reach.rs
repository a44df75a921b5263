//! What a client may reach through us.

use super::Scope;

/// Which scopes a client may reach through us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    client: Scope,
    deny_private: bool,
}

impl Reach {
    /// The reach of a client whose own address has the scope `client`.
    pub const fn new(client: Scope, deny_private: bool) -> Self {
        Self { client, deny_private }
    }

    /// Whether this client may be given what comes from an address of `scope`.
    pub fn allows(self, scope: Scope) -> bool {
        match scope {
            Scope::Public => true,
            Scope::Private => !self.deny_private,
            Scope::Loopback | Scope::LinkLocal | Scope::Own => self.client == Scope::Loopback,
        }
    }
}
