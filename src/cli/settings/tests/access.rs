//! The keys that say who may go where.

use super::{file_error, load};
use crate::proxy::{Action, Domain, Rule};

#[test]
fn every_mistake_in_a_rule_names_file_line_and_key() {
    let rule = "workers = 2\n[[http_access]]\naction = \"allow\"\n";
    let cases = [
        ("[[http_access]]\nsrc = \"::1\"", "larder.toml:1: http_access: a rule needs action ="),
        (
            "http_access = [\n  {},\n]",
            "larder.toml:2: http_access: a rule needs action = \"allow\" or \"deny\"",
        ),
        (
            "[[http_access]]\n\naction = \"permit\"",
            "larder.toml:3: http_access: action: expected \"allow\" or \"deny\", found \"permit\"",
        ),
        ("[http_access]\naction = \"deny\"", "larder.toml:1: http_access: expected an array"),
        ("{rule}sorce = 1", "larder.toml:4: http_access: sorce: a rule has only action, src,"),
        ("{rule}memory = 1", "larder.toml:4: http_access: memory: a rule has only action, src,"),
        ("{rule}src = \"here\"", "larder.toml:4: http_access: src: expected a network such as"),
        ("{rule}src = []", "larder.toml:4: http_access: src: needs at least one value"),
        ("{rule}dst = [\n\"::1\",\n7]", "larder.toml:6: http_access: dst: expected a network such"),
        ("{rule}dstdomain = \"1.2.3.4\"", "larder.toml:4: http_access: dstdomain: expected a name"),
        ("{rule}port = \"9-8\"", "larder.toml:4: http_access: port: expected a port such as 443"),
        ("{rule}port = 0", "larder.toml:4: http_access: port: expected a port such as 443"),
        ("{rule}method = \"get\"", "larder.toml:4: http_access: method: expected a method such as"),
        ("{rule}method = [\"GET\", \"A B\"]", "larder.toml:4: http_access: method: expected a"),
        ("{rule}action = \"deny\"", "larder.toml:4: action: duplicate key"),
    ];
    for (text, expected) in cases {
        let error = file_error(&text.replace("{rule}", rule));
        assert!(error.starts_with(expected), "{text}: {error}");
        assert_eq!(error.lines().count(), 1, "{text}: {error}");
    }
    let many = "[[http_access]]\naction = \"deny\"\n".repeat(1001);
    assert!(file_error(&many).starts_with("larder.toml:1: http_access: at most 1000 rules"));
}

#[test]
fn rules_keep_their_order_and_take_one_value_or_a_list() {
    let text = "
        [[http_access]]
        action = \"deny\"
        dst = [\"192.0.2.7/24\", \"2001:db8::1\"]
        [[http_access]]
        action = \"allow\"
        src = \"::ffff:198.51.100.1\"
        dstdomain = \"*.example.com\"
        port = [443, \"8000-8999\"]
        method = [\"CONNECT\", \"GET\"]";
    let rules = load(&[], &[], Some(text)).unwrap().http_access;
    let blank = |action| Rule {
        action,
        src: vec![],
        dst: [].into(),
        dstdomain: vec![],
        port: vec![],
        method: vec![],
    };
    let networks = ["192.0.2.0/24", "2001:db8::1/128"].map(|text| text.parse().unwrap());
    let first = Rule { dst: networks.into(), ..blank(Action::Deny) };
    let second = Rule {
        src: vec!["198.51.100.1/32".parse().unwrap()],
        dstdomain: vec![Domain::parse(".example.com").unwrap()],
        port: vec![443..=443, 8000..=8999],
        method: vec![http::Method::CONNECT, http::Method::GET],
        ..blank(Action::Allow)
    };
    assert_eq!(rules, [first, second]);
}

#[test]
fn the_users_are_read_with_the_settings() {
    const BCRYPT: &str = "$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().display();
    let settings = format!("# who\nproxy_users = \"{path}\"");
    let with = |content: &str| {
        std::fs::write(file.path(), content).unwrap();
        load(&[], &[], Some(&settings))
    };
    let users = with(&format!("ada:{BCRYPT}")).unwrap().users.unwrap();
    assert!(users.verify("ada", b"secret") && !users.verify("ada", b"other"));
    let more = with(&format!("ada:{BCRYPT}\nbob:{BCRYPT}")).unwrap().users.unwrap();
    assert!(more != users && more.verify("bob", b"secret"), "the file is read each time");
    assert_eq!(
        with("# staff\nada:secret").unwrap_err(),
        format!(
            "larder.toml:2: proxy_users: {path}: line 2: expected a bcrypt ($2y$) or Argon2 \
             ($argon2id$) hash; make one with htpasswd -B"
        )
    );
    assert_eq!(
        file_error("proxy_users = \"/nowhere/users\""),
        "larder.toml:1: proxy_users: cannot read /nowhere/users: there is no such file"
    );
    assert_eq!(load(&[], &[], None).unwrap().users, None);
}
