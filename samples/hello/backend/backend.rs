//! The Linux half of the sample: an HTTP server of the standard library alone.
//!
//! It listens on the pod's loopback, where only containers of the same pod reach it, logs the nonce of each request to
//! standard output and answers one line: the nonce, the pod's host name and its own process id.
//!
//! Build: `rustc -O -C target-feature=+crt-static -C panic=abort -C strip=symbols backend.rs`

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// Where it listens.
const ADDRESS: &str = "127.0.0.1:9000";

/// Longest head of a request that is read.
const MAX_HEAD: u64 = 8 * 1024;

/// Longest wait for a client to send or take bytes.
const PATIENCE: Duration = Duration::from_secs(5);

fn main() {
    let listener = match TcpListener::bind(ADDRESS) {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("cannot listen on {ADDRESS}: {error}");
            std::process::exit(1);
        }
    };
    println!("listening on {ADDRESS}");
    for client in listener.incoming() {
        // One at a time is plenty for a sample, and needs no thread.
        if let Err(error) = client.and_then(answer) {
            eprintln!("a request failed: {error}");
        }
    }
}

/// Reads one request and answers it.
fn answer(mut client: TcpStream) -> std::io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    client.set_write_timeout(Some(PATIENCE))?;
    let mut head = BufReader::new(client.try_clone()?.take(MAX_HEAD)).lines();
    let request = head.next().transpose()?.unwrap_or_default();
    while head.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let nonce = nonce(&request).unwrap_or("none");
    println!("request nonce={nonce}");
    let hostname = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let body = format!("nonce={nonce} hostname={} pid={}\n", hostname.trim(), std::process::id());
    write!(
        client,
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    client.flush()
}

/// The `nonce` parameter of `GET /?nonce=X HTTP/1.1`.
fn nonce(request: &str) -> Option<&str> {
    let target = request.split(' ').nth(1)?;
    let (_, query) = target.split_once('?')?;
    query.split('&').find_map(|pair| pair.strip_prefix("nonce="))
}
