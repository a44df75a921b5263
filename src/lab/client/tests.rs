use std::io::Cursor;
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::Mutex;

use super::*;

const DEADLINE: Duration = Duration::from_secs(10);

/// A proxy that gives one scripted answer per connection and keeps what it was sent.
struct Proxy {
    address: SocketAddr,
    served: JoinHandle<Vec<Vec<u8>>>,
}

impl Proxy {
    fn answering(answers: &[&'static [u8]]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answers = answers.to_vec();
        let served = thread::spawn(move || {
            let serve = |answer| {
                let (mut connection, _) = listener.accept().unwrap();
                connection.set_read_timeout(Some(DEADLINE)).unwrap();
                let mut request = Vec::new();
                connection.read_to_end(&mut request).expect("the client ends its request");
                connection.write_all(answer).unwrap();
                request
            };
            answers.into_iter().map(serve).collect()
        });
        Self { address, served }
    }

    fn requests(self) -> Vec<String> {
        let requests = self.served.join().expect("the scripted proxy did not fail");
        requests.into_iter().map(|bytes| String::from_utf8(bytes).unwrap()).collect()
    }
}

/// What a conversation printed, what it complained about, and whether all was well.
fn converse_with(proxy: &str, hosts: &[&str], input: &str) -> (String, String, bool) {
    let hosts = hosts.iter().map(|&host| host.to_owned()).collect();
    let config = Config { proxy: proxy.to_owned(), hosts };
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let sound = converse(&config, Cursor::new(input), &mut output, &mut errors);
    (String::from_utf8(output).unwrap(), String::from_utf8(errors).unwrap(), sound)
}

#[test]
fn it_prompts_sends_the_bytes_alone_and_prints_the_whole_answer() {
    let proxy = Proxy::answering(&[b"HTTP/1.0 200 OK\r\n\r\nhello", b"HTTP/1.0 404 No\r\n\r\n"]);
    let input = "www.example.com\r\n example.com:81/x \n\nnever.example\n";
    let (output, errors, sound) = converse_with(&proxy.address.to_string(), &[], input);
    assert_eq!(
        output,
        "Input request: HTTP/1.0 200 OK\r\n\r\nhello\nInput request: HTTP/1.0 404 No\r\n\r\n\
         Input request: "
    );
    assert_eq!((errors.as_str(), sound), ("", true));
    assert_eq!(proxy.requests(), ["www.example.com", "example.com:81/x"]);
}

#[test]
fn the_end_of_input_ends_it() {
    let proxy = Proxy::answering(&[b"answer\n"]);
    let (output, errors, sound) = converse_with(&proxy.address.to_string(), &[], "a.example");
    assert_eq!(output, "Input request: answer\nInput request: \n");
    assert_eq!((errors.as_str(), sound), ("", true));
    assert_eq!(proxy.requests(), ["a.example"]);
}

#[test]
fn hosts_are_asked_for_one_after_another_without_a_prompt_or_a_byte_of_its_own() {
    let proxy = Proxy::answering(&[b"one", b"two"]);
    let hosts = ["a.example", "https://b.example/x?y"];
    let (output, errors, sound) = converse_with(&proxy.address.to_string(), &hosts, "unread\n");
    assert_eq!((output.as_str(), errors.as_str(), sound), ("onetwo", "", true));
    assert_eq!(proxy.requests(), hosts);
}

#[test]
fn a_proxy_that_is_not_running_gets_a_sentence() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let expected = format!(
        "cannot reach the proxy at {address}: connection refused; start it with: larder serve\n"
    );
    for hosts in [&["a.example", "b.example"][..], &[]] {
        let (_, errors, sound) = converse_with(&address.to_string(), hosts, "a\nb\n");
        assert_eq!((errors.as_str(), sound), (expected.as_str(), false));
    }
}

#[test]
fn a_proxy_address_that_is_none_gets_a_sentence() {
    let (_, errors, sound) = converse_with("nonsense", &["a.example"], "");
    assert!(errors.starts_with("cannot find the proxy \"nonsense\": "), "{errors}");
    assert!(errors.ends_with("; write --proxy host:port\n"), "{errors}");
    assert!(!sound);
}

#[test]
fn no_answer_is_said_and_the_next_request_still_goes_out() {
    let proxy = Proxy::answering(&[b"", b"answer"]);
    let address = proxy.address.to_string();
    let (output, errors, sound) = converse_with(&address, &["SSH-2.0", "b.example"], "");
    assert_eq!(output, "answer");
    assert_eq!(
        errors,
        "the proxy gave no answer to \"SSH-2.0\"; it takes host[:port][/path] or a URL\n"
    );
    assert!(!sound);
}

#[test]
fn a_proxy_that_hangs_up_at_once_gets_one_sentence() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let proxy = thread::spawn(move || drop(listener.accept().unwrap()));
    let (output, errors, sound) = converse_with(&address.to_string(), &["a.example"], "");
    proxy.join().unwrap();
    assert_eq!(output, "");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(errors.contains("\"a.example\""), "{errors}");
    assert!(!sound);
}

/// An output that tells what arrives.
struct Watched(std::sync::mpsc::Sender<Vec<u8>>);

impl Write for Watched {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(bytes.to_vec()).map_err(|_gone| io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A proxy that answers in two parts, the second only when it is told to.
fn halting_proxy(go: Receiver<()>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        connection.read_to_end(&mut Vec::new()).unwrap();
        connection.write_all(b"first").unwrap();
        go.recv_timeout(DEADLINE).expect("the first part was printed");
        connection.write_all(b"second").unwrap();
    });
    address
}

#[test]
fn the_answer_is_printed_as_it_arrives() {
    let (go, may_go) = channel();
    let (sender, printed) = channel();
    let config = Config { proxy: halting_proxy(may_go).to_string(), hosts: vec!["a".into()] };
    let client = thread::spawn(move || converse(&config, io::empty(), Watched(sender), io::sink()));
    assert_eq!(printed.recv_timeout(DEADLINE).unwrap(), b"first");
    go.send(()).unwrap();
    assert_eq!(printed.recv_timeout(DEADLINE).unwrap(), b"second");
    assert!(client.join().unwrap());
}

#[test]
fn a_reader_who_has_had_enough_is_no_failure() {
    let proxy = Proxy::answering(&[b"answer"]);
    let (sender, gone) = channel();
    drop(gone);
    let config = Config { proxy: proxy.address.to_string(), hosts: vec!["a".into(), "b".into()] };
    let errors = Mutex::new(Vec::new());
    assert!(converse(&config, io::empty(), Watched(sender), &mut *errors.lock()));
    assert_eq!(errors.into_inner(), b"");
    assert_eq!(proxy.requests(), ["a"], "nothing more was asked for");
}
