//! Calls against servers on the loopback interface.

use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr};

use ::http::{HeaderMap, HeaderValue, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper_util::rt::{TokioExecutor, TokioIo};
use seam::Seam;

use super::call::Get;
use super::*;

const SECOND: Duration = Duration::from_secs(1);
const HERE: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));

fn wanted(port: u16, path: &str) -> Get {
    Get { tls: false, host: None, port, path: path.to_owned(), headers: Vec::new() }
}

async fn get(wanted: &Get) -> Result<http::Answer, String> {
    let target = dial::target(wanted.host.as_deref(), HERE, wanted.port).unwrap();
    http::get(wanted, target, PROBER).await.map_err(|failure| failure.to_string())
}

/// A server that gives each connection in turn one of the answers; returns its port and what was asked.
fn serve(answers: Vec<String>) -> (u16, std::thread::JoinHandle<Vec<String>>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let answer = |(answer, stream): (String, std::io::Result<std::net::TcpStream>)| {
            let mut stream = stream.unwrap();
            let mut asked = [0; 1024];
            let length = stream.read(&mut asked).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&asked[..length]).into_owned()
        };
        answers.into_iter().zip(listener.incoming()).map(answer).collect()
    });
    (port, server)
}

fn answer(head: &str, body: &str) -> String {
    format!("HTTP/1.1 {head}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// Whether the answer or the end of the connection is seen first is a matter of luck, so that many are looked at.
#[tokio::test]
async fn an_answer_counts_though_the_server_closes_at_once() {
    const LOOKS: usize = 50;
    let (port, server) = serve(vec![answer("200 OK", "ok"); LOOKS]);
    for _ in 0..LOOKS {
        assert_eq!(get(&wanted(port, "/")).await.unwrap().status, 200);
    }
    server.join().unwrap();
}

#[tokio::test]
async fn headers_of_the_probe_win_and_the_others_are_the_kubelets() {
    let (port, server) = serve(vec![answer("200 OK", ""); 2]);
    get(&wanted(port, "/a?b=c")).await.unwrap();
    let headers = [("Host", "web"), ("User-Agent", "me"), ("X-A", "1"), ("X-A", "2"), ("Accept", "")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    get(&Get { headers, ..wanted(port, "/") }).await.unwrap();
    let asked = server.join().unwrap();
    let lines = |text: &str| {
        let mut lines: Vec<String> = text.trim().lines().map(str::to_lowercase).collect();
        lines.sort();
        lines
    };
    let plain =
        format!("get /a?b=c http/1.1\nhost: 127.0.0.1:{port}\nuser-agent: {PROBER}\naccept: */*\nconnection: close");
    assert_eq!(lines(&asked[0]), lines(&plain));
    assert_eq!(lines(&asked[1]), lines("get / http/1.1\nhost: web\nuser-agent: me\nx-a: 1\nx-a: 2\nconnection: close"));
}

#[tokio::test]
async fn redirects_are_followed_on_the_same_host_alone() {
    let elsewhere = answer("302 Found\r\nLocation: http://192.0.2.1/", "moved");
    let (port, server) = serve(vec![answer("301 Moved\r\nLocation: /next", ""), answer("204 No", ""), elsewhere]);
    assert_eq!(get(&wanted(port, "/")).await.unwrap().status, 204);
    let away = get(&wanted(port, "/")).await.unwrap();
    assert_eq!((away.status, away.body.as_str()), (302, "moved"));
    assert!(server.join().unwrap()[1].starts_with("GET /next "));
}

#[tokio::test]
async fn failures_are_told_as_go_tells_them() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let refused = format!("Get \"http://127.0.0.1:{port}/x\": dial tcp 127.0.0.1:{port}: connect: connection refused");
    assert_eq!(get(&wanted(port, "/x")).await, Err(refused));
    let (port, server) = serve(vec![answer("200 OK", "")]);
    let plain = get(&Get { tls: true, ..wanted(port, "/") }).await;
    let told = format!("Get \"https://127.0.0.1:{port}/\": http: server gave HTTP response to HTTPS client");
    assert_eq!(plain, Err(told));
    server.join().unwrap();
}

#[tokio::test]
async fn a_certificate_of_anybody_is_good_enough() {
    let key = rcgen::KeyPair::generate().unwrap();
    let own = rcgen::CertificateParams::new(vec!["elsewhere".to_owned()]).unwrap().self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der());
    let config = builder.with_no_client_auth().with_single_cert(vec![own.der().clone()], key.into()).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = Seam::real().spawn("server", async move {
        let mut stream = acceptor.accept(listener.accept().await.unwrap().0).await.unwrap();
        tokio::io::AsyncReadExt::read(&mut stream, &mut [0; 1024]).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, answer("200 OK", "").as_bytes()).await.unwrap();
        tokio::io::AsyncWriteExt::shutdown(&mut stream).await.unwrap();
    });
    assert_eq!(get(&Get { tls: true, ..wanted(port, "/") }).await.unwrap().status, 200);
    served.ended().await;
}

