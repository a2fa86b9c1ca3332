//! The command line.

use std::path::PathBuf;

use bitcap_plan::{DeviceSpec, Kernels, Precision};
use bitcap_report::Accounting;
use clap::{Args, Parser, Subcommand, ValueEnum};

/// Measures how many bits a model memorizes.
///
/// Makes datasets whose entropy is known exactly, trains small transformers on them, turns their
/// likelihoods into bits, and sweeps dataset size and model size until the capacity shows.
#[derive(Debug, Parser)]
#[command(
    version = concat!(env!("CARGO_PKG_VERSION"), " (", env!("BITCAP_GIT_REVISION"), ")"),
    max_term_width = 100
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Draw a dataset into a file
    Generate(Generate),
    /// Show a dataset file's provenance and check every token of it
    Inspect(Inspect),
    /// Train and measure every cell of an experiment, then collect and report
    Sweep(Sweep),
    /// Train and measure one cell of an experiment
    Run(Run),
    /// Run the cell that standard input describes: what a sweep begins for each of its cells
    #[command(hide = true)]
    RunTask,
    /// Show which cells are done, running, waiting, stopped, failed and missing
    Status(Status),
    /// Gather the cells that are done into runs.csv and timings.csv
    Collect(Outputs),
    /// Make curve.csv, capacity.csv and the figures from runs.csv
    Report(Report),
    /// Give the cells of an experiment to a Slurm cluster, or to hosts by GNU parallel over ssh
    Submit(Submit),
    /// Show two outputs folders side by side, cell by cell: the difference in bits and in seconds
    Compare(Compare),
    /// Measure a trained model again, or on any dataset file
    Measure(Measure),
    /// Write a dataset as a trained model's code: the proof of what it memorized
    Compress(Compress),
    /// Give back the dataset that a coded file holds, by it and the model alone
    Decompress(Decompress),
    /// Round a trained model's weights to fewer bits, and measure what it still knows
    Quantize(Quantize),
    /// Work out what memorization means in a small case, by exact enumeration
    Toy(Toy),
    /// Time training steps on this machine
    Bench(Bench),
    /// List the devices of this build and machine, each opened by a process of its own
    Devices(Devices),
    /// Say what is known of a device: what `devices` begins for each
    #[command(hide = true)]
    AskDevice(AskDevice),
    /// Write what completes commands in a shell, as in: bitcap completions bash >
    /// ~/.local/share/bash-completion/completions/bitcap
    Completions(Completions),
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

