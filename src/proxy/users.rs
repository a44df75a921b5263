//! Who may use the proxy: names and password hashes, as `htpasswd` writes them.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordVerifier};
use bcrypt::HashParts;
use thiserror::Error;

/// What bcrypt may cost: 2 to the power of this. 16 takes seconds for each password.
const BCRYPT_COSTS: std::ops::RangeInclusive<u32> = 4..=16;
/// What Argon2 may take: KiB of memory, and KiB times passes.
const ARGON2_MEMORY: u32 = 1024 * 1024;
const ARGON2_WORK: u64 = 4 * 1024 * 1024;

/// The users: one immutable value per loading of the file.
#[derive(Clone)]
pub struct Users {
    hashes: HashMap<Box<str>, Box<str>>,
    /// Names in an order of their own: what is checked for a name that is none.
    names: Box<[Box<str>]>,
    decoys: RandomState,
}

/// A line of the file that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {why}")]
pub struct UsersError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: LineFault,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LineFault {
    /// It has no colon, no name before it, or control characters in it.
    #[error("expected NAME:HASH; make one with htpasswd -B")]
    Form,
    /// The name stands further up already.
    #[error("this user is there already")]
    Again,
    /// It is another hash than the two.
    #[error("expected a bcrypt ($2y$) or Argon2 ($argon2id$) hash; make one with htpasswd -B")]
    Hash,
    /// To check it would take too long.
    #[error("this hash costs too much to check; bcrypt costs 4 to 16, Argon2 takes 1GiB at most")]
    Cost,
}

impl Users {
    /// Reads the content of a file: `NAME:HASH` in each line, but for empty ones and those that begin
    /// with `#`.
    ///
    /// # Errors
    /// The first line that is none of these.
    pub fn parse(text: &str) -> Result<Self, UsersError> {
        let mut hashes = HashMap::new();
        for (line, number) in text.lines().zip(1..) {
            let fault = |why| UsersError { line: number, why };
            let content = line.trim();
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            let entry = content.split_once(':').filter(|(name, _)| is_name(name));
            let (name, hash) = entry.ok_or(fault(LineFault::Form))?;
            check_hash(hash).map_err(fault)?;
            if hashes.insert(Box::from(name), Box::from(hash)).is_some() {
                return Err(fault(LineFault::Again));
            }
        }
        let names = hashes.keys().cloned().collect();
        Ok(Self { hashes, names, decoys: RandomState::new() })
    }

    /// Whether this is the user's password. Takes as long as its hash wants, and for an unknown user as
    /// long as for one of the known: who it is always the same for the same name.
    pub fn verify(&self, user: &str, password: &[u8]) -> bool {
        self.verify_by(user, password, is_password)
    }

    fn verify_by(
        &self,
        user: &str,
        password: &[u8],
        is_password: impl FnOnce(&str, &[u8]) -> bool,
    ) -> bool {
        let known = self.hashes.get(user);
        let hash = known.or_else(|| self.hashes.get(self.decoy(user)?));
        let right = hash.is_some_and(|hash| is_password(hash, password));
        right && known.is_some()
    }

    /// The user in whose place an unknown one is checked.
    fn decoy(&self, user: &str) -> Option<&str> {
        let count = u64::try_from(self.names.len()).ok()?;
        let at = self.decoys.hash_one(user).checked_rem(count)?;
        Some(self.names.get(usize::try_from(at).ok()?)?)
    }
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Users").field("count", &self.names.len()).finish_non_exhaustive()
    }
}

impl PartialEq for Users {
    fn eq(&self, other: &Self) -> bool {
        self.hashes == other.hashes
    }
}

/// RFC 7617 §2: no colon, which ends it, and no control characters.
fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(char::is_control)
}

/// Whether a hash can be checked, at a bearable cost.
fn check_hash(hash: &str) -> Result<(), LineFault> {
    let affordable = if hash.starts_with("$argon2") {
        let hash = PasswordHash::new(hash).map_err(|_error| LineFault::Hash)?;
        let params = Params::try_from(&hash).map_err(|_error| LineFault::Hash)?;
        Algorithm::try_from(hash.algorithm.as_str()).map_err(|_error| LineFault::Hash)?;
        // Without a version the hash would be that of an older Argon2.
        if hash.version.is_none() || hash.salt.is_none() || hash.hash.is_none() {
            return Err(LineFault::Hash);
        }
        params.m_cost() <= ARGON2_MEMORY
            && u64::from(params.m_cost()) * u64::from(params.t_cost()) <= ARGON2_WORK
    } else {
        let parts: HashParts = hash.parse().map_err(|_error| LineFault::Hash)?;
        BCRYPT_COSTS.contains(&parts.get_cost())
    };
    if affordable { Ok(()) } else { Err(LineFault::Cost) }
}

