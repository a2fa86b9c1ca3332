//! The training of a cell in its folder: from its last checkpoint, if there is one, to a model.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use bitcap_model::{PredictionTask, initial_weights, matrix_path, open, save};
use bitcap_train::Trainer;

use crate::CellError;
use crate::append_only::{Log, Metrics};
use crate::checkpoints::{Checkpoints, Notes};
use crate::known_data::KnownData;
use crate::options::RunOptions;
use bitcap_base::FileLock;
use bitcap_plan::{CellEvent, Failure};
use bitcap_plan::{CellFolder, CellSettings};
use bitcap_plan::{Manifest, Session, Work, now};

/// How a training ended.
pub(crate) enum Trained {
    /// With these weights, which are in model/ too.
    Weights(Vec<f32>),
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
    let shape = settings.shape();
    let task = PredictionTask::new(&shape, &data.dataset.tokens);
    let initial = initial_weights(&shape, settings.model.initialization, settings.train.seed);
    let device = open(settings.engine.device)?;
    let mut trainer = Trainer::new(&shape, &settings.train, &task, initial, &device);
    let steps = settings.train.steps;
    let mut files = Files::open(cell, lock, settings, data, options, &mut trainer, tell)?;

    let every =
        Duration::try_from_secs_f64(settings.engine.checkpoint_seconds).unwrap_or(Duration::MAX);
    let mut written = Ok(());
    let ended = trainer.run(settings.measure.metrics_every, |trainer, progress| {
        let mut after_step = || -> Result<bool, CellError> {
            if let Some(progress) = progress {
                let memorized_bits = data.memorized_by_loss(progress.loss);
                files.metrics.row(&progress, memorized_bits)?;
                let (step, loss) = (progress.step, progress.loss);
                let speed = progress.tokens as f64 / files.log.seconds();
                files.log.line(&format!(
                    "step {step}: loss {loss:.5} nats, {speed:.0} tokens a second"
                ))?;
                tell(&CellEvent::Progress {
                    step,
                    steps,
                    loss,
                    memorized_bits,
                });
            }
            let stop = options.stop.is_requested();
            if trainer.step() < steps && (stop || files.saved.1.elapsed() >= every) {
                files.save(trainer)?;
            }
            Ok(stop)
        };
        match after_step() {
            Ok(false) => ControlFlow::Continue(()),
            Ok(true) => ControlFlow::Break(()),
            Err(error) => {
                written = Err(error);
                ControlFlow::Break(())
            }
        }
    });
    written?;
    match ended {
        Err(error) => {
            let reason = error.to_string();
            files.log.line(&format!("failed: {reason}"))?;
            let failure = Failure { reason };
            lock.check()?;
            cell.write_json("failure.json", &failure)?;
            // What is tried again is tried from the start.
            files.checkpoints.remove()?;
            Ok(Trained::Failed(failure))
        }
        Ok(ControlFlow::Break(())) => {
            let step = trainer.step();
            files
                .log
                .line(&format!("asked to stop after step {step}"))?;
            Ok(Trained::Stopped)
        }
        Ok(ControlFlow::Continue(())) => {
            let weights = trainer.state().weights;
            lock.check()?;
            let (_, metrics_blake3) = files.metrics.sync()?;
            save(&cell.path("model"), &shape, &weights)?;
            let work = Work {
                started: files.started,
                seconds: files.log.seconds(),
                sessions: files.sessions,
                matrix_path: matrix_path(settings.engine.device).into(),
                metrics_blake3,
            };
            let manifest = Manifest::new(settings, &data.dataset, options.git_revision, work);
            cell.write_json("manifest.json", &manifest)?;
            files.log.line("trained")?;
            Ok(Trained::Weights(weights))
        }
    }
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
        let events = options.tensorboard.map(|all| all.join(settings.name()));
        let events: Option<&Path> = events.as_deref();

        let mut kept = String::new();
        let mut damaged = Vec::new();
        let found = checkpoints.take_up(
            |state, notes| {
                if notes.settings_blake3 != settings_blake3 {
                    return Ok(Err("it is of other settings".into()));
                }
                check_data(cell, "checkpoint", &notes.tokens_blake3, &tokens_blake3)?;
                let Notes {
                    metrics_bytes,
                    metrics_blake3,
                    ..
                } = notes;
                kept = match Metrics::kept(&metrics_csv, *metrics_bytes, metrics_blake3)? {
                    Ok(text) => text,
                    Err(wrong) => return Ok(Err(wrong)),
                };
                Ok(trainer.resume(state).map_err(|error| error.to_string()))
            },
            |what| damaged.push(what.to_owned()),
        )?;
        let session = |from_step| {
            let (revision, device) = (options.git_revision, settings.engine.device);
            Session::begin(from_step, revision, device)
        };
        let mut files = match found {
            None => Self {
                lock,
                checkpoints,
                metrics: Metrics::create(&metrics_csv, events)?,
                log: Log::create(&log_txt)?,
                settings_blake3,
                tokens_blake3,
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
        let (name, device) = (settings.name(), settings.engine.device);
        match files.saved.0 {
            None => files.log.line(&format!("training {name} on {device}"))?,
            Some(step) => {
                files.log.line(&format!(
                    "going on with {name} on {device} after step {step}"
                ))?;
                let steps = settings.train.steps;
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
        self.lock.check()?;
        let (metrics_bytes, metrics_blake3) = self.metrics.sync()?;
        let notes = Notes {
            settings_blake3: self.settings_blake3.clone(),
            tokens_blake3: self.tokens_blake3.clone(),
            metrics_bytes,
            metrics_blake3,
            log_bytes: self.log.sync()?,
            started: self.started.clone(),
            seconds: self.log.seconds(),
            sessions: self.sessions.clone(),
        };
        self.checkpoints.save(&trainer.state(), &notes)?;
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