/// What `generate` draws.
#[derive(Debug, Args)]
pub(crate) struct Generate {
    /// The file to write (safetensors); one that is there is replaced
    pub(crate) file: PathBuf,
    /// Vocabulary V of uniform data, 2 to 65536: 2 for bitstrings, 2^b for the same bitstrings read b
    /// bits a token
    #[arg(long, short = 'v', required_unless_present = "source")]
    pub(crate) vocabulary: Option<u32>,
    /// Tokens S of a sequence of uniform data, 1 to 4096
    #[arg(long, short = 's', required_unless_present = "source")]
    pub(crate) length: Option<u32>,
    /// Any other source, as the section "source" of an experiment on one line: 'kind = "coin", length = 16,
    /// ...'; its seed is --seed where it gives none
    #[arg(long, value_name = "SETTINGS", conflicts_with_all = ["vocabulary", "length"])]
    pub(crate) source: Option<String>,
    /// Number of sequences N
    #[arg(long, short = 'n')]
    pub(crate) samples: u64,
    /// Seed of the samples
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Draw the fresh data of that seed in place of its training data
    #[arg(long)]
    pub(crate) fresh: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// A dataset file
    pub(crate) file: PathBuf,
    /// Write JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// The experiment a verb works on, and what changes it.
#[derive(Clone, Debug, Args)]
pub(crate) struct Chosen {
    /// The experiment file (TOML)
    pub(crate) experiment: PathBuf,
    /// Override a key of the file, such as `train.steps=500` or `'grid."model.width"=[8, 16]'`
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) overrides: Vec<String>,
    /// Device to train and measure on, in place of engine.device
    #[arg(long, value_name = "DEVICE")]
    pub(crate) device: Option<DeviceSpec>,
    /// Whether bitcap's own kernels train what they can, in place of engine.kernels
    #[arg(long, value_name = "auto|off")]
    pub(crate) kernels: Option<Kernels>,
    /// Use a GPU without comparing it with flex first, or although it did not agree. That it multiplies
    /// in train.precision is found out all the same
    #[arg(long)]
    pub(crate) trust_device: bool,
    /// The folder that holds the experiment's folder
    #[arg(long, value_name = "DIR", default_value = "outputs")]
    pub(crate) outputs: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Sweep {
    #[command(flatten)]
    pub(crate) chosen: Chosen,
    /// Share the cells out over these devices, as in cuda:0,cuda:1
    #[arg(
        long,
        value_name = "DEVICE,...",
        value_delimiter = ',',
        conflicts_with = "device"
    )]
    pub(crate) devices: Vec<DeviceSpec>,
    /// Cells to run side by side, on each device [default: engine.jobs, or the cores, and 1 on a GPU]
    #[arg(long, short)]
    pub(crate) jobs: Option<std::num::NonZeroU32>,
    /// Print every cell and how long it will take, and run none
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Try cells again whose training failed
    #[arg(long)]
    pub(crate) retry_failed: bool,
    #[command(flatten)]
    pub(crate) only: Only,
    /// Write losses and bits a step of each cell for TensorBoard, into a folder of its own below DIR
    #[arg(long, value_name = "DIR")]
    pub(crate) tensorboard: Option<PathBuf>,
    /// Write what happens as JSON lines, or with --dry-run the plan as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which cells of a plan are meant.
#[derive(Clone, Debug, Args)]
pub(crate) struct Only {
    /// Take only the cells with this setting, such as `model.width=64` or `seed=[0, 1]`; given more
    /// than once, those that meet all
    #[arg(long = "only", value_name = "KEY=VALUE")]
    pub(crate) conditions: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) chosen: Chosen,
    /// The cell, by its name or its index in the plan (see sweep --dry-run)
    #[arg(long, value_name = "NAME_OR_INDEX", required_unless_present = "folder")]
    pub(crate) cell: Option<String>,
    /// Run the cell of EXPERIMENT in this folder, EXPERIMENT being the cell.toml of a single cell, as
    /// submissions hold them
    // These tell which cell and where; a cell.toml and its folder tell both.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["cell", "overrides", "outputs"])]
    pub(crate) folder: Option<PathBuf>,
    /// Try it again if its training failed
    #[arg(long)]
    pub(crate) retry_failed: bool,
    /// Write losses and bits a step for TensorBoard, into a folder of its own below DIR
    #[arg(long, value_name = "DIR")]
    pub(crate) tensorboard: Option<PathBuf>,
    /// Write what happens as JSON lines
    #[arg(long)]
    pub(crate) json: bool,
}

/// What takes the cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineName {
    /// A Slurm cluster: a batch script and a job array
    Slurm,
    /// Workstations reached over ssh by GNU parallel, which runs until all is done
    Parallel,
}

