//! The training of a cell in its folder: from its last checkpoint, if there is one, to a model.

use std::path::Path;
use std::time::{Duration, Instant};

use bitcap_model::{
    Model, PredictionTask, architecture, check_precision, initial_weights, matrix_path, open,
};
use bitcap_train::{TrainError, Trainer};

use crate::CellError;
use crate::append_only::{Log, Metrics};
use crate::checkpoints::{Checkpoints, Notes};
use crate::device_check::require_sound;
use crate::known_data::KnownData;
use crate::options::RunOptions;
use bitcap_base::FileLock;
use bitcap_plan::{CellEvent, Failure};
use bitcap_plan::{CellFolder, CellSettings};
use bitcap_plan::{Manifest, Session, Work, now};

/// How a training ended.
pub(crate) enum Trained {
    /// With a model, which is in model/ too.
    Model(Box<Model>),
    /// Not with a model.
    Failed(Failure),
    /// With a checkpoint, as it was asked to.
    Stopped,
}

/// What a training writes while it goes on.
struct Files<'a> {
    lock: &'a FileLock,
    checkpoints: Checkpoints,
    metrics: Metrics,
    log: Log,
    /// What a checkpoint says whenever it is made.
    settings_blake3: String,
    tokens_blake3: String,
    device_class: String,
    started: String,
    sessions: Vec<Session>,
    /// Steps in the last checkpoint, and when that was made.
    saved: (Option<u64>, Instant),
}

pub(crate) fn train(
    cell: &CellFolder,
    lock: &FileLock,
    settings: &CellSettings,
    data: &KnownData,
    options: &RunOptions<'_>,
    tell: &mut dyn FnMut(&CellEvent),
) -> Result<Trained, CellError> {
    let (device, precision) = (settings.engine.device, settings.train.precision);
    // Who trusts a device does without the comparison; it must have the precision all the same.
    if settings.engine.trust_device {
        check_precision(device, precision)?;
    } else {
        let mut note = |text| tell(&CellEvent::Note { text });
        require_sound(device, precision, options.git_revision, &mut note)?;
    }
    let matrix_path = matrix_path(device, precision)?;
    let device = open(device)?;
    let architecture = architecture(&settings.model, settings.data_shape(), &device);
    let task = PredictionTask::new(architecture.data(), &data.dataset.tokens);
    let initial = initial_weights(architecture.layout(), settings.train.seed);
    let model = Model::new(architecture, initial, &device);
    let mut trainer = Trainer::new(&model, &settings.train, &task, settings.engine.kernels);
    // May take up a checkpoint, and then the trainer stands at its step.
    let mut files = Files::open(cell, lock, settings, data, options, &mut trainer, tell)?;
    // A processor has no memory of its own; whether the system's suffices was asked before.
    if !settings.engine.device.backend.is_cpu()
        && trainer.fit_memory().map_err(TrainError::Device)?
    {
        files
            .log
            .line("the device's memory does not suffice; smaller passes, with the same sums, do")?;
    }
    let early = ends_early(
        &mut trainer,
        &mut files,
        cell,
        settings,
        data,
        options,
        tell,
    )?;
    if let Some(trained) = early {
        return Ok(trained);
    }
    lock.check()?;
    let (_, metrics_blake3) = files.metrics.sync()?;
    let matrix_path = trainer.kernels().unwrap_or(matrix_path);
    let model = trainer.model();
    // The manifest comes last: where it is, the training is known to have ended with this model.
    model.save(&cell.path("model"))?;
    if trainer.step() < settings.train.all_steps() {
        let what = format!("no way down is found after step {}", trainer.step());
        files.log.line(&what)?;
    }
    let work = Work {
        tokens: trainer.tokens(),
        started: files.started,
        seconds: files.log.seconds(),
        sessions: files.sessions,
        matrix_path,
        metrics_blake3,
        model_blake3: model.blake3()?,
    };
    let manifest = Manifest::new(settings, &data.dataset, options.git_revision, work);
    cell.write_json("manifest.json", &manifest)?;
    files.log.line("trained")?;
    Ok(Trained::Model(Box::new(model)))
}