/// Asks a gRPC server that answers with this message and status.
async fn grpc_check(message: &'static [u8], status: i32) -> Found {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = dial::target(None, HERE, listener.local_addr().unwrap().port()).unwrap();
    let seam = Seam::real();
    let served = seam.spawn("server", async move {
        let (stream, _) = listener.accept().await.unwrap();
        let service = hyper::service::service_fn(move |request: ::http::Request<hyper::body::Incoming>| async move {
            assert_eq!(request.uri().path(), "/grpc.health.v1.Health/Check");
            let asked = request.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(asked, &b"\0\0\0\0\x05\x0a\x03web"[..]);
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", HeaderValue::from(status));
            trailers.insert("grpc-message", HeaderValue::from_static("why"));
            let frames = [Frame::data(Bytes::from_static(message)), Frame::trailers(trailers)];
            let body = StreamBody::new(futures::stream::iter(frames.map(Ok::<_, Infallible>)));
            Ok::<_, Infallible>(Response::new(body))
        });
        let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        drop(connection.serve_connection(TokioIo::new(stream), service).await);
    });
    let found = grpc::check(&seam, &target, "web", 5 * SECOND).await;
    served.abort();
    found
}

#[tokio::test]
async fn a_grpc_server_is_asked_for_its_health() {
    let bad = |text: &str| Found::Bad(text.to_owned());
    assert_eq!(grpc_check(b"\0\0\0\0\x02\x08\x01", 0).await, Found::Good);
    assert_eq!(grpc_check(b"\0\0\0\0\x02\x08\x02", 0).await, bad("service unhealthy (responded with \"NOT_SERVING\")"));
    assert_eq!(grpc_check(b"\0\0\0\0\0", 0).await, bad("service unhealthy (responded with \"UNKNOWN\")"));
    let none = "error: this server does not implement the grpc health protocol (grpc.health.v1.Health): why";
    assert_eq!(grpc_check(b"", 12).await, bad(none));
    let lost = "error: health rpc probe failed: rpc error: code = NotFound desc = why";
    assert_eq!(grpc_check(b"", 5).await, bad(lost));
}

#[tokio::test]
async fn a_grpc_server_that_is_not_there_is_waited_for() {
    let target = dial::target(None, HERE, 1).unwrap();
    let found = grpc::check(&Seam::real(), &target, "", Duration::from_millis(50)).await;
    let told = "timeout: failed to connect service \"127.0.0.1:1\" within 0s: context deadline exceeded";
    assert_eq!(found, Found::Bad(told.to_owned()));
}

#[test]
fn what_is_found_is_told_as_the_kubelet_tells_it() {
    let check = |found: Found, expected: Option<(&str, &str)>| {
        let event = found.event(Purpose::Readiness);
        assert_eq!(event.as_ref().map(|(reason, message)| (*reason, message.as_str())), expected);
    };
    check(Found::Good, None);
    check(Found::Warning("w".into()), Some(("ProbeWarning", "Readiness probe warning: w")));
    check(Found::Bad("b".into()), Some(("Unhealthy", "Readiness probe failed: b")));
    check(Found::Unknown("u".into()), Some(("Unhealthy", "Readiness probe errored and resulted in unknown state: u")));
}
