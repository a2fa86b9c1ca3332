//! Whether cells can fit the memory at all: asked before anything is allocated, since systems
//! promise more memory than they have and end the process that takes it.

use bitcap_plan::CellSettings;
use sysinfo::{MemoryRefreshKind, ProcessRefreshKind, ProcessesToUpdate, System, get_current_pid};

use crate::CellError;

/// Bytes a token that a training holds at once: the token in 2, as input and as target in 4 each.
const BYTES_A_TOKEN: u128 = 10;

/// Bytes a parameter: the weight, its gradient and at least one moment of the optimizer, in f32.
const BYTES_A_PARAMETER: u128 = 12;

/// Bytes a parameter and pair that L-BFGS keeps: of two vectors in f32, in a checkpoint's state and in its
/// file once more.
const BYTES_A_PAIR: u128 = 24;

/// Bytes a number of the widest activation of a pass: it and its gradient, in f32.
const BYTES_AN_ACTIVATION: u128 = 8;

/// Fails where cells of which `jobs` run side by side are sure not to fit, should the largest of them
/// meet: by their tokens, weights and the widest activation of a pass whose size is set. How large a
/// pass is otherwise follows from the device.
///
/// # Errors
/// [`CellError::Memory`]. None where the system does not say how much memory there is.
pub fn check_memory<'a>(
    cells: impl IntoIterator<Item = &'a CellSettings>,
    jobs: usize,
) -> Result<(), CellError> {
    let cells = cells.into_iter().map(|cell| (least_bytes(cell), cell));
    let mut cells: Vec<(u128, &CellSettings)> = cells.collect();
    cells.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
    cells.truncate(jobs);
    let needed: u128 = cells.iter().map(|(bytes, _)| bytes).sum();
    let Some((_, largest)) = cells.first() else {
        return Ok(());
    };
    match available_bytes() {
        Some(memory) if u128::from(memory) < needed => Err(CellError::Memory {
            cell: largest.name(),
            others: cells.len() - 1,
            needed,
            memory,
        }),
        _ => Ok(()),
    }
}

fn least_bytes(settings: &CellSettings) -> u128 {
    let tokens = u128::from(settings.data.samples) * u128::from(settings.source.length());
    let parameters = u128::from(settings.parameters());
    let data = settings.data_shape();
    let batch = settings.train.batch.sequences(settings.data.samples);
    let train = &settings.train;
    let pairs = u128::from(train.polish_memory.unwrap_or(0).min(train.polish_steps));
    let most = match train.polish_steps {
        0 => batch,
        _ => settings.data.samples,
    };
    let pass = u128::from(train.micro_batch.unwrap_or(0).min(most));
    let activation = (data.predicted() * settings.model.widest_activation_of_a_pass(&data)) as u128;
    tokens * BYTES_A_TOKEN
        + parameters * (BYTES_A_PARAMETER + pairs * BYTES_A_PAIR)
        + pass * activation * BYTES_AN_ACTIVATION
}

/// The memory that this process may have: that of the machine, or the limit of its container or job.
fn available_bytes() -> Option<u64> {
    let mut system = System::new();
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    // All there is, not what is free now: refused is only what can never fit.
    let machine = Some(system.total_memory()).filter(|bytes| *bytes > 0);
    let process = get_current_pid().ok()?;
    let this = ProcessesToUpdate::Some(&[process]);
    system.refresh_processes_specifics(this, false, ProcessRefreshKind::nothing());
    let limits = system
        .process(process)
        .and_then(sysinfo::Process::cgroup_limits);
    let limit = limits.map(|limits| limits.total_memory);
    machine.into_iter().chain(limit).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitcap_plan::Experiment;

    /// A pass whose size is set holds its widest activation, here the logits, beside data and weights.
    #[test]
    fn a_pass_needs_its_widest_activation() {
        let least = |set: &[&str]| {
            let text = "name = \"e\"\n[source]\nkind = \"uniform\"\nvocabulary = 1000\nlength = 4\n\
                [model]\nlayers = 1\nwidth = 8\nheads = 2\nstart_token = true\n\
                [train]\nlearning_rate = 0.01\nsteps = 1\n[data]\nsamples = 50\n";
            let set: Vec<String> = set.iter().map(ToString::to_string).collect();
            let experiment = Experiment::parse(text, "e.toml", &set).unwrap();
            least_bytes(&experiment.plan().unwrap().cells[0].settings)
        };
        let pass = |set: &[&str]| least(set) - least(&[]);
        // Two numbers of 4 bytes for each of 1,001 logits of each of 4 tokens.
        assert_eq!(pass(&["train.micro_batch=7"]), 7 * 4 * 1001 * 8);
        // There are no more sequences in a pass than in a batch.
        assert_eq!(pass(&["train.micro_batch=900"]), 50 * 4 * 1001 * 8);
        let batch = ["train.micro_batch=900", "train.batch=20"];
        assert_eq!(pass(&batch), 20 * 4 * 1001 * 8);
        // L-BFGS keeps two vectors a pair, three times as a checkpoint is made, and has no more pairs than
        // steps.
        let parameters = pass(&["train.polish_steps=1"]) / 24;
        let polish = ["train.polish_steps=30", "train.polish_memory=20"];
        assert_eq!(pass(&polish), 20 * 24 * parameters);
        assert!(parameters > 1001 * 8);
    }
}
