//! Guests that answer HTTP requests.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use wasm::{ExitReason, WorkerSpec};

use crate::lab::{Lab, spec};
use crate::worker::Worker;

/// A served guest and the port it is on.
struct Site {
    worker: Worker,
    port: u16,
    _lab: Lab,
}

/// Serves `http-cases` after the specification was adjusted.
fn serve(adjust: impl FnOnce(&mut WorkerSpec)) -> Site {
    let lab = Lab::new();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut spec = spec("http-cases.wasm");
    spec.port = Some(port);
    spec.addresses = vec![Ipv4Addr::LOCALHOST.into()];
    adjust(&mut spec);
    let worker = Worker::start(&spec, lab.compiled("http-cases.wasm")).ready();
    Site { worker, port, _lab: lab }
}

/// Sends a request on a connection of its own; the status and body of the answer.
fn ask(port: u16, path: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let length = body.len();
    write!(stream, "POST {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("not an answer: {answer:?}"));
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    (head[9..12].parse().unwrap(), if chunked { unchunk(body) } else { body.to_owned() })
}

fn unchunk(mut body: &str) -> String {
    let mut whole = String::new();
    loop {
        let (size, rest) = body.split_once("\r\n").unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        whole.push_str(&rest[..size]);
        if size == 0 {
            return whole;
        }
        body = &rest[size + 2..];
    }
}

/// A server in this process. Its port; `asked` is told of each request, which is answered when `answer` agrees.
fn neighbour(asked: Sender<()>, answer: Receiver<()>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let mut head = [0; 1024];
            assert!(client.read(&mut head).unwrap() > 0);
            asked.send(()).unwrap();
            answer.recv().unwrap();
            client.write_all(b"HTTP/1.1 203 Fine\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok").unwrap();
        }
    });
    port
}

pub(crate) fn each_request_has_a_fresh_instance() {
    let site = serve(|_| {});
    for _ in 0..3 {
        assert_eq!(ask(site.port, "/count", ""), (200, "1".to_owned()));
    }
}

pub(crate) fn bodies_stream_both_ways() {
    let site = serve(|_| {});
    let sent = "0123456789".repeat(30_000);
    assert_eq!(ask(site.port, "/echo", &sent), (200, sent.clone()));
    assert_eq!(ask(site.port, "/large", "").1.len(), 1 << 20);
}

pub(crate) fn a_neighbour_is_called_only_when_granted() {
    let (asked, _requests) = channel();
    let (answer, answers) = channel();
    answer.send(()).unwrap();
    let port = neighbour(asked, answers);
    let call = format!("/call?127.0.0.1:{port}");
    let site = serve(|spec| spec.outgoing_hosts = vec![format!("127.0.0.1:{port}")]);
    assert_eq!(ask(site.port, &call, "").1, "status 203");
    assert_eq!(ask(site.port, "/call?127.0.0.1:1", "").1, "ErrorCode::HttpRequestDenied");
    site.worker.says("outgoing HTTP to 127.0.0.1:1 denied: grant it with the pod annotation");
    let site = serve(|spec| spec.outgoing_hosts = vec!["127.0.0.1:1".to_owned()]);
    assert_eq!(ask(site.port, "/call?127.0.0.1:1", "").1, "ErrorCode::ConnectionRefused");
}

pub(crate) fn a_trap_costs_one_request() {
    let site = serve(|_| {});
    assert_eq!(ask(site.port, "/trap", "").0, 500);
    site.worker.says("overreach");
    assert_eq!(ask(site.port, "/silent", "").0, 500);
    site.worker.says("ended without an answer");
    assert_eq!(ask(site.port, "/fine", ""), (200, "/fine".to_owned()));
}

pub(crate) fn a_spinning_request_is_stopped_and_delays_nobody() {
    let limit = Duration::from_secs(3);
    let site = serve(|spec| spec.request_timeout = Some(limit));
    let port = site.port;
    let started = Instant::now();
    let spinning: Vec<_> = (0..2).map(|_| thread::spawn(move || ask(port, "/spin", "").0)).collect();
    for _ in 0..3 {
        assert_eq!(ask(port, "/meanwhile", "").0, 200);
    }
    assert!(spinning.iter().any(|request| !request.is_finished()), "answered only after others had spun to their end");
    for request in spinning {
        assert_eq!(request.join().unwrap(), 504);
    }
    assert!(started.elapsed() >= limit);
    assert_eq!(ask(port, "/after", "").0, 200);
}

pub(crate) fn a_worker_whose_guests_wait_sleeps_until_the_next_request() {
    let limit = Duration::from_secs(1);
    let site = serve(|spec| spec.request_timeout = Some(limit));
    for _ in 0..2 {
        let begin = Instant::now();
        let sleeps = || {
            let before = site.worker.waits();
            thread::sleep(Duration::from_millis(200));
            site.worker.waits() == before
        };
        while !sleeps() {
            assert!(begin.elapsed() < Duration::from_secs(20), "it never sleeps");
        }
        assert_eq!(ask(site.port, "/spin", "").0, 504, "a guest that spins is stopped also after a sleep");
    }
}

pub(crate) fn the_instances_share_one_memory_limit() {
    let site = serve(|spec| spec.memory_limit = Some(80 << 20));
    for _ in 0..3 {
        assert_eq!(ask(site.port, "/grow", "").1, "granted", "an ended instance gives its memory back");
    }
    let site = serve(|spec| spec.memory_limit = Some(32 << 20));
    assert_eq!(ask(site.port, "/grow", "").1, "refused");
}

pub(crate) fn http2_is_served_to_who_begins_with_it() {
    let site = serve(|_| {});
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let version = runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(("127.0.0.1", site.port)).await.unwrap();
        let executor = hyper_util::rt::TokioExecutor::new();
        let io = hyper_util::rt::TokioIo::new(stream);
        let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
        let driver = tokio::spawn(connection);
        let request = http::Request::get("http://test/h2").body(String::new()).unwrap();
        let response = sender.send_request(request).await.unwrap();
        driver.abort();
        (response.version(), response.status().as_u16())
    });
    assert_eq!(version, (http::Version::HTTP_2, 200));
}

pub(crate) fn sigterm_lets_requests_end() {
    let (asked, requests) = channel();
    let (answer, answers) = channel();
    let port = neighbour(asked, answers);
    let site = serve(|spec| spec.outgoing_hosts = vec!["*".to_owned()]);
    let (served, call) = (site.port, format!("/call?127.0.0.1:{port}"));
    let request = thread::spawn(move || ask(served, &call, ""));
    requests.recv().unwrap();
    site.worker.terminate();
    refuses(served);
    answer.send(()).unwrap();
    assert_eq!(request.join().unwrap(), (200, "status 203".to_owned()));
    let ended = site.worker.end();
    assert_eq!((ended.exit.code, ended.exit.reason), (0, ExitReason::Completed));
}

/// Waits until nothing listens on the port.
fn refuses(port: u16) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(("127.0.0.1", port)).is_ok() {
        assert!(Instant::now() < deadline, "still listening");
        thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) fn a_server_without_a_port_is_refused() {
    let lab = Lab::new();
    let ended = Worker::start(&spec("http-cases.wasm"), lab.compiled("http-cases.wasm")).end();
    assert_eq!(ended.exit.reason, ExitReason::StartError);
    assert!(ended.exit.message.contains("`ports`"), "{}", ended.exit.message);
}
