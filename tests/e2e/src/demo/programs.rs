//! The programs of the three parties as child processes. They end with the demonstration, however that ends.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdin, Command};
use tokio::task::JoinHandle;
use tokio::time::{interval, timeout};
use zeroize::Zeroizing;

use super::failure::Failure;

/// Longest wait for a program that needs nobody.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks for a file.
const LOOK: Duration = Duration::from_millis(10);

/// Where the programs are.
#[derive(Clone, Debug)]
pub struct Programs(PathBuf);

/// A program that runs until it is dropped.
#[derive(Debug)]
pub struct Service {
    child: Child,
    log: PathBuf,
}

impl Programs {
    /// The programs beside this one: one build made them all.
    ///
    /// # Errors
    /// One is missing.
    pub fn beside_this_one() -> Result<Self, Failure> {
        let this = std::env::current_exe().map_err(Failure::system("find this program"))?;
        let folder = this.parent().map(Path::to_path_buf).unwrap_or_default();
        for name in ["ushield", "ushield-bank", "ushield-token"] {
            let path = folder.join(name).with_extension(std::env::consts::EXE_EXTENSION);
            path.metadata()
                .map_err(Failure::system(format!("find {}; `make demo` builds it", path.display())))?;
        }
        Ok(Self(folder))
    }

    /// The folder above that of the programs: where a build puts its results.
    #[must_use]
    pub fn target(&self) -> PathBuf {
        self.0.parent().map(Path::to_path_buf).unwrap_or_default()
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.0.join(program));
        // No log filter or language of the caller's changes what is compared here.
        command.args(arguments).kill_on_drop(true).env_remove("RUST_LOG");
        command
    }

    /// Runs a program to its end; what it printed. `secret` is the first line that it reads.
    ///
    /// # Errors
    /// It does not end well.
    pub async fn run(
        &self,
        program: &str,
        arguments: &[&str],
        secret: Option<&str>,
    ) -> Result<String, Failure> {
        let said = line(program, arguments);
        let mut command = self.command(program, arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(Failure::system(format!("start `{said}`")))?;
        if let (Some(mut stdin), Some(secret)) = (child.stdin.take(), secret) {
            let line = Zeroizing::new(format!("{secret}\n"));
            stdin.write_all(line.as_bytes()).await.map_err(Failure::system(format!("write to `{said}`")))?;
        }
        let ended = timeout(PATIENCE, child.wait_with_output()).await;
        let output = ended
            .map_err(|_| Failure::Silence(format!("the end of `{said}`")))?
            .map_err(Failure::system(format!("wait for `{said}`")))?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            Err(Failure::Program { command: said, status: output.status.to_string(), said: text })
        }
    }

    /// Starts a program that goes on; what it prints goes to `log`. Returns when it has written `ready`.
    ///
    /// # Errors
    /// It ends, or never gets ready.
    pub async fn serve(
        &self,
        program: &str,
        arguments: &[&str],
        ready: &Path,
        log: &Path,
    ) -> Result<(Service, Value), Failure> {
        let said = line(program, arguments);
        let failed = |doing: &str| Failure::system(format!("{doing} `{said}`"));
        let file = File::create(log).map_err(failed("log"))?;
        let copy = file.try_clone().map_err(failed("log"))?;
        let mut command = self.command(program, arguments);
        command.stdin(Stdio::null()).stdout(file).stderr(copy);
        let mut child = command.spawn().map_err(failed("start"))?;
        let mut looks = interval(LOOK);
        let getting_ready = async {
            loop {
                looks.tick().await;
                if let Some(status) = child.try_wait().map_err(failed("wait for"))? {
                    let text = std::fs::read_to_string(log).unwrap_or_default();
                    let status = status.to_string();
                    return Err(Failure::Program { command: said.clone(), status, said: text });
                }
                if let Ok(text) = std::fs::read_to_string(ready) {
                    return serde_json::from_str(&text)
                        .map_err(|_| Failure::Nonsense { who: "a program that got ready", what: text });
                }
            }
        };
        let ready = timeout(PATIENCE, getting_ready).await;
        let ready = ready.map_err(|_| Failure::Silence(format!("`{said}` to get ready")))??;
        Ok((Service { child, log: log.to_path_buf() }, ready))
    }

    /// Starts a command of the phone.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn phone(&self, home: &Path, arguments: &[&str]) -> Result<Phone, Failure> {
        let home = home.to_string_lossy();
        let mut all = vec!["--json", "--home", &home, "--secrets-fd", "0"];
        all.extend(arguments);
        let command = line("ushield", arguments);
        let mut child = self.command("ushield", &all);
        child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let failed = |name: &'static str| Failure::Nonsense { who: "the system", what: name.to_owned() };
        let mut child = child.spawn().map_err(Failure::system(format!("start `{command}`")))?;
        let secrets = child.stdin.take().ok_or_else(|| failed("no standard input"))?;
        let moments = child.stderr.take().ok_or_else(|| failed("no standard error"))?;
        let mut stdout = child.stdout.take().ok_or_else(|| failed("no standard output"))?;
        let result = tokio::spawn(async move {
            let mut text = String::new();
            // What is cut short is no JSON.
            let _ = stdout.read_to_string(&mut text).await;
            text
        });
        let moments = BufReader::new(moments).lines();
        Ok(Phone { command, child, secrets: Some(secrets), moments, result, other: Vec::new() })
    }
}

