//! `devices`: what this build and machine have. Drivers crash, so each device is opened by a process of
//! its own, which is not waited for for ever.

use std::io::{self, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bitcap_cell::{DeviceCheck, check_device, require_sound};
use bitcap_model::{backends, devices as listed, facts, precisions};
use bitcap_plan::{DeviceSpec, Precision, text_table};
use serde::{Deserialize, Serialize};

use super::own_program;
use super::run::GIT_REVISION;
use crate::arguments::{AskDevice, Devices};
use crate::output::{Output, print};

/// What one process may take. The first kernels of a driver take seconds, those of a check many more.
const PATIENCE: Duration = Duration::from_secs(60);
const PATIENCE_CHECKING: Duration = Duration::from_secs(600);

/// Each device of this build and machine.
#[derive(Serialize)]
#[serde(transparent)]
struct All(Vec<Listed>);

/// A device, or what stands in its way.
#[derive(Serialize)]
struct Listed {
    device: DeviceSpec,
    #[serde(flatten)]
    known: Option<Known>,
    /// Why it cannot be used.
    error: Option<String>,
}

/// What a process that opened a device says of it.
#[derive(Serialize, Deserialize)]
struct Known {
    name: String,
    kind: String,
    /// Memory of its own, where the system says.
    memory_bytes: Option<u64>,
    driver: String,
    interface: String,
    precisions: Vec<Precision>,
    /// Where it is asked for, in each precision.
    checks: Vec<Checked>,
}

#[derive(Serialize, Deserialize)]
struct Checked {
    precision: Precision,
    agrees: bool,
    #[serde(flatten)]
    check: DeviceCheck,
}

pub(crate) fn devices(arguments: &Devices) -> anyhow::Result<ExitCode> {
    let mut all = Vec::new();
    for backend in backends() {
        let default = DeviceSpec {
            backend,
            ..DeviceSpec::FLEX
        };
        // To find adapters is to load drivers, so that this too is left to another process.
        let names: Result<Vec<DeviceSpec>, String> = if backend.is_cpu() {
            Ok(vec![default])
        } else {
            ask(default, &["--list"], PATIENCE)?
        };
        let names = match names {
            // None: what it says when it is opened tells what is missing.
            Ok(names) if names.is_empty() => vec![default],
            Ok(names) => names,
            Err(error) => {
                all.push(Listed {
                    device: default,
                    known: None,
                    error: Some(error),
                });
                continue;
            }
        };
        for device in names {
            let known = if arguments.check {
                ask(device, &["--check"], PATIENCE_CHECKING)?
            } else {
                ask(device, &[], PATIENCE)?
            };
            let (known, error) = match known {
                Ok(known) => (Some(known), None),
                Err(error) => (None, Some(error)),
            };
            all.push(Listed {
                device,
                known,
                error,
            });
        }
    }
    let sound = all.iter().all(|listed| {
        let checks = listed.known.as_ref().map(|known| &known.checks);
        // A check that could not be made is none that was passed.
        checks.map_or(!arguments.check, |checks| {
            checks.iter().all(|checked| checked.agrees)
        })
    });
    print(&All(all), arguments.json)?;
    Ok(if sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

impl Output for All {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let headings = [
            "device",
            "name",
            "kind",
            "memory",
            "precisions",
            "by",
            "driver",
        ];
        let known = self
            .0
            .iter()
            .filter_map(|listed| Some((listed.device, listed.known.as_ref()?)));
        let rows: Vec<Vec<String>> = known
            .map(|(device, known)| {
                let memory = known
                    .memory_bytes
                    .map(|bytes| format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30)));
                let precisions = known.precisions.iter().map(|precision| precision.as_str());
                vec![
                    device.to_string(),
                    known.name.clone(),
                    known.kind.clone(),
                    memory.unwrap_or_else(|| "-".into()),
                    precisions.collect::<Vec<_>>().join(", "),
                    known.interface.clone(),
                    known.driver.clone(),
                ]
            })
            .collect();
        write!(out, "{}", text_table(&headings, &rows))?;
        for Listed {
            device,
            known,
            error,
        } in &self.0
        {
            if let Some(error) = error {
                writeln!(out, "{device} cannot be used: {error}")?;
            }
            for Checked {
                precision,
                agrees,
                check,
            } in known.iter().flat_map(|known| &known.checks)
            {
                let word = if *agrees { "agrees" } else { "DOES NOT AGREE" };
                writeln!(
                    out,
                    "{device} in {} {word} with flex: gradient off by {:.1e} and losses by {:.1e} of themselves ({:.1e} allowed), log-probabilities by {:.1e} nats ({:.1e} allowed)",
                    precision.as_str(),
                    check.gradient,
                    check.loss,
                    check.allowed,
                    check.log_probability,
                    check.allowed_log_probability
                )?;
            }
        }
        Ok(())
    }
}

