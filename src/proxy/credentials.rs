//! `Proxy-Authorization: Basic` (RFC 9110 §11.7.2, RFC 7617).

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hyper::HeaderMap;
use hyper::header::PROXY_AUTHORIZATION;

/// More than a person types, and more than a hash needs.
const LONGEST: usize = 1024;

/// Some programs leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a client says who it is.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    /// The name and the password, with a colon between them.
    text: Box<str>,
    /// Where that colon is.
    colon: usize,
}

impl Credentials {
    /// Those of a request; none also where there are several, or another scheme.
    pub(super) fn read(fields: &HeaderMap) -> Option<Self> {
        let mut lines = fields.get_all(PROXY_AUTHORIZATION).iter();
        let line = lines.next().filter(|_| lines.next().is_none())?;
        Self::parse(line.to_str().ok()?)
    }

    fn parse(value: &str) -> Option<Self> {
        let (scheme, token) = value.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let bytes = BASE64.decode(token.trim_matches(' ')).ok()?;
        let text = String::from_utf8(bytes).ok().filter(|text| text.len() <= LONGEST)?;
        let colon = text.find(':')?;
        (!text.contains(char::is_control)).then(|| Self { text: text.into(), colon })
    }

    /// The name.
    pub(super) fn user(&self) -> &str {
        self.text.split_at(self.colon).0
    }

    /// The password.
    pub(super) fn password(&self) -> &[u8] {
        self.text.as_bytes().get(self.colon + 1..).unwrap_or_default()
    }

    /// Both. No other name and password have the same: the first colon ends the name.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    fn read(lines: &[&str]) -> Option<(String, String)> {
        let mut fields = HeaderMap::new();
        for line in lines {
            fields.append(PROXY_AUTHORIZATION, HeaderValue::from_str(line).unwrap());
        }
        Credentials::read(&fields).map(|credentials| {
            let password = String::from_utf8(credentials.password().to_vec()).unwrap();
            (credentials.user().to_owned(), password)
        })
    }

    #[test]
    fn a_name_and_a_password_are_read_and_nothing_else() {
        let long = format!("Basic {}", BASE64.encode(format!("a:{}", "x".repeat(1023))));
        let rows: &[(&[&str], Option<(&str, &str)>)] = &[
            (&[], None),
            (&["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="], Some(("Aladdin", "open sesame"))),
            (&["bASIC  QWxhZGRpbjpvcGVuIHNlc2FtZQ"], Some(("Aladdin", "open sesame"))),
            (&["Basic dGVzdDoxMjPCow=="], Some(("test", "123£"))),
            (&["Basic YTpiOmM="], Some(("a", "b:c"))),
            (&["Basic YTo="], Some(("a", ""))),
            (&["Basic OmI="], Some(("", "b"))),
            (&["Basic YTpi", "Basic YTpi"], None),
            (&["Basic YTpi, Basic YTpi"], None),
            (&["Bearer YTpi"], None),
            (&["Basic"], None),
            (&["Basic YQ=="], None),
            (&["Basic !!!"], None),
            (&["Basic YTpiAA=="], None),
            (&["Basic YQo6Yg=="], None),
            (&["Basic YTr/"], None),
            (&[&long], None),
        ];
        for (lines, expected) in rows {
            let read = read(lines);
            let read = read.as_ref().map(|(user, password)| (&**user, &**password));
            assert_eq!(read, *expected, "{lines:?}");
        }
    }
}