impl Service {
    /// Its process id, while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Where it writes what it does.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }
}

/// A running command of the phone.
#[derive(Debug)]
pub struct Phone {
    command: String,
    child: Child,
    secrets: Option<ChildStdin>,
    moments: Lines<BufReader<ChildStderr>>,
    result: JoinHandle<String>,
    other: Vec<String>,
}

impl Phone {
    /// Its command line.
    #[must_use]
    pub fn command(&self) -> &str {
        &self.command
    }

    /// Its process id, while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Hands it a secret.
    ///
    /// # Errors
    /// It takes none any more.
    pub async fn give(&mut self, name: &str, value: &str) -> Result<(), Failure> {
        let Some(secrets) = &mut self.secrets else { return Ok(()) };
        let line = Zeroizing::new(format!("{name}={value}\n"));
        let written = secrets.write_all(line.as_bytes()).await;
        written.map_err(Failure::system(format!("hand a secret to `{}`", self.command)))
    }

    /// The next moment; none when it has said its last.
    ///
    /// # Errors
    /// The system's.
    pub async fn moment(&mut self) -> Result<Option<Value>, Failure> {
        loop {
            let next = self.moments.next_line().await;
            let next = next.map_err(Failure::system(format!("listen to `{}`", self.command)))?;
            let Some(text) = next else { return Ok(None) };
            match serde_json::from_str::<Value>(&text) {
                Ok(moment) if moment.get("moment").is_some() => return Ok(Some(moment)),
                _ => self.other.push(text),
            }
        }
    }

    /// Its exit code and its result.
    ///
    /// # Errors
    /// It does not end, or says no result.
    pub async fn end(mut self) -> Result<(i32, Value), Failure> {
        drop(self.secrets.take());
        let silence = || Failure::Silence(format!("the end of `{}`", self.command));
        let status = timeout(PATIENCE, self.child.wait()).await.map_err(|_| silence())?;
        let status = status.map_err(Failure::system(format!("wait for `{}`", self.command)))?;
        let text = timeout(PATIENCE, &mut self.result).await.map_err(|_| silence())?.unwrap_or_default();
        let program = |said: String| Failure::Program {
            command: self.command.clone(),
            status: status.to_string(),
            said,
        };
        let code = status.code().ok_or_else(|| program(self.other.join("\n")))?;
        let result = serde_json::from_str(&text);
        Ok((code, result.map_err(|_| program(format!("{text}{}", self.other.join("\n"))))?))
    }

    /// Its result, when it ends with this exit code.
    ///
    /// # Errors
    /// It ends otherwise.
    pub async fn end_with(self, expected: i32) -> Result<Value, Failure> {
        let command = self.command.clone();
        match self.end().await? {
            (code, result) if code == expected => Ok(result),
            (code, result) => {
                let status = format!("exit code {code} instead of {expected}");
                Err(Failure::Program { command, status, said: result.to_string() })
            }
        }
    }

    /// Kills it (SIGKILL): it can do nothing more, not even close what it had open.
    ///
    /// # Errors
    /// The system's.
    pub async fn kill(mut self) -> Result<(), Failure> {
        self.child.kill().await.map_err(Failure::system(format!("kill `{}`", self.command)))
    }
}

fn line(program: &str, arguments: &[&str]) -> String {
    let quoted = arguments.iter().map(|argument| {
        let plain = !argument.is_empty() && !argument.contains([' ', '"', '\'', '\\', '$']);
        if plain { (*argument).to_owned() } else { format!("{argument:?}") }
    });
    std::iter::once(program.to_owned()).chain(quoted).collect::<Vec<_>>().join(" ")
}
