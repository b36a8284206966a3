//! S3 servers that others wrote, for the conformance suite: each in a Python environment of its own under the
//! target directory, on a free port, stopped when the step ends.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::steps::Outcome;
use crate::tools::{cargo, output, succeed, target};

/// A server, and how it is started.
pub struct Server {
    /// Its name in the summary.
    pub name: &'static str,
    /// What pip installs: pinned.
    package: &'static str,
    /// Answers once it serves.
    health: &'static str,
    command: fn(&Path, u16, &Path) -> Command,
}

/// Enforces conditional writes, and keeps what it holds in files.
pub const MINISTACK: Server =
    Server { name: "ministack 1.5.33", package: "ministack==1.5.33", health: "/_ministack/health", command: ministack };

/// Its conditional writes race when it is served threaded, so it is served one request at a time.
pub const MOTO: Server = Server { name: "moto 5.2.5, one thread", package: "moto[server,s3]==5.2.5", health: "/moto-api/", command: moto };

/// How long a server may take to answer for the first time.
const START: Duration = Duration::from_secs(60);

fn ministack(bin: &Path, port: u16, dir: &Path) -> Command {
    let mut command = Command::new(bin.join("ministack"));
    command
        .env("BIND_HOST", "127.0.0.1")
        .env("GATEWAY_PORT", port.to_string())
        .env("SERVICES", "s3")
        .env("S3_PERSIST", "1")
        .env("S3_DATA_DIR", dir.join("s3"))
        .env("HOME", dir)
        .env("LOG_LEVEL", "WARNING");
    command
}

fn moto(bin: &Path, port: u16, _: &Path) -> Command {
    let serve = format!(
        "from moto.server import DomainDispatcherApplication, create_backend_app\n\
         from werkzeug.serving import run_simple\n\
         run_simple('127.0.0.1', {port}, DomainDispatcherApplication(create_backend_app), threaded=False)"
    );
    let mut command = Command::new(bin.join("python"));
    command.args(["-c", &serve]);
    command
}

/// Runs the conformance suite on a server.
pub fn conformance(server: &Server) -> Outcome {
    let bin = match environment(server.package) {
        Ok(bin) => bin,
        Err(why) => return Outcome::CouldNotRun(why),
    };
    let running = match Running::start(server, &bin) {
        Ok(running) => running,
        Err(why) => return Outcome::Failed(why),
    };
    let mut test = cargo(&["test", "--locked", "--test", "s3_servers"]);
    test.env("TRADE_LEDGER_TEST_S3", format!("http://127.0.0.1:{}", running.port));
    succeed(&mut test).map_err(|why| format!("{why}; what the server said is in {}", running.log.display())).into()
}

/// The `bin` directory of a Python environment with this package: the one of an earlier run, or a new one.
///
/// # Errors
/// There is no Python, or the package cannot be had (no network).
pub fn environment(package: &str) -> Result<PathBuf, String> {
    if output("python3", &["-c", "import venv, ensurepip"]).is_none() {
        return Err("there is no python3 with venv".to_owned());
    }
    let name: String = package.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect();
    let dir = target().join("python").join(name);
    let (bin, complete) = (dir.join("bin"), dir.join("complete"));
    if complete.is_file() {
        return Ok(bin);
    }
    // left by a run that was interrupted
    let _ = fs::remove_dir_all(&dir);
    succeed(Command::new("python3").args(["-m", "venv"]).arg(&dir).stdin(Stdio::null()))?;
    let mut install = Command::new(bin.join("python"));
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", package]).stdin(Stdio::null());
    succeed(&mut install).map_err(|why| format!("{package} could not be installed (no network?): {why}"))?;
    fs::write(&complete, package).map_err(|e| format!("cannot write {}: {e}", complete.display()))?;
    Ok(bin)
}

/// A server that runs; dropped, it is stopped.
struct Running {
    child: Child,
    port: u16,
    dir: PathBuf,
    log: PathBuf,
}

impl Running {
    fn start(server: &Server, bin: &Path) -> Result<Self, String> {
        let error = |what: &str, e: std::io::Error| format!("{what}: {e}");
        let dir = target().join("s3-server");
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).map_err(|e| error("cannot create a directory for the server", e))?;
        let log = target().join("s3-server.log");
        let said = fs::File::create(&log).map_err(|e| error("cannot write the server's log", e))?;
        let also = said.try_clone().map_err(|e| error("cannot write the server's log", e))?;
        // free a moment ago
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|listener| listener.local_addr())
            .map_err(|e| error("there is no free port", e))?
            .port();
        let mut command = (server.command)(bin, port, &dir);
        command.current_dir(&dir).stdin(Stdio::null()).stdout(said).stderr(also);
        let child = command.spawn().map_err(|e| error(&format!("{} does not start", server.name), e))?;
        let mut running = Self { child, port, dir, log };
        let start = Instant::now();
        while !running.answers(server.health) {
            let ended = running.child.try_wait().ok().flatten();
            if let Some(status) = ended {
                return Err(format!("{} ended with {status}, see {}", server.name, running.log.display()));
            }
            if start.elapsed() > START {
                return Err(format!("{} does not answer, see {}", server.name, running.log.display()));
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(running)
    }

    fn answers(&self, path: &str) -> bool {
        let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)) else { return false };
        let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
        let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
        let mut head = [0; 12];
        stream.write_all(request.as_bytes()).is_ok() && stream.read_exact(&mut head).is_ok() && head.ends_with(b" 200")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.dir);
    }
}
