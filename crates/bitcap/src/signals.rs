//! Signals, and the end of standard input, as a wish to stop.

use std::io::{self, Read};
use std::process::{ExitCode, exit};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use anyhow::Context;
use bitcap_base::Stop;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXFSZ};
use signal_hook::iterator::Signals;

/// What the process was asked, by whatever came.
static STOP: Stop = Stop::new();

/// The signal that came last; 0 before there is one.
static LAST: AtomicI32 = AtomicI32::new(0);

/// Makes writes beyond a limit on file size fail as on a full disk, with a message, where the
/// system would end the process without one.
pub(crate) fn survive_file_size_limit() {
    // Without it there is only no message.
    drop(signal_hook::flag::register(
        SIGXFSZ,
        Arc::new(AtomicBool::new(false)),
    ));
}

/// From now on SIGINT, SIGTERM, SIGHUP, and SIGUSR1 and SIGUSR2, by which schedulers warn of a limit,
/// ask to stop, and a second SIGINT ends the process at once. `heard` is called when a signal asks for the first time, with whether there is something
/// to save first; if not, the process ends after it.
pub(crate) fn stop_on_signals(heard: fn(saving: bool)) -> anyhow::Result<&'static Stop> {
    let wanted = [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2];
    let wanted = wanted.into_iter().filter(|&signal| !is_ignored(signal));
    let mut signals = Signals::new(wanted).context("signals cannot be listened to")?;
    // A thread, and not a handler, which may neither take a lock nor allocate.
    std::thread::spawn(move || {
        let mut interrupted = false;
        for signal in signals.forever() {
            // The second of its kind: a Ctrl-C goes to a sweep and to its cells, and these are told
            // by the sweep too.
            if signal == SIGINT && std::mem::replace(&mut interrupted, true) {
                exit(status_of(signal));
            }
            // Before `asked`, which may end the process with the status of this signal.
            let before = LAST.swap(signal, Ordering::SeqCst);
            asked(before == 0, heard);
        }
    });
    Ok(&STOP)
}

/// From now on the end of standard input asks to stop as SIGTERM does: the process that held its
/// other end is gone, or wants this one to end.
pub(crate) fn stop_at_end_of_input(heard: fn(saving: bool)) {
    std::thread::spawn(move || {
        // Held for good: the task was read before, and nothing else reads standard input.
        let mut input = io::stdin().lock();
        // Nothing is expected to come.
        while input.read(&mut [0; 64]).is_ok_and(|count| count > 0) {}
        let before = LAST.swap(SIGTERM, Ordering::SeqCst);
        asked(before == 0, heard);
    });
}

fn asked(first: bool, heard: fn(saving: bool)) {
    let saving = STOP.request();
    if first {
        heard(saving);
    }
    // From this thread, wherever the others are: they write files whole.
    if !saving {
        exit(status_of(LAST.load(Ordering::SeqCst)));
    }
}

/// The exit status of a process that stopped as it was asked: as if the signal had ended it.
pub(crate) fn exit_code() -> ExitCode {
    ExitCode::from(u8::try_from(status_of(LAST.load(Ordering::SeqCst))).unwrap_or(u8::MAX))
}

fn status_of(signal: i32) -> i32 {
    128 + signal
}

/// Whether the process was begun with this signal ignored, as by nohup or in the background of a
/// script: then it stays so. Where the system does not say, it is not.
fn is_ignored(signal: i32) -> bool {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = text
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // Bit n - 1 is signal n (proc(5)).
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}