/// What a process of its own says of a GPU on which a training in a precision is to count; or why it does not
/// count there.
pub(crate) fn sound(
    device: DeviceSpec,
    precision: Precision,
) -> anyhow::Result<Result<Vec<String>, String>> {
    ask(device, &["--sound", precision.as_str()], PATIENCE_CHECKING)
}

/// Asks a process of its own about a device; what it answers, or why it did not.
fn ask<T: for<'de> Deserialize<'de>>(
    device: DeviceSpec,
    more: &[&str],
    patience: Duration,
) -> anyhow::Result<Result<T, String>> {
    // The outer error is this process' own; the inner one is of the device.
    let mut child = Command::new(own_program()?)
        .arg0("bitcap")
        .arg("ask-device")
        .arg(device.to_string())
        .args(more)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let (answer, said) = (read(child.stdout.take()), read(child.stderr.take()));
    let began = Instant::now();
    // std waits for ever or not at all.
    let ended = loop {
        match child.try_wait()? {
            Some(ended) => break ended,
            None if began.elapsed() > patience => {
                // The threads that read are left alone: no answer is of use any more.
                end(&mut child);
                let seconds = patience.as_secs();
                return Ok(Err(format!("it did not answer within {seconds} seconds")));
            }
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    let (answer, said) = (text(answer), text(said));
    if ended.success() {
        return Ok(serde_json::from_str(&answer).map_err(|error| error.to_string()));
    }
    // The last: what the libraries of a driver print goes before, in the same form.
    let mut lines = said.lines().rev();
    let reason = lines.find_map(|line| line.strip_prefix("error: "));
    Ok(Err(reason.map_or_else(
        || format!("the process that opened it ended with {ended}, as with a driver that crashes"),
        ToOwned::to_owned,
    )))
}

/// Ends a process that we began; that it has ended meanwhile is no fault.
fn end(child: &mut Child) {
    drop(child.kill());
    drop(child.wait());
}

/// Reads along, so that a process which says much is not kept waiting.
fn read(from: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut all = Vec::new();
        if let Some(from) = from {
            drop(BufReader::new(from).read_to_end(&mut all));
        }
        all
    })
}

fn text(read: JoinHandle<Vec<u8>>) -> String {
    let all = read.join().unwrap_or_default();
    String::from_utf8_lossy(&all).into_owned()
}

/// What is known of a device, the names of its backend's, or what makes it sound, as a line of JSON.
pub(crate) fn ask_device(arguments: &AskDevice) -> anyhow::Result<ExitCode> {
    let device = arguments.device;
    if arguments.list {
        return answer(&listed(device.backend));
    }
    if let Some(precision) = arguments.sound {
        let mut said = Vec::new();
        require_sound(device, precision, GIT_REVISION, &mut |text| said.push(text))?;
        return answer(&said);
    }
    let facts = facts(device)?;
    let precisions = precisions(device)?;
    let mut checks = Vec::new();
    // flex is what is compared with, and processors are believed.
    if arguments.check && !device.backend.is_cpu() {
        for &precision in &precisions {
            let check = check_device(device, precision)?;
            checks.push(Checked {
                precision,
                agrees: check.agrees(),
                check,
            });
        }
    }
    answer(&Known {
        name: facts.name,
        kind: facts.kind.into(),
        memory_bytes: facts.memory_bytes,
        driver: facts.driver,
        interface: facts.interface,
        precisions,
        checks,
    })
}

/// To the process that asked.
fn answer(what: &impl Serialize) -> anyhow::Result<ExitCode> {
    serde_json::to_writer(io::stdout().lock(), what)?;
    Ok(ExitCode::SUCCESS)
}