#[derive(Debug, Args)]
pub(crate) struct Submit {
    #[command(flatten)]
    pub(crate) chosen: Chosen,
    /// What takes the cells
    #[arg(long, value_enum)]
    pub(crate) engine: EngineName,
    #[command(flatten)]
    pub(crate) only: Only,
    /// Submit cells again whose training failed
    #[arg(long)]
    pub(crate) retry_failed: bool,
    /// Write the scripts and the cells, and submit nothing
    #[arg(long)]
    pub(crate) script_only: bool,
    /// Write losses and bits a step of each cell for TensorBoard, into a folder of its own below DIR
    #[arg(long, value_name = "DIR")]
    pub(crate) tensorboard: Option<PathBuf>,
    /// GPUs a task, in place of engine.gpus
    #[arg(long, value_name = "N")]
    pub(crate) gpus: Option<u32>,
    /// Cells that a task runs one after another, in place of engine.cells_per_task
    #[arg(long, value_name = "N")]
    pub(crate) cells_per_task: Option<u32>,
    /// Slurm: the partition, in place of engine.partition
    #[arg(long, value_name = "NAME")]
    pub(crate) partition: Option<String>,
    /// Slurm: the time limit of a task, in place of engine.time_limit; near it a task makes a
    /// checkpoint and goes back into the queue
    #[arg(long, value_name = "TIME")]
    pub(crate) time_limit: Option<String>,
    /// Slurm: the memory of a task, such as 4G, in place of engine.memory
    #[arg(long = "mem", value_name = "SIZE")]
    pub(crate) memory: Option<String>,
    /// Slurm: tasks at the same time at most, in place of engine.throttle
    #[arg(long, value_name = "N")]
    pub(crate) throttle: Option<u32>,
    /// Slurm: a further option of sbatch, as in --sbatch=--account=physics; in place of engine.sbatch
    #[arg(long, value_name = "OPTION", allow_hyphen_values = true)]
    pub(crate) sbatch: Vec<String>,
    /// GNU parallel: a host with its slots, as in --host 2/gpu1; in place of engine.hosts
    #[arg(long = "host", value_name = "SLOTS/HOST")]
    pub(crate) hosts: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// The folder of an experiment, such as outputs/quick, or any with a runs.csv
    pub(crate) a: PathBuf,
    /// The folder to compare it with
    pub(crate) b: PathBuf,
    /// How memorized bits are counted
    #[arg(long, value_enum, default_value_t = AccountingName::Strict)]
    pub(crate) accounting: AccountingName,
    /// Write JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) outputs: Outputs,
    /// Show it again whenever it changes, until every cell is done or failed
    #[arg(long, short)]
    pub(crate) watch: bool,
    /// Write JSON; with --watch, a line each time it changes
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Outputs {
    /// The folder of an experiment, such as outputs/quick
    pub(crate) folder: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    #[command(flatten)]
    pub(crate) outputs: Outputs,
    /// How memorized bits are counted in the figures (the tables have both)
    #[arg(long, value_enum, default_value_t = AccountingName::Strict)]
    pub(crate) accounting: AccountingName,
    /// Published capacities to draw beside ours, such as data/reference/morris2025-table1.csv
    #[arg(long, value_name = "CSV")]
    pub(crate) reference: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum AccountingName {
    /// Predicted tokens only
    Strict,
    /// As Morris et al. count: the first token is credited too
    Paper,
}

impl From<AccountingName> for Accounting {
    fn from(name: AccountingName) -> Self {
        match name {
            AccountingName::Strict => Self::Strict,
            AccountingName::Paper => Self::Paper,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Measure {
    /// The folder of a trained cell, such as outputs/quick/cells/...
    pub(crate) cell: PathBuf,
    /// A dataset file to measure the model on, in place of its training data
    #[arg(long, value_name = "FILE")]
    pub(crate) data: Option<PathBuf>,
    /// Measure on the GPU that the cell names without comparing it with flex first, or although it did
    /// not agree
    #[arg(long)]
    pub(crate) trust_device: bool,
    /// Write JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Compress {
    /// The folder of a trained cell, such as outputs/quick/cells/...
    pub(crate) cell: PathBuf,
    /// The coded file to write; one that is there is replaced
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// A dataset file to code, in place of the cell's training data
    #[arg(long, value_name = "FILE")]
    pub(crate) data: Option<PathBuf>,
    /// Write JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Decompress {
    /// The folder of the model that coded the file, or of its cell
    pub(crate) model: PathBuf,
    /// The coded file
    pub(crate) file: PathBuf,
    /// The dataset file to write; one that is there is replaced
    #[arg(long, short, value_name = "DATASET")]
    pub(crate) output: PathBuf,
    /// Device to run the model on: the one that coded the file
    #[arg(long, value_name = "DEVICE", default_value_t)]
    pub(crate) device: DeviceSpec,
}

#[derive(Debug, Args)]
pub(crate) struct Quantize {
    /// The folder of a trained cell
    pub(crate) cell: PathBuf,
    /// A CSV file to write too, a row a precision, and its picture beside it (.svg, .png); those
    /// that are there are replaced
    #[arg(long, short, value_name = "CSV")]
    pub(crate) output: Option<PathBuf>,
    /// Write JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Toy {
    /// The case (TOML), such as experiments/toy-coin.toml
    pub(crate) file: PathBuf,
    /// A CSV file to write too, a row a number of samples, and its picture beside it (.svg, .png);
    /// those that are there are replaced
    #[arg(long, short, value_name = "CSV")]
    pub(crate) output: Option<PathBuf>,
    /// Write JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Devices {
    /// Compare each GPU with flex: 20 steps of training and a measurement, in each of its precisions
    #[arg(long)]
    pub(crate) check: bool,
    /// Write JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AskDevice {
    pub(crate) device: DeviceSpec,
    /// The names of all of its backend
    #[arg(long)]
    pub(crate) list: bool,
    /// Compare it with flex
    #[arg(long)]
    pub(crate) check: bool,
    /// What was found out of it, should it be sound for trainings in a precision
    #[arg(long, value_name = "PRECISION", value_parser = precision)]
    pub(crate) sound: Option<Precision>,
}

fn precision(name: &str) -> Result<Precision, String> {
    let all = [Precision::F32, Precision::Tf32, Precision::Bf16];
    let found = all.into_iter().find(|precision| precision.as_str() == name);
    found.ok_or_else(|| "there are f32, tf32 and bf16".into())
}

#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// Time this shape alone, in numbers: vocabulary, length, layers, width, heads, sequences a step; can be given
    /// several times
    #[arg(long = "shape", value_name = "V,S,L,D,H,N", value_parser = BenchShape::parse)]
    pub(crate) shapes: Vec<BenchShape>,
    /// Seconds that the steps of a shape take together, at the least
    #[arg(long, default_value_t = 0.1, value_parser = bench_seconds)]
    pub(crate) seconds: f64,
    /// Device to time
    #[arg(long, value_name = "DEVICE", default_value_t)]
    pub(crate) device: DeviceSpec,
    /// Whether bitcap's own kernels train what they can
    #[arg(long, value_name = "auto|off", default_value_t)]
    pub(crate) kernels: Kernels,
    /// Write JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// A model, its data and its batch, to be timed.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub(crate) struct BenchShape {
    pub(crate) vocabulary: u32,
    pub(crate) length: u32,
    pub(crate) layers: u32,
    pub(crate) width: u32,
    pub(crate) heads: u32,
    pub(crate) batch: u32,
}

impl BenchShape {
    pub(crate) const fn new(numbers: [u32; 6]) -> Self {
        let [vocabulary, length, layers, width, heads, batch] = numbers;
        Self {
            vocabulary,
            length,
            layers,
            width,
            heads,
            batch,
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let numbers: Result<Vec<u32>, _> = text.split(',').map(str::parse).collect();
        let wanted = "six whole numbers as in 64,16,1,16,2,173";
        let numbers = numbers.map_err(|error| format!("{error}; expected {wanted}"))?;
        let six = <[u32; 6]>::try_from(numbers);
        let six = six.map_err(|other| format!("{} numbers; expected {wanted}", other.len()))?;
        let shape = Self::new(six);
        // The tokens of a batch are all made before the first step.
        if !(1..=1 << 20).contains(&shape.batch) {
            return Err(format!(
                "{} sequences a step; from 1 to 1048576 can be timed",
                shape.batch
            ));
        }
        Ok(shape)
    }
}

fn bench_seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|error| format!("{error}"))?;
    // NaN, which parses too, is in no range.
    if (0.0..=3600.0).contains(&seconds) {
        Ok(seconds)
    } else {
        Err("from 0 to 3600 seconds".to_owned())
    }
}
