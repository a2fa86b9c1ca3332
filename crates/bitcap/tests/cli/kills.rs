//! A sweep that is killed at random moments ends as one that was left alone.

use std::time::{Duration, Instant};

use crate::process::{children, kill, until};
use crate::swept_before::{assert_same, without_the_clock};
use crate::{Place, TINY};

/// Kills of one run of the test; more by hand: BITCAP_TEST_KILLS=1000. The moments follow from a
/// seed, BITCAP_TEST_SEED, which a failure tells.
const KILLS: u32 = 50;

/// Checkpoints after every step, so that a sweep gets on however often it is killed.
fn experiment() -> String {
    TINY.replace("steps = 6", "steps = 120\noptimizer = \"muon\"\nbatch = 3")
        .replace("metrics_every = 2", "metrics_every = 7")
        + "[engine]\ncheckpoint_seconds = 0\njobs = 2\n"
}

/// Numbers without a pattern, by xorshift (Marsaglia 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        for (left, by) in [(true, 13), (false, 7), (true, 17)] {
            self.0 ^= if left { self.0 << by } else { self.0 >> by };
        }
        self.0 % bound
    }
}

#[test]
fn a_sweep_that_is_killed_at_any_moment_ends_as_one_left_alone() {
    let place = Place::new(&experiment());
    let began = Instant::now();
    place.sweep(&["--outputs", "whole"]);
    let alone = began.elapsed();
    let whole = without_the_clock(&place, "whole");

    let kills = std::env::var("BITCAP_TEST_KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let clock = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let clock = u64::from(clock.subsec_nanos()) | 1;
    let seed = std::env::var("BITCAP_TEST_SEED").map_or(clock, |text| text.parse().unwrap());
    println!("to have these kills again: BITCAP_TEST_SEED={seed}; left alone it took {alone:?}");
    let mut random = Random(seed);
    let (mut killed, mut finished, mut resumed) = (0, 0, 0);
    while killed < kills || finished == 0 {
        let mut sweep = place.start(&["sweep", "e.toml", "--outputs", "killed"]);
        // From before it has begun to after its end: all moments.
        let moment = Duration::from_micros(random.below(alone.as_micros() as u64));
        let deadline = Instant::now() + moment;
        let mut ended = None;
        while ended.is_none() && (killed >= kills || Instant::now() < deadline) {
            ended = sweep.has_ended();
            std::thread::sleep(Duration::from_millis(1));
        }
        if let Some(status) = ended {
            assert!(status.success(), "{status}: {}", place.text("err.txt"));
            resumed += place.text("err.txt").matches("going on after step").count();
            assert_same(&without_the_clock(&place, "killed"), &whole);
            std::fs::remove_dir_all(place.path("killed")).unwrap();
            finished += 1;
            continue;
        }
        killed += 1;
        match random.below(3) {
            // All at once, as when the machine loses power.
            0 => sweep.kill_group(),
            // The sweep alone: its cells end by themselves, with checkpoints.
            1 => {
                let cells = children(sweep.id());
                sweep.signal("KILL");
                sweep.wait();
                if random.below(2) == 0 {
                    until("the cells end too", || {
                        cells.iter().all(|&cell| is_gone(cell))
                    });
                }
            }
            // One cell: the sweep says so and goes on with the others.
            _ => {
                if let Some(&cell) = children(sweep.id()).first() {
                    kill("KILL", &cell.to_string());
                }
                let status = sweep.wait();
                if status.success() {
                    // It had just ended by itself.
                    assert_same(&without_the_clock(&place, "killed"), &whole);
                } else {
                    assert!(place.text("err.txt").contains("killed (SIGKILL)"));
                }
            }
        }
        resumed += place.text("err.txt").matches("going on after step").count();
    }
    println!("{killed} kills, {finished} sweeps came to their end, {resumed} trainings went on");
    assert!(resumed > 0, "no kill hit a training");
}

fn is_gone(process: u32) -> bool {
    !std::path::Path::new(&format!("/proc/{process}")).exists()
}
