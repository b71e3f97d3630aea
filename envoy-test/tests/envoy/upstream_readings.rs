//! Real servers read paths as the policy says that servers do: whatever a client writes, the path by
//! which nginx, Node.js, Python and Go choose a route is among the readings by which rules decide, or
//! the path is refused.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use envoy_test::paths;
use policy::path::RequestPath;
use tempfile::TempDir;

/// A server that responds with the path as it reads it: as text, or as JSON with several readings.
struct Upstream {
    name: &'static str,
    address: SocketAddr,
    process: Child,
}

impl Upstream {
    fn start(name: &'static str, command: impl FnOnce(u16) -> Command) -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let process = command(port)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut upstream = Self {
            name,
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            process,
        };
        let started = Instant::now();
        while TcpStream::connect(upstream.address).is_err() {
            assert_eq!(
                upstream.process.try_wait().unwrap(),
                None,
                "{name} has ended"
            );
            assert!(started.elapsed() < PATIENCE, "{name} does not listen");
            thread::sleep(Duration::from_millis(20));
        }
        upstream
    }

    /// How the server reads the path of a request with exactly these bytes, by reader; nothing if it
    /// refuses the request.
    fn readings(&self, raw: &str) -> BTreeMap<String, String> {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = format!("GET {raw} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        let mut response = Vec::new();
        // A server that refuses the request line need not read the rest.
        let _ = stream.write_all(request.as_bytes());
        let _ = stream.read_to_end(&mut response);
        let response = String::from_utf8_lossy(&response).into_owned();
        let Some((head, body)) = response.split_once("\r\n\r\n") else {
            return BTreeMap::new();
        };
        if head.split(' ').nth(1) != Some("200") {
            return BTreeMap::new();
        }
        let body = if head
            .to_ascii_lowercase()
            .contains("transfer-encoding: chunked")
        {
            body.split("\r\n").nth(1).unwrap_or_default()
        } else {
            body
        };
        match serde_json::from_str::<BTreeMap<String, Option<String>>>(body) {
            Ok(readings) => readings
                .into_iter()
                .filter_map(|(reader, path)| Some((reader, path?)))
                .collect(),
            Err(_) => BTreeMap::from([(String::new(), body.to_owned())]),
        }
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn nginx(home: &Path, folder: &Path, merge_slashes: &str) -> impl FnOnce(u16) -> Command {
    let program = home.join("nginx");
    let folder = folder.join(merge_slashes);
    move |port| {
        fs::create_dir_all(&folder).unwrap();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {kind};"))
            .concat();
        let configuration = format!(
            "daemon off; master_process off; pid nginx.pid; error_log stderr; events {{}}
             http {{ access_log off; {temporary} server {{ listen 127.0.0.1:{port};
             merge_slashes {merge_slashes}; location / {{ default_type text/plain; return 200 $uri; }} }} }}"
        );
        fs::write(folder.join("nginx.conf"), configuration).unwrap();
        let mut command = Command::new(program);
        command
            .arg("-p")
            .arg(&folder)
            .args(["-e", "stderr", "-c", "nginx.conf"]);
        command
    }
}

fn caddy(home: &Path, folder: &Path) -> impl FnOnce(u16) -> Command {
    let (program, folder) = (home.join("caddy"), folder.to_path_buf());
    move |port| {
        let configuration = format!(
            "{{\n admin off\n auto_https off\n}}\nhttp://127.0.0.1:{port}, http://localhost:{port} {{\n \
             respond \"{{http.request.uri.path}}\"\n}}\n"
        );
        fs::write(folder.join("Caddyfile"), configuration).unwrap();
        let mut command = Command::new(program);
        command
            .args(["run", "--adapter", "caddyfile", "--config"])
            .arg(folder.join("Caddyfile"))
            .env("HOME", &folder)
            .env("XDG_CONFIG_HOME", &folder)
            .env("XDG_DATA_HOME", &folder);
        command
    }
}

fn script(
    program: &'static str,
    arguments: &'static [&'static str],
) -> impl FnOnce(u16) -> Command {
    move |port| {
        let mut command = Command::new(program);
        let folder = paths::root().join("envoy-test/upstreams");
        command
            .current_dir(folder)
            .args(arguments)
            .arg(port.to_string());
        command
    }
}

/// Spellings out of the pieces that servers disagree about, the same in every run.
fn spellings(count: usize) -> Vec<String> {
    let pieces = include_str!("../../../shared/policy/tests/upstreams/pieces.txt");
    let (_, pieces) = pieces.split_once("\nbetween\n").unwrap();
    let (separators, names) = pieces.split_once("\nnames\n").unwrap();
    let separators: Vec<&str> = separators.lines().collect();
    let mut names: Vec<&str> = names.lines().collect();
    names.push("?q");
    // A linear congruential generator (Knuth's constants): the upper bits are as random as needed.
    let mut state = 1_u64;
    let mut pick = |from: &[&'static str]| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        from[usize::try_from(state >> 40).unwrap() % from.len()]
    };
    let mut spelled = Vec::with_capacity(count);
    while spelled.len() < count {
        let pieces = pick(&["1", "2", "3", "4", "5", "6"]).parse().unwrap();
        let path: String = (0..pieces)
            .flat_map(|_| [pick(&separators), pick(&names)])
            .collect();
        spelled.push(if path.starts_with('/') {
            path
        } else {
            format!("/{path}")
        });
    }
    spelled
}

/// The segments of what a server says, as the policy has them: patterns are written decoded, so an
/// escape that is needed is not told apart from what it stands for.
fn segments(path: &str, is_decoded: bool) -> Vec<String> {
    let mut segments: Vec<String> = path
        .split('/')
        .skip(1)
        .map(|segment| {
            if is_decoded {
                segment.to_owned()
            } else {
                with_needed_decoded(segment)
            }
        })
        .collect();
    while segments.last().is_some_and(String::is_empty) {
        segments.pop();
    }
    segments
}

fn with_needed_decoded(segment: &str) -> String {
    let bytes = segment.as_bytes();
    let (mut decoded, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let digits = bytes
            .get(at + 1..at + 3)
            .and_then(|d| std::str::from_utf8(d).ok());
        let value = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match value {
            Some(value)
                if bytes[at] == b'%'
                    && !value.is_ascii_alphanumeric()
                    && !b"-._~".contains(&value) =>
            {
                decoded.push(value);
                at += 3;
            }
            _ => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[test]
fn real_servers_read_paths_as_the_policy_says() {
    let home: PathBuf = paths::upstreams().unwrap();
    let folder = TempDir::new().unwrap();
    let upstreams = [
        (
            Upstream::start("nginx", nginx(&home, folder.path(), "on")),
            true,
        ),
        (
            Upstream::start(
                "nginx, merge_slashes off",
                nginx(&home, folder.path(), "off"),
            ),
            true,
        ),
        (Upstream::start("Caddy", caddy(&home, folder.path())), true),
        (
            Upstream::start("Node.js", script("node", &["echo.mjs"])),
            false,
        ),
        (
            Upstream::start("Python, WSGI", script("python3", &["echo.py", "wsgi"])),
            true,
        ),
        (
            Upstream::start(
                "Python, http.server",
                script("python3", &["echo.py", "http"]),
            ),
            false,
        ),
    ];
    // What each path is for each server, and how often it was served at all.
    let mut served = BTreeMap::new();
    let mut unforeseen = Vec::new();
    for raw in spellings(SPELLINGS) {
        let Ok(read) = RequestPath::parse(raw.as_bytes()) else {
            continue;
        };
        for (upstream, is_decoded) in &upstreams {
            for (reader, path) in upstream.readings(&raw) {
                let is_decoded =
                    *is_decoded || reader.contains("decoded") || reader == "http.server";
                let segments = segments(&path, is_decoded);
                *served
                    .entry(format!("{} {reader}", upstream.name))
                    .or_insert(0_usize) += 1;
                if !read
                    .readings()
                    .iter()
                    .any(|reading| reading.segments() == segments)
                {
                    unforeseen.push(format!("{raw}: {} {reader} reads {path:?}", upstream.name));
                }
            }
        }
    }
    println!("{served:#?}");
    assert!(
        unforeseen.is_empty(),
        "{} in all: {:#?}",
        unforeseen.len(),
        &unforeseen[..unforeseen.len().min(20)]
    );
    assert_eq!(served.len(), 10, "{served:#?}");
    // A server that refuses nearly everything shows nothing.
    assert!(
        served.values().all(|times| *times > SPELLINGS / 20),
        "{served:#?}"
    );
}

const SPELLINGS: usize = 2000;
const PATIENCE: Duration = Duration::from_secs(20);