/// Whether `hash` is that of `password`; both crates compare in constant time.
fn is_password(hash: &str, password: &[u8]) -> bool {
    if hash.starts_with("$argon2") {
        let hash = PasswordHash::new(hash);
        hash.is_ok_and(|hash| Argon2::default().verify_password(password, &hash).is_ok())
    } else {
        bcrypt::verify(password, hash).unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Made by crypt(3) and by Argon2's own program, not by the crates.
    const BCRYPT: &str = "$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";
    const ARGON2: &str =
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

    #[test]
    fn a_user_is_known_by_the_password_alone() {
        let text = format!("# staff\n\nada:{BCRYPT}\r\nböb: x:{ARGON2}\n");
        let text = text.replace("böb: x", "böb");
        let users = Users::parse(&text).unwrap();
        let rows = [
            ("ada", "secret", true),
            ("ada", "Secret", false),
            ("ada", "", false),
            ("ada", "password", false),
            ("böb", "password", true),
            ("böb", "secret", false),
            ("Ada", "secret", false),
            ("eve", "secret", false),
            ("eve", "password", false),
            ("", "", false),
        ];
        for (user, password, expected) in rows {
            assert_eq!(users.verify(user, password.as_bytes()), expected, "{user} {password}");
        }
        assert_eq!(format!("{users:?}"), "Users { count: 2, .. }", "no hash is ever logged");
        assert!(!Users::parse("").unwrap().verify("ada", b"secret"));
    }

    #[test]
    fn an_unknown_user_costs_one_check_of_a_known_ones_hash_and_is_never_right() {
        let users = Users::parse(&format!("a:{BCRYPT}\nb:{ARGON2}")).unwrap();
        for user in ["a", "b", "c", "d", "e", ""] {
            let checked = std::cell::RefCell::new(Vec::new());
            let verified = users.verify_by(user, b"x", |hash, _| {
                checked.borrow_mut().push(hash.to_owned());
                true
            });
            assert_eq!(verified, ["a", "b"].contains(&user), "{user}");
            let first = checked.take();
            assert!(matches!(&*first, [hash] if [BCRYPT, ARGON2].contains(&&**hash)), "{first:?}");
            users.verify_by(user, b"x", |hash, _| first == [hash]);
            assert!(users.decoy(user) == users.decoy(user), "the time says the same each time");
        }
    }

    #[test]
    fn a_line_that_is_no_user_is_named() {
        let hashed = |hash: &str| format!("ada:{hash}");
        let rows = [
            ("ada".to_owned(), LineFault::Form),
            (format!(":{BCRYPT}"), LineFault::Form),
            (format!("a\tb:{BCRYPT}"), LineFault::Form),
            (format!("ada:{BCRYPT}\nada:{ARGON2}"), LineFault::Again),
            (hashed("secret"), LineFault::Hash),
            (hashed("{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="), LineFault::Hash),
            (hashed("$apr1$abc$J/gNfMNQxxUKdN5pVkvhP1"), LineFault::Hash),
            (hashed(&BCRYPT[..59]), LineFault::Hash),
            (hashed(&BCRYPT.replace("$04$", "$03$")), LineFault::Cost),
            (hashed(&BCRYPT.replace("$04$", "$17$")), LineFault::Cost),
            (hashed(&ARGON2.replace("v=19$", "")), LineFault::Hash),
            (hashed(&ARGON2.replace("$argon2id", "$argon2x")), LineFault::Hash),
            (hashed("$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ"), LineFault::Hash),
            (hashed(&ARGON2.replace("m=256", "m=2097152")), LineFault::Cost),
            (hashed(&ARGON2.replace("t=2", "t=99999")), LineFault::Cost),
        ];
        for (text, why) in rows {
            let line = 1 + text.lines().count();
            let error = Users::parse(&format!("# comment\n{text}")).unwrap_err();
            assert_eq!(error, UsersError { line, why }, "{text}");
        }
    }
}