/// Trains to the last step; or ends before it, and says how.
fn ends_early(
    trainer: &mut Trainer<'_>,
    files: &mut Files<'_>,
    cell: &CellFolder,
    settings: &CellSettings,
    data: &KnownData,
    options: &RunOptions<'_>,
    tell: &mut dyn FnMut(&CellEvent),
) -> Result<Option<Trained>, CellError> {
    match go_on(trainer, files, settings, data, options, tell) {
        Ok(true) => Ok(None),
        Ok(false) => {
            let step = trainer.step();
            files
                .log
                .line(&format!("asked to stop after step {step}"))?;
            Ok(Some(Trained::Stopped))
        }
        Err(CellError::Training(error @ TrainError::NotFinite { .. })) => {
            let reason = error.to_string();
            files.log.line(&format!("failed: {reason}"))?;
            let failure = Failure { reason };
            files.lock.check()?;
            // Before the checkpoints go: should it end in between, the cell counts as failed, not
            // as begun.
            cell.write_json("failure.json", &failure)?;
            // What is tried again is tried from the start.
            files.checkpoints.remove()?;
            Ok(Some(Trained::Failed(failure)))
        }
        // Of anything else, a device that failed too, the next run goes on from the last checkpoint.
        Err(error) => Err(error),
    }
}

