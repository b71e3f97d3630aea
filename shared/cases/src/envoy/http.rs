//! HTTP/1.1 as cases need it: every header line as it is, nothing smoothed over.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use crate::{Error, Result};

/// A request or a response.
#[derive(Clone, Debug, Default)]
pub(super) struct Message {
    /// The first line in its parts: method and path, or version and status.
    start: (String, String),
    /// Names in lower case, in order.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Message {
    pub(super) fn method(&self) -> &str {
        &self.start.0
    }

    pub(super) fn path(&self) -> &str {
        &self.start.1
    }

    pub(super) fn status(&self) -> u16 {
        self.start.1.parse().unwrap_or_default()
    }

    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether the connection can serve another request.
    pub(super) fn keeps_alive(&self) -> bool {
        !self
            .header("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// Sends a request on a connection of its own, its body in these pieces.
pub(super) fn send(
    to: SocketAddr,
    (method, path): (&str, &str),
    headers: &[(&str, &str)],
    body: &[Vec<u8>],
) -> Result<Message> {
    let failed = |error: io::Error| Error::Backend(format!("{method} {path}: {error}"));
    let mut stream = TcpStream::connect(to).map_err(failed)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    let mut head = format!("{method} {path} HTTP/1.1\r\n");
    let has = |name: &str| {
        headers
            .iter()
            .any(|(known, _)| known.eq_ignore_ascii_case(name))
    };
    if !has("host") {
        let authority = headers.iter().find(|(name, _)| *name == ":authority");
        let authority = authority.map_or("gateway.example", |(_, value)| value);
        head.push_str(&format!("host: {authority}\r\n"));
    }
    for (name, value) in headers.iter().filter(|(name, _)| !name.starts_with(':')) {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let length: usize = body.iter().map(Vec::len).sum();
    if length > 0 && !has("content-length") && !has("transfer-encoding") {
        head.push_str(&format!("content-length: {length}\r\n"));
    }
    head.push_str("connection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).map_err(failed)?;
    for piece in body.iter().filter(|piece| !piece.is_empty()) {
        // A refusal may come before the whole body has gone.
        if write_piece(&mut stream, piece, body.len()).is_err() {
            break;
        }
    }
    let mut reader = BufReader::new(stream);
    loop {
        let response = read(&mut reader, Some(method)).map_err(failed)?;
        let response = response
            .ok_or_else(|| Error::Backend(format!("{method} {path}: the connection was closed")))?;
        if !(100..200).contains(&response.status()) {
            return Ok(response);
        }
    }
}

/// Pieces arrive one by one only if there is time between them.
pub(super) fn write_piece(stream: &mut TcpStream, piece: &[u8], pieces: usize) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.write_all(piece)?;
    stream.flush()?;
    if pieces > 1 {
        thread::sleep(BETWEEN_PIECES);
    }
    Ok(())
}

/// A `GET` without further headers.
pub(super) fn get(from: SocketAddr, path: &str) -> Result<Message> {
    send(from, ("GET", path), &[], &[])
}

/// Reads a message; `method` is that of the request which a response is for. `None` at the end of the
/// connection.
pub(super) fn read(
    reader: &mut BufReader<TcpStream>,
    method: Option<&str>,
) -> io::Result<Option<Message>> {
    let mut head = Vec::new();
    loop {
        let before = head.len();
        let length = reader
            .by_ref()
            .take(MAX_HEAD)
            .read_until(b'\n', &mut head)?;
        if length == 0 {
            return Ok(None);
        }
        let line = head.get(before..).unwrap_or_default();
        if line == b"\r\n" || line == b"\n" {
            break;
        }
        if head.len() as u64 > MAX_HEAD {
            return Err(io::Error::other("its head is too long"));
        }
    }
    let mut message = parse(&head, method.is_some())?;
    let status = message.status();
    let is_empty = method.is_some_and(|method| {
        method == "HEAD" || status == 204 || status == 304 || (100..200).contains(&status)
    });
    if is_empty {
        return Ok(Some(message));
    }
    let is_chunked = message
        .header("transfer-encoding")
        .is_some_and(|value| value.to_ascii_lowercase().contains("chunked"));
    if is_chunked {
        message.body = read_chunks(reader)?;
    } else if let Some(length) = message.header("content-length") {
        let length = length.parse().map_err(io::Error::other)?;
        reader
            .by_ref()
            .take(length)
            .read_to_end(&mut message.body)?;
    } else if method.is_some() {
        reader.read_to_end(&mut message.body)?;
    }
    Ok(Some(message))
}

fn parse(head: &[u8], is_response: bool) -> io::Result<Message> {
    let mut space = vec![httparse::EMPTY_HEADER; 256];
    let (start, headers) = if is_response {
        let mut response = httparse::Response::new(&mut space);
        response.parse(head).map_err(io::Error::other)?;
        let status = response.code.unwrap_or_default().to_string();
        (("HTTP".to_owned(), status), response.headers)
    } else {
        let mut request = httparse::Request::new(&mut space);
        request.parse(head).map_err(io::Error::other)?;
        let word = |word: Option<&str>| word.unwrap_or_default().to_owned();
        ((word(request.method), word(request.path)), request.headers)
    };
    let pair = |header: &httparse::Header<'_>| {
        let value = String::from_utf8_lossy(header.value).into_owned();
        (header.name.to_ascii_lowercase(), value)
    };
    Ok(Message {
        start,
        headers: headers.iter().map(pair).collect(),
        body: Vec::new(),
    })
}

fn read_chunks(reader: &mut BufReader<TcpStream>) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.by_ref().take(MAX_HEAD).read_line(&mut line)?;
        let size = line.trim().split(';').next().unwrap_or_default();
        let size = u64::from_str_radix(size, 16).map_err(io::Error::other)?;
        if size > 0 {
            reader.by_ref().take(size).read_to_end(&mut body)?;
        }
        // The end of the chunk, or of the trailers.
        loop {
            let mut end = String::new();
            let length = reader.by_ref().take(MAX_HEAD).read_line(&mut end)?;
            if length == 0 || end.trim().is_empty() {
                break;
            }
        }
        if size == 0 {
            return Ok(body);
        }
    }
}

const MAX_HEAD: u64 = 256 * 1024;
/// How long a response may take.
const PATIENCE: Duration = Duration::from_secs(30);
const BETWEEN_PIECES: Duration = Duration::from_millis(5);
