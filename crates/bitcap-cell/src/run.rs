//! One cell: source, dataset, model, training, likelihoods, bits.

use bitcap_measure::Measurement;
use bitcap_model::{Model, architecture, measuring_device, open};
use bitcap_source::{Dataset, Source, Split};

use crate::CellError;
use crate::check_memory;
use crate::checkpoints::Checkpoints;
use crate::device_check::open_to_measure;
use crate::event_file::write_events;
use crate::known_data::KnownData;
use crate::measuring::{Measured, measure};
use crate::options::RunOptions;
use crate::oracle::Oracle;
use crate::training::{Trained, check_data, train};
use bitcap_plan::Manifest;
use bitcap_plan::{CellEvent, Failure};
use bitcap_plan::{CellFolder, CellSettings, DeviceSpec, FolderError};

/// Runs one cell in its folder and returns its last event: done, failed, busy or stopped.
///
/// What is done is not done again: a training goes on from its last checkpoint, a cell with a
/// trained model is only measured, and one whose measurement holds all that is asked for is left as
/// it is. So is one that failed, unless it is to be tried again.
///
/// # Errors
/// If a file cannot be read or written, the folder holds other settings, or the figures cannot be
/// right.
pub fn run_cell(
    folder: &CellFolder,
    settings: &CellSettings,
    options: &RunOptions<'_>,
    tell: &mut dyn FnMut(&CellEvent),
) -> Result<CellEvent, CellError> {
    let Some(lock) = folder.lock()? else {
        return Ok(CellEvent::Busy);
    };
    same_settings(folder, settings)?;
    if let Some(measurement) = complete_measurement(folder, settings)? {
        if let Some(all) = options.tensorboard {
            write_events(folder, all)?;
        }
        return Ok(done(&measurement));
    }
    let failed = folder.path("failure.json").is_file();
    if failed && !options.retry_failed {
        let failure: Failure = folder.read_json("failure.json")?;
        return Ok(CellEvent::Failed {
            reason: failure.before(),
        });
    }
    check_memory([settings], 1)?;
    if settings.measure.oracle != settings.name() {
        // One that cannot be had is known before the training, not after it.
        open_oracle(folder, settings)?;
    }
    folder.write("cell.toml", settings.to_toml().as_bytes())?;
    if failed {
        // In this order: cut off in between, the cell still counts as failed, and what is left of
        // its checkpoints is not gone on from.
        Checkpoints::of(folder).remove()?;
        folder.remove("failure.json")?;
    }
    let source = Source::draw_parameters(&settings.source)?;
    let training = training_data(settings, &source)?;

    if let Some(text) = forget_mixed_up(folder)? {
        tell(&CellEvent::Note { text });
    }
    let mut note = |text| tell(&CellEvent::Note { text });
    let revision = options.git_revision;
    let model = match trained_model(folder, settings, &training.dataset, revision, &mut note)? {
        Some(model) => {
            if let Some(all) = options.tensorboard {
                write_events(folder, all)?;
            }
            model
        }
        None => {
            // While it trains a wish to stop waits for a checkpoint; before and after there is
            // nothing to save, and whoever asks may end the process.
            options.stop.begin_saving();
            let trained = train(folder, &lock, settings, &training, options, tell)?;
            let stop = options.stop.end_saving();
            match trained {
                Trained::Failed(Failure { reason }) => return Ok(CellEvent::Failed { reason }),
                Trained::Model(model) if !stop => on_measuring_device(*model, settings)?,
                // What is trained is on disk: the next run only measures it.
                Trained::Stopped | Trained::Model(_) => return Ok(CellEvent::Stopped),
            }
        }
    };
    // Those, too, that an earlier process left which ended right after its manifest.
    Checkpoints::of(folder).remove()?;
    tell(&CellEvent::Measuring);
    let Measured {
        measurement,
        sequences_csv,
        positions_csv,
        roc_csv,
    } = measure_trained(folder, settings, &source, &training, &model)?;
    lock.check()?;
    // measurement.json is the last: with it the cell is done.
    folder.write("sequences.csv", &sequences_csv)?;
    folder.write("positions.csv", &positions_csv)?;
    if let Some(roc_csv) = roc_csv {
        folder.write("roc.csv", &roc_csv)?;
    }
    folder.write_json("measurement.json", &measurement)?;
    Ok(done(&measurement))
}