/// Trains to the last step; or, which is false, to where it is asked to stop, with a checkpoint.
fn go_on(
    trainer: &mut Trainer<'_>,
    files: &mut Files<'_>,
    settings: &CellSettings,
    data: &KnownData,
    options: &RunOptions<'_>,
    tell: &mut dyn FnMut(&CellEvent),
) -> Result<bool, CellError> {
    // More seconds than a Duration can hold are never over.
    let every =
        Duration::try_from_secs_f64(settings.engine.checkpoint_seconds).unwrap_or(Duration::MAX);
    while !trainer.is_done() {
        if let Some(progress) = trainer.advance(settings.measure.metrics_every)? {
            let memorized_bits = data.memorized_by_loss(progress.loss);
            files.metrics.row(&progress, memorized_bits)?;
            let (step, loss) = (progress.step, progress.loss);
            // Both count from step 0, processes before this one included.
            let speed = progress.tokens as f64 / files.log.seconds();
            files.log.line(&format!(
                "step {step}: loss {loss:.5} nats, {speed:.0} tokens a second"
            ))?;
            tell(&CellEvent::Progress {
                step,
                steps: settings.train.all_steps(),
                part: progress.tokens as f64 / settings.training_tokens() as f64,
                loss,
                memorized_bits,
            });
        }
        // After the last step there is nothing left to break off.
        if !trainer.is_done() {
            let stop = options.stop.is_requested();
            if stop || files.saved.1.elapsed() >= every {
                files.save(trainer)?;
            }
            if stop {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

impl<'a> Files<'a> {
    /// Of a training that begins, or goes on from the newest checkpoint that is sound.
    fn open(
        cell: &CellFolder,
        lock: &'a FileLock,
        settings: &CellSettings,
        data: &KnownData,
        options: &RunOptions<'_>,
        trainer: &mut Trainer<'_>,
        tell: &mut dyn FnMut(&CellEvent),
    ) -> Result<Self, CellError> {
        let checkpoints = Checkpoints::of(cell);
        let (metrics_csv, log_txt) = (cell.path("metrics.csv"), cell.path("log.txt"));
        let settings_blake3 = settings.hash().to_hex().to_string();
        let tokens_blake3 = data.dataset.tokens_blake3();
        let (device, precision) = (settings.engine.device, settings.train.precision);
        let device_class = device.numeric_class(precision);
        let events = options.tensorboard.map(|all| all.join(settings.name()));
        let events: Option<&Path> = events.as_deref();

        let mut kept = String::new();
        // Told later: first the log is cut back to the checkpoint that is found.
        let mut damaged = Vec::new();
        let found = checkpoints.resume(
            |state, notes| {
                if notes.settings_blake3 != settings_blake3 {
                    return Ok(Err("it is of other settings".into()));
                }
                // An error, and no damage for which an older checkpoint could stand in: the user
                // has to decide, and nothing is removed.
                check_data(cell, "checkpoint", &notes.tokens_blake3, &tokens_blake3)?;
                let then = notes.device_class(precision);
                if then != device_class {
                    return Err(CellError::OtherDevice {
                        path: cell.path("checkpoint"),
                        then,
                        now: device_class.clone(),
                    });
                }
                let Notes {
                    metrics_bytes,
                    metrics_blake3,
                    ..
                } = notes;
                // Where a later part of metrics.csv is lost, a checkpoint before it may still fit.
                kept = match Metrics::kept(&metrics_csv, *metrics_bytes, metrics_blake3)? {
                    Ok(text) => text,
                    Err(wrong) => return Ok(Err(wrong)),
                };
                // Last, as it is the one thing that changes the trainer.
                Ok(trainer.resume(state).map_err(|error| error.to_string()))
            },
            |what| damaged.push(what.to_owned()),
        )?;
        let session = |from_step| Session::begin(from_step, options.git_revision, device);
        let mut files = match found {
            None => Self {
                lock,
                checkpoints,
                metrics: Metrics::create(&metrics_csv, events)?,
                log: Log::create(&log_txt)?,
                settings_blake3,
                tokens_blake3,
                device_class,
                started: now(),
                sessions: vec![session(0)],
                saved: (None, Instant::now()),
            },
            Some((state, notes)) => Self {
                lock,
                checkpoints,
                metrics: Metrics::resume(&metrics_csv, &kept, events)?,
                log: Log::resume(&log_txt, notes.log_bytes, notes.seconds)?,
                settings_blake3,
                tokens_blake3,
                device_class,
                started: notes.started,
                sessions: [notes.sessions, vec![session(state.step)]].concat(),
                saved: (Some(state.step), Instant::now()),
            },
        };
        for what in damaged {
            let what = format!("a checkpoint is left out: {what}");
            files.log.line(&what)?;
            tell(&CellEvent::Note { text: what });
        }
        let name = settings.name();
        match files.saved.0 {
            None => files.log.line(&format!("training {name} on {device}"))?,
            Some(step) => {
                files.log.line(&format!(
                    "going on with {name} on {device} after step {step}"
                ))?;
                let steps = settings.train.all_steps();
                tell(&CellEvent::Resumed { step, steps });
            }
        }
        Ok(files)
    }

    /// Makes a checkpoint, unless the last one is of the same step.
    fn save(&mut self, trainer: &Trainer<'_>) -> Result<(), CellError> {
        let step = trainer.step();
        if self.saved.0 == Some(step) {
            return Ok(());
        }
        // An error where something is not finite: what went wrong takes the place of no good
        // checkpoint.
        let state = trainer.state()?;
        self.lock.check()?;
        // Both files are on disk before a checkpoint says how long they are.
        let (metrics_bytes, metrics_blake3) = self.metrics.sync()?;
        let notes = Notes {
            settings_blake3: self.settings_blake3.clone(),
            tokens_blake3: self.tokens_blake3.clone(),
            device_class: Some(self.device_class.clone()),
            metrics_bytes,
            metrics_blake3,
            log_bytes: self.log.sync()?,
            started: self.started.clone(),
            seconds: self.log.seconds(),
            sessions: self.sessions.clone(),
        };
        self.checkpoints.save(&state, &notes)?;
        self.saved = (Some(step), Instant::now());
        Ok(())
    }
}

/// Fails where a file of the cell was made of other data than the source gives now.
pub(crate) fn check_data(
    cell: &CellFolder,
    file: &str,
    then: &str,
    now: &str,
) -> Result<(), CellError> {
    if then == now {
        return Ok(());
    }
    Err(CellError::content(
        cell.path(file),
        format!(
            "the model was trained on data with BLAKE3 {then}, and the source now gives {now}: has \
             its file changed?"
        ),
    ))
}

#[cfg(test)]
mod tests {
    use bitcap_base::Stop;
    use bitcap_model::DeviceError;
    use bitcap_plan::{CellState, Experiment, Precision};
    use bitcap_source::Source;
    use bitcap_train::{ComposedStep, Loss, Sequences, Step};
    use burn::tensor::Tensor;

    use super::*;
    use crate::run::{run_cell, training_data};

    const SIX_STEPS: &str = r#"
        name = "lost"
        source = { kind = "uniform", vocabulary = 4, length = 4 }
        data = { samples = 3 }
        model = { layers = 1, width = 4, heads = 1 }
        train = { learning_rate = 0.01, steps = 6 }
        measure = { metrics_every = 1 }
        engine = { checkpoint_seconds = 0, kernels = "off" }
    "#;

    /// A device that does some steps more and is lost then.
    struct Lost<'a> {
        step: ComposedStep<'a>,
        left: u32,
    }

    impl Step for Lost<'_> {
        fn loss_and_gradient(
            &mut self,
            weights: &Tensor<1>,
            batch: &Sequences,
        ) -> Result<(Loss, Tensor<1>), DeviceError> {
            if self.left == 0 {
                let what = "the device is lost".into();
                return Err(DeviceError::Failed { what });
            }
            self.left -= 1;
            self.step.loss_and_gradient(weights, batch)
        }
    }

    #[test]
    fn of_a_device_that_is_lost_the_next_run_goes_on() {
        lost_after_four_steps(&[]);
        lost_after_four_steps(&["train.steps=2", "train.polish_steps=4"]);
    }

    fn lost_after_four_steps(set: &[&str]) {
        let set: Vec<String> = set.iter().map(ToString::to_string).collect();
        let plan = Experiment::parse(SIX_STEPS, "e.toml", &set)
            .unwrap()
            .plan()
            .unwrap();
        let settings = &plan.cells[0].settings;
        let outputs = tempfile::tempdir().unwrap();
        let [cell, alone] =
            ["cell", "alone"].map(|name| CellFolder::new(&outputs.path().join(name)));
        let stop = Stop::new();
        let options = RunOptions {
            git_revision: "test",
            retry_failed: false,
            tensorboard: None,
            stop: &stop,
        };
        run_cell(&alone, settings, &options, &mut |_| {}).unwrap();

        let source = Source::draw_parameters(&settings.source).unwrap();
        let data = training_data(settings, &source).unwrap();
        let device = open(settings.engine.device).unwrap();
        let architecture = architecture(&settings.model, settings.data_shape(), &device);
        let task = PredictionTask::new(architecture.data(), &data.dataset.tokens);
        let initial = initial_weights(architecture.layout(), settings.train.seed);
        let model = Model::new(architecture, initial, &device);
        let step = ComposedStep::new(&model, &task, None, Precision::F32);
        let lost = Box::new(Lost { step, left: 4 });
        let mut trainer = Trainer::with_step(&model, &settings.train, &task, lost);
        let lock = cell.lock().unwrap().unwrap();
        let tell: &mut dyn FnMut(&CellEvent) = &mut |_| {};
        let mut files =
            Files::open(&cell, &lock, settings, &data, &options, &mut trainer, tell).unwrap();
        let ended = ends_early(
            &mut trainer,
            &mut files,
            &cell,
            settings,
            &data,
            &options,
            tell,
        );
        let error = ended.err().unwrap().to_string();
        assert!(error.contains("the device is lost"), "{error}");
        drop(lock);
        // Neither failed for good nor begun anew.
        assert_eq!(cell.state(), CellState::Stopped);
        let mut resumed = Vec::new();
        let mut tell = |event: &CellEvent| {
            if let CellEvent::Resumed { step, .. } = event {
                resumed.push(*step);
            }
        };
        run_cell(&cell, settings, &options, &mut tell).unwrap();
        assert_eq!(resumed, [4]);
        for file in ["metrics.csv", "model/model.safetensors", "sequences.csv"] {
            let read = |cell: &CellFolder| std::fs::read(cell.path(file)).unwrap();
            assert_eq!(read(&cell), read(&alone), "{file}");
        }
    }
}
