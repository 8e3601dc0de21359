//! A page of a run in progress, for a browser on this machine and nobody else.

use imfl_report::live::Live;
use imfl_run::{Event, Failure, Kind, Observer, Outcome, Progress};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Bytes of a request that are looked at; a browser's first line and host are in them.
const LONGEST: usize = 8192;
/// A browser that says nothing for so long is left alone.
const PATIENCE: Duration = Duration::from_secs(2);

/// Hears what a run tells, passes it on, and keeps it for the page.
struct Listener {
    next: Progress,
    live: Arc<Mutex<Live>>,
}

impl Observer for Listener {
    fn event(&self, event: &Event) {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).hear(event);
        self.next.tell(event);
    }

    fn stop(&self) -> bool {
        self.next.stop()
    }
}

/// Serves what is told from here on at a port of 127.0.0.1, 0 for any that is free, as long as the program runs. Who told `progress`
/// tells what is returned.
///
/// # Errors
/// A failure if the port cannot be had.
pub fn follow(progress: &Progress, port: u16) -> Outcome<Progress> {
    let cannot = |error: io::Error| {
        Failure::new(
            Kind::Unexpected,
            format!("cannot serve a page at 127.0.0.1:{port}: {error}; give another --serve PORT"),
        )
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(cannot)?;
    let port = listener.local_addr().map_err(cannot)?.port();
    let live = Arc::new(Mutex::new(Live::default()));
    let shown = live.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A browser that went away is nobody's concern.
            let _ = answer(stream, port, || shown.lock().unwrap_or_else(PoisonError::into_inner).page());
        }
    });
    progress.note(format!("live page: http://127.0.0.1:{port}/"));
    Ok(Progress::to(Arc::new(Listener { next: progress.clone(), live })))
}

/// Answers one request.
fn answer(mut stream: TcpStream, port: u16, page: impl Fn() -> String) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut request = Vec::new();
    let mut piece = [0; 1024];
    while request.len() < LONGEST && !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut piece)? {
            0 => break,
            read => request.extend_from_slice(&piece[..read]),
        }
    }
    let (status, body) = match judge(&String::from_utf8_lossy(&request), port) {
        Ok(()) => ("200 OK", page()),
        Err(refusal) => refusal,
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())
}

/// Only the page itself, and only asked for by this machine's own names: another site whose name leads here gets nothing.
fn judge(request: &str, port: u16) -> Result<(), (&'static str, String)> {
    let mut lines = request.lines();
    let first = lines.next().unwrap_or_default();
    let host = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("host").then(|| value.trim())
    });
    if ![format!("127.0.0.1:{port}"), format!("localhost:{port}")].iter().any(|own| host == Some(own)) {
        return Err(("403 Forbidden", "This page is for http://127.0.0.1 alone.".into()));
    }
    if !first.starts_with("GET / ") {
        return Err(("404 Not Found", "There is one page here: /".into()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_page_and_only_by_this_machines_name() {
        let asked = |request: &str| judge(request, 8000).map_err(|(status, _)| status);
        assert_eq!(asked("GET / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n"), Ok(()));
        assert_eq!(asked("GET / HTTP/1.1\r\naccept: *\r\nhost: localhost:8000\r\n\r\n"), Ok(()));
        for host in ["evil.example:8000", "127.0.0.1:80", "127.0.0.1", ""] {
            assert_eq!(asked(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")), Err("403 Forbidden"), "{host}");
        }
        assert_eq!(asked("GET / HTTP/1.1\r\n\r\n"), Err("403 Forbidden"));
        assert_eq!(asked(""), Err("403 Forbidden"));
        for first in ["GET /etc/passwd", "POST /", "GET /../x"] {
            assert_eq!(asked(&format!("{first} HTTP/1.1\r\nHost: localhost:8000\r\n\r\n")), Err("404 Not Found"));
        }
    }
}
