use super::super::tests::sample::head_of_bytes;
use super::*;

const NAME: HeaderName = HeaderName::from_static("example");

fn lines(values: &[&str]) -> HeaderMap {
    head_of_bytes(values.iter().map(|value| ("example", value.as_bytes())))
}

fn read(values: &[&str]) -> Option<Dictionary> {
    dictionary(&lines(values), &NAME)
}

#[test]
fn a_dictionary_gives_each_type_its_value() {
    let rows = [
        ("a=60", Value::Integer(60)),
        ("a=-1", Value::Integer(-1)),
        ("a=999999999999999", Value::Integer(999_999_999_999_999)),
        ("a", Value::Boolean(true)),
        ("a=?0", Value::Boolean(false)),
        ("a;x=1", Value::Boolean(true)),
        ("a=60;x;y=\"z\"", Value::Integer(60)),
        ("a=\"60\"", Value::String("60".into())),
        ("a=\"\\\"\\\\\"", Value::String("\"\\".into())),
        ("a=b:/*", Value::Token("b:/*".into())),
        ("a=()", Value::Inner(vec![])),
        (
            "a=(\"b\";q  c 1);x",
            Value::Inner(vec![
                Value::String("b".into()),
                Value::Token("c".into()),
                Value::Integer(1),
            ]),
        ),
        ("a=6.5", Value::Other),
        ("a=:YQ==:", Value::Other),
        ("a=@60", Value::Other),
        ("a=%\"f%c3%bc\"", Value::Other),
    ];
    for (text, expected) in rows {
        assert_eq!(read(&[text]).unwrap().get("a"), Some(&expected), "{text}");
    }
}

#[test]
fn all_lines_are_one_dictionary_and_the_last_of_a_name_counts() {
    let read = read(&["a=1,b", " c=2 ", "a=3"]).unwrap();
    assert_eq!(read.get("a"), Some(&Value::Integer(3)));
    let names: Vec<_> = read.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!(read.get("A"), None);
}

#[test]
fn an_empty_field_is_an_empty_dictionary_and_an_absent_one_none() {
    assert!(read(&[""]).unwrap().is_empty());
    assert!(read(&["  "]).unwrap().is_empty());
    assert_eq!(read(&[]), None);
}

#[test]
fn one_mistake_spoils_the_whole_field() {
    for text in [
        "a=1,",
        ",a=1",
        "a=1,,b",
        "a=1 b=2",
        "A=1",
        "max-age=60, S-Maxage=3",
        "a=",
        "a =1",
        "a= 1",
        "a=\"x",
        "a='x'",
        "a=1000000000000000",
        "a=1.",
        "a=(b",
        "a=(b,c)",
        "a=?2",
        "a=é",
        "\"a\"=1",
    ] {
        assert_eq!(read(&[text]), None, "{text}");
    }
    assert_eq!(read(&["a=1", "b=é"]), None);
    let long = format!("a=\"{}\"", "x".repeat(LONGEST));
    assert_eq!(read(&[&long]), None);
}

#[test]
fn a_list_of_strings_holds_nothing_else() {
    let rows: &[(&[&str], Option<&[&str]>)] = &[
        (&["\"a\""], Some(&["a"])),
        (&["\"a\", \"B c\""], Some(&["a", "B c"])),
        (&["\"a\"", "\"a\" , \"b\";x=1"], Some(&["a", "a", "b"])),
        (&["\"\""], Some(&[""])),
        (&[""], Some(&[])),
        (&[], None),
        (&["a"], None),
        (&["\"a\", b"], None),
        (&["1"], None),
        (&["(\"a\")"], None),
        (&["\"a\","], None),
        (&["\"a"], None),
    ];
    for (values, expected) in rows {
        let found = strings(&lines(values), &NAME);
        let expected = expected.map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(found, expected, "{values:?}");
    }
}