/// Where metrics.csv is not the one that was written with the model, as after copies of a folder
/// were put together, the training does not count as made; says so.
fn forget_mixed_up(folder: &CellFolder) -> Result<Option<String>, CellError> {
    if !folder.path("manifest.json").is_file() {
        return Ok(None);
    }
    let manifest: Manifest = folder.read_json("manifest.json")?;
    let found = std::fs::read(folder.path("metrics.csv")).unwrap_or_default();
    // Older versions kept no hash; these are believed.
    match manifest.metrics_blake3 {
        Some(then) if then != blake3::hash(&found).to_hex().as_str() => {
            folder.remove("manifest.json")?;
            let what = "metrics.csv is not the one that was written with the model: trained again";
            Ok(Some(what.to_owned()))
        }
        _ => Ok(None),
    }
}

/// Whether the cell is done and its measurement holds all that is asked for.
///
/// # Errors
/// If a file of the cell or of its oracle cannot be read.
pub fn is_measured(folder: &CellFolder, settings: &CellSettings) -> Result<bool, CellError> {
    same_settings(folder, settings)?;
    Ok(complete_measurement(folder, settings)?.is_some())
}

/// The training data of a cell.
pub(crate) fn training_data(
    settings: &CellSettings,
    source: &Source,
) -> Result<KnownData, CellError> {
    let dataset = source.draw(settings.data.seed, settings.data.samples, Split::Training)?;
    let start_token = settings.model.start_token();
    Ok(KnownData::of(
        &settings.source,
        Some(source),
        dataset,
        start_token,
    ))
}

/// Measures a trained model as its settings ask.
pub(crate) fn measure_trained(
    folder: &CellFolder,
    settings: &CellSettings,
    source: &Source,
    training: &KnownData,
    model: &Model,
) -> Result<Measured, CellError> {
    let oracle = open_oracle(folder, settings)?;
    let samples = if settings.measure.fresh {
        source.fresh_samples(settings.data.samples)
    } else {
        0
    };
    let fresh = if samples == 0 {
        None
    } else {
        let dataset = source.draw(settings.data.seed, samples, Split::Fresh)?;
        let start_token = settings.model.start_token();
        let data = KnownData::of(&settings.source, Some(source), dataset, start_token);
        Some(data)
    };
    let mut measured = measure(model, &oracle, training, fresh.as_ref())?;
    measured.measurement.oracle = Some(settings.measure.oracle.clone());
    measured.measurement.oracle_blake3 = oracle.blake3()?;
    measured.measurement.fresh_asked = Some(settings.measure.fresh);
    Ok(measured)
}

/// The oracle of a cell's settings.
pub(crate) fn open_oracle(
    folder: &CellFolder,
    settings: &CellSettings,
) -> Result<Oracle, CellError> {
    Oracle::open(
        &settings.measure.oracle,
        folder.root(),
        &settings.data_shape(),
        settings.engine.device,
    )
}

/// The folder is new, or holds this very training.
fn same_settings(folder: &CellFolder, settings: &CellSettings) -> Result<(), CellError> {
    let path = folder.path("cell.toml");
    if !path.is_file() {
        return Ok(());
    }
    let there = CellSettings::read(&path)
        .map_err(|error| CellError::content(path.clone(), error.to_string()))?;
    if there.hash() == settings.hash() {
        return same_file(folder, &there, settings);
    }
    Err(FolderError::OtherSettings {
        path,
        found: there.name(),
        expected: settings.name(),
    }
    .into())
}

