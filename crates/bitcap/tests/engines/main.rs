//! `submit` against the engines themselves: a Slurm of the test's own, and GNU parallel with two hosts
//! of the test's own. They need Debian's packages slurm-wlm, munge, parallel, openssh-server,
//! openssh-client and rsync, and so are run only when asked for: `cargo test --test engines --
//! --ignored --test-threads 1`.

mod cluster;
mod experiment;
mod hosts;
mod parallel;
mod slurm;
