use super::*;
use crate::http::TargetUri;
use crate::http::target;

fn machine() -> Interfaces {
    Interfaces::fixed(["127.0.0.1/8", "203.0.113.5/24"].map(|link| link.parse().unwrap()))
}

fn target(method: &Method, text: &str, mode: &Mode) -> Target {
    target::resolve(method, &text.parse().unwrap(), mode).unwrap()
}

/// What becomes of a request: the reach, or which rule or default refuses it.
fn admitted(
    client: &str,
    (method, text): (&str, &str),
    mode: &Mode,
    access: &Config,
) -> Result<Reach, String> {
    let method = method.parse().unwrap();
    let listener = "203.0.113.5:3128".parse().unwrap();
    let visitor = Visitor { client: client.parse().unwrap(), listener };
    let target = target(&method, text, mode);
    admit(visitor, &method, &target, &machine(), (mode, access)).map_err(|error| match error {
        ProxyError::ClientRefused { .. } => "client".to_owned(),
        ProxyError::PortRefused { setting, .. } => setting.to_owned(),
        ProxyError::RuleRefused { rule } => rule.to_string(),
        other => panic!("{other}"),
    })
}

#[test]
fn without_a_rule_clients_nearby_are_served_and_the_usual_ports_are_open() {
    let access = Config { clients: vec!["198.51.100.0/28".parse().unwrap()], ..Config::default() };
    let get = ("GET", "http://a.example/");
    let rows: &[(&str, (&str, &str), Result<Scope, &str>)] = &[
        ("127.0.0.1", get, Ok(Scope::Loopback)),
        ("::1", get, Ok(Scope::Loopback)),
        ("203.0.113.5", get, Ok(Scope::Own)),
        ("10.1.2.3", get, Ok(Scope::Private)),
        ("::ffff:192.168.1.1", get, Ok(Scope::Private)),
        ("100.64.0.1", get, Ok(Scope::Private)),
        ("fd00::1", get, Ok(Scope::Private)),
        ("169.254.1.1", get, Ok(Scope::LinkLocal)),
        ("fe80::1", get, Ok(Scope::LinkLocal)),
        ("203.0.113.77", get, Ok(Scope::Public)),
        ("198.51.100.15", get, Ok(Scope::Public)),
        ("198.51.100.16", get, Err("client")),
        // What is inside of a client's address is its own word.
        ("64:ff9b::7f00:1", get, Err("client")),
        ("2002:7f00:1::1", get, Err("client")),
        ("198.51.100.16", ("GET", "/"), Err("client")),
        ("127.0.0.1", ("GET", "http://a.example:443/"), Ok(Scope::Loopback)),
        ("127.0.0.1", ("GET", "http://a.example:1024/"), Ok(Scope::Loopback)),
        ("127.0.0.1", ("GET", "http://a.example:1023/"), Err("ports")),
        ("127.0.0.1", ("GET", "http://a.example:22/"), Err("ports")),
        ("127.0.0.1", ("CONNECT", "a.example:443"), Ok(Scope::Loopback)),
        ("127.0.0.1", ("CONNECT", "a.example:80"), Ok(Scope::Loopback)),
        ("127.0.0.1", ("CONNECT", "a.example:8443"), Err("tunnel_ports")),
        ("127.0.0.1", ("GET", "/"), Ok(Scope::Loopback)),
    ];
    for (client, asked, expected) in rows {
        let expected = expected.map(|scope| Reach::new(scope, false)).map_err(str::to_owned);
        assert_eq!(
            admitted(client, *asked, &Mode::Forward, &access),
            expected,
            "{client} {asked:?}"
        );
    }
}

#[test]
fn what_rules_say_of_addresses_is_put_aside_unless_nothing_could_change_a_refusal() {
    let rule = |action, src: &str, dst: &str| {
        let networks = |text: &str| text.parse().into_iter();
        let (src, dst) = (networks(src).collect(), networks(dst).collect());
        Rule { action, src, dst, dstdomain: vec![], port: vec![], method: vec![] }
    };
    let rules = vec![
        rule(Action::Deny, "", "192.0.2.0/24"),
        rule(Action::Allow, "198.51.100.1/32", "192.0.2.0/23"),
        rule(Action::Deny, "198.51.100.2/32", ""),
    ];
    let access = Config { rules: rules.into(), ..Config::default() };
    let get = ("GET", "http://a.example/");
    let ask = |client, asked| admitted(client, asked, &Mode::Forward, &access);
    assert_eq!(ask("198.51.100.2", get), Err("3".into()), "before anything is resolved");
    assert_eq!(ask("198.51.100.3", get), Err("client".into()));
    assert_eq!(ask("198.51.100.1", ("GET", "/")), Err("client".into()), "no address, no allow");
    let at = |address: &str| Whence { scope: Scope::Public, address: address.parse().ok() };
    let guest = ask("198.51.100.1", get).unwrap();
    assert_eq!(guest.judge(at("192.0.2.1")), Err(Barrier::Rule(1)));
    assert_eq!(guest.judge(at("192.0.3.1")), Ok(()));
    assert_eq!(guest.judge(at("203.0.113.9")), Err(Barrier::Unlisted));
    let local = ask("127.0.0.1", get).unwrap();
    assert_eq!(local.judge(at("192.0.2.1")), Err(Barrier::Rule(1)));
    assert_eq!(local.judge(at("203.0.113.9")), Ok(()));
    let page = ask("127.0.0.1", ("GET", "/")).unwrap();
    assert!(page.note(Scope::Public, "192.0.2.1".parse().unwrap()).address.is_some());
}

#[test]
fn the_operators_origin_is_wherever_the_operator_says() {
    let mode = Mode::Origin(TargetUri::parse("http://127.0.0.1:81/").unwrap());
    let rows = [
        ("/", Ok(Reach::new(Scope::Loopback, false)), false),
        ("http://127.0.0.1:81/a", Ok(Reach::new(Scope::Loopback, false)), false),
        ("http://127.0.0.1:82/a", Err("ports".to_owned()), true),
        ("http://127.0.0.1:8080/a", Ok(Reach::new(Scope::Private, true)), true),
    ];
    let access = Config { deny_private: true, ..Config::default() };
    for (text, expected, asks) in rows {
        assert_eq!(admitted("10.0.0.1", ("GET", text), &mode, &access), expected, "{text}");
        assert_eq!(asks_for_user(&target(&Method::GET, text, &mode), &mode), asks, "{text}");
    }
}