/// Fails where a cell was trained on a file of the user's that has changed since then.
fn same_file(
    folder: &CellFolder,
    there: &CellSettings,
    settings: &CellSettings,
) -> Result<(), CellError> {
    let Some(file) = settings.source.file() else {
        return Ok(());
    };
    let changed = match (there.source.file_blake3(), settings.source.file_blake3()) {
        (Some(then), Some(now)) => then != now,
        // Older versions kept only the hash of what was drawn.
        _ if folder.path("manifest.json").is_file() => {
            let manifest: Manifest = folder.read_json("manifest.json")?;
            let source = Source::draw_parameters(&settings.source)?;
            let data = source.draw(settings.data.seed, settings.data.samples, Split::Training)?;
            manifest.tokens_blake3 != data.tokens_blake3()
        }
        _ => false,
    };
    if !changed {
        return Ok(());
    }
    let what = format!(
        "{} is not what it was when this cell was trained; put it back, or take another name or --outputs for what it is now",
        file.display()
    );
    Err(CellError::content(folder.root(), what))
}

/// The measurement of a cell that is done, unless more is asked for than it holds.
fn complete_measurement(
    folder: &CellFolder,
    settings: &CellSettings,
) -> Result<Option<Measurement>, CellError> {
    if !folder.path("measurement.json").is_file() {
        return Ok(None);
    }
    let measurement: Measurement = folder.read_json("measurement.json")?;
    let asked = &settings.measure;
    // A file may have no sequences left for fresh data: asked for in vain is not asked for anew.
    let has_fresh = measurement.fresh.is_some() || measurement.fresh_asked == Some(true);
    if asked.fresh && !has_fresh || measurement.oracle.as_ref() != Some(&asked.oracle) {
        return Ok(None);
    }
    // An oracle that was trained anew since then is another one.
    let oracle = match &measurement.oracle_blake3 {
        None => None,
        Some(_) => match Oracle::recorded_blake3(&asked.oracle, folder.root()) {
            Some(recorded) => Some(recorded),
            // Its weights are read, and nothing is computed.
            None => Oracle::open(
                &asked.oracle,
                folder.root(),
                &settings.data_shape(),
                DeviceSpec::FLEX,
            )?
            .blake3()?,
        },
    };
    Ok((measurement.oracle_blake3 == oracle).then_some(measurement))
}

fn done(measurement: &Measurement) -> CellEvent {
    CellEvent::Done {
        memorized_bits: measurement.memorized_bits_strict,
        fraction_of_ceiling: measurement.fraction_of_ceiling,
        bits_per_parameter: measurement.bits_per_parameter_strict,
    }
}

/// A model that was just trained, where it is measured.
fn on_measuring_device(model: Model, settings: &CellSettings) -> Result<Model, CellError> {
    let trained_on = settings.engine.device;
    let device = measuring_device(trained_on)?;
    if device == trained_on {
        return Ok(model);
    }
    Ok(model.on(&settings.model, &open(device)?)?)
}

/// The model of a training that came to its end (the manifest is written after the model), on a device
/// that is sound; `tell` is told what was found out of it.
pub(crate) fn trained_model(
    folder: &CellFolder,
    settings: &CellSettings,
    dataset: &Dataset,
    git_revision: &str,
    tell: &mut dyn FnMut(String),
) -> Result<Option<Model>, CellError> {
    if !folder.path("manifest.json").is_file() {
        return Ok(None);
    }
    let manifest: Manifest = folder.read_json("manifest.json")?;
    let (then, now) = (manifest.tokens_blake3, dataset.tokens_blake3());
    check_data(folder, "manifest.json", &then, &now)?;
    let device = open_to_measure(&settings.engine, git_revision, tell)?;
    let model = Model::load(&folder.path("model"), &device)?;
    let expected = architecture(&settings.model, settings.data_shape(), &device);
    if model.architecture().identity() != expected.identity() {
        return Err(CellError::content(
            folder.path("model"),
            "this model is not of the shape that cell.toml says",
        ));
    }
    Ok(Some(model))
}
