//! Numbers and addresses of access lines, written without the machinery of `format!`: there is a line for
//! every request.

use std::net::IpAddr;

use super::put;

/// Appends a whole number.
pub(super) fn plain(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Appends a whole number with zeros before it, up to `width` digits.
pub(super) fn padded(out: &mut Vec<u8>, number: u64, width: usize) {
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(number);
    for _ in digits.len()..width {
        out.push(b'0');
    }
    out.extend_from_slice(digits.as_bytes());
}

/// Appends an address as it is usually written.
pub(super) fn address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            for (nth, octet) in address.octets().into_iter().enumerate() {
                if nth > 0 {
                    out.push(b'.');
                }
                plain(out, octet.into());
            }
        }
        IpAddr::V6(address) => put(out, format_args!("{address}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_look_as_format_writes_them() {
        for number in [0, 1, 9, 10, 99, 100, 999, 1000, 12_345, u64::MAX] {
            assert_eq!(written(|out| plain(out, number)), format!("{number}"));
            assert_eq!(written(|out| padded(out, number, 3)), format!("{number:03}"));
        }
    }

    #[test]
    fn addresses_look_as_format_writes_them() {
        for text in ["0.0.0.0", "127.0.0.1", "255.10.2.30", "::1", "2001:db8::7", "::ffff:1.2.3.4"]
        {
            let ip: IpAddr = text.parse().unwrap();
            assert_eq!(written(|out| address(out, ip)), ip.to_string());
        }
    }
}
