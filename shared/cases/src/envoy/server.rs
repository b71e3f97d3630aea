//! A server on loopback that responds as it is told.

use std::io::{self, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use super::http::{self, Message};
use crate::in_process::lines;
use crate::{Cuts, Error, ResponseData, Result};

/// A response that the server is to give.
#[derive(Clone, Debug, Default)]
pub(super) struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    cuts: Option<Cuts>,
}

impl Reply {
    pub(super) fn new(status: u16, body: Vec<u8>) -> Self {
        Self {
            status,
            body,
            ..Self::default()
        }
    }

    pub(super) fn of(data: &ResponseData) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self {
            headers: lines(&data.headers).map(owned).collect(),
            ..Self::new(data.status, data.body.bytes().to_vec())
        }
    }

    /// Its body comes in pieces.
    pub(super) fn cut(self, cuts: Cuts) -> Self {
        Self {
            cuts: Some(cuts),
            ..self
        }
    }

    fn write(&self, stream: &mut TcpStream, method: &str) -> io::Result<()> {
        let mut head = format!("HTTP/1.1 {} Case\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let has_length = self
            .headers
            .iter()
            .any(|(name, _)| name == "content-length");
        let is_bodiless = matches!(self.status, 100..=199 | 204 | 304);
        if !has_length && !is_bodiless {
            head.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes())?;
        if method == "HEAD" || is_bodiless {
            return Ok(());
        }
        let pieces = self.cuts.unwrap_or(Cuts::Whole).pieces(&self.body);
        for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
            http::write_piece(stream, piece, pieces.len())?;
        }
        Ok(())
    }
}

/// A running server; it takes no new connections once it is stopped.
pub(super) struct Server {
    address: SocketAddr,
    is_stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(super) fn start(
        respond: impl Fn(Message) -> Reply + Send + Sync + 'static,
    ) -> Result<Self> {
        let failed = |error: io::Error| Error::Backend(format!("listening on loopback: {error}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let is_stopped = Arc::new(AtomicBool::new(false));
        let (stopped, respond) = (Arc::clone(&is_stopped), Arc::new(respond));
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Acquire) {
                    break;
                }
                let respond = Arc::clone(&respond);
                if let Ok(stream) = stream {
                    // Whoever breaks off is gone.
                    thread::spawn(move || drop(serve(stream, &*respond)));
                }
            }
        });
        Ok(Self {
            address,
            is_stopped,
            thread: Some(thread),
        })
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn stop(&mut self) {
        self.is_stopped.store(true, Ordering::Release);
        // Wakes the thread that waits for a connection.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn serve(stream: TcpStream, respond: &dyn Fn(Message) -> Reply) -> io::Result<()> {
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    while let Some(request) = http::read(&mut reader, None)? {
        let (keeps_alive, method) = (request.keeps_alive(), request.method().to_owned());
        respond(request).write(&mut writer, &method)?;
        if !keeps_alive {
            break;
        }
    }
    Ok(())
}
