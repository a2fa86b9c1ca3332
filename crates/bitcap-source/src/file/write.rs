//! Writing dataset files: drawn piece by piece, or out of memory.

use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use super::error::{DatasetFileError, Problem};
use super::info::DatasetInfo;
use crate::dataset::{little_endian, rows_at_a_time, token_bytes};
use crate::{Dataset, FileSettings, Marginal, Source, SourceSettings, Split};
use bitcap_base::{InvalidSetting, create_aside, rename, write_atomic};

/// Draws the dataset that [`crate::draw()`] would give into a file at `path`.
///
/// Memory does not grow with `samples`, but for what [`Marginal`] says of copies. The file is written
/// aside in the same folder, synced and renamed: it is there whole or not at all, and a file that
/// stood at `path` is replaced only then. `progress` is called with the number of sequences done, now
/// and then and at the end.
///
/// # Errors
/// Settings that are impossible, a path that is a folder or a device, or anything that goes wrong
/// while writing.
pub fn generate(
    path: &Path,
    source: &SourceSettings,
    data_seed: u64,
    samples: u64,
    split: Split,
    progress: &mut dyn FnMut(u64),
) -> Result<DatasetInfo, DatasetFileError> {
    let (drawn, info) = prepare(source, data_seed, samples, split)?;
    refuse_special(path)?;
    let write = || {
        let mut file = create_aside(path)?;
        let header = info.header()?;
        // A disk that cannot have a file of that size says so now, not when it is full.
        let tokens = samples * u64::from(info.length) * 2;
        file.as_file().set_len(header.len() as u64 + tokens)?;
        file.write_all(&header)?;
        let info = write_tokens(file.as_file_mut(), &drawn, info, progress)?;
        // Hash and entropy are known only now. The header with them is as long as the one before,
        // so that it takes its place exactly.
        file.as_file_mut().seek(SeekFrom::Start(0))?;
        file.write_all(&info.header()?)?;
        file.as_file().sync_all()?;
        rename(file, path)?;
        Ok(info)
    };
    write().map_err(|error| Problem::Write(error).at(path))
}

/// Draws the same file, byte for byte, into `out`, such as standard output. The dataset is drawn
/// twice: its hash and its entropy stand before it.
///
/// # Errors
/// Settings that are impossible, or anything that goes wrong while writing.
pub fn generate_to(
    out: &mut dyn Write,
    source: &SourceSettings,
    data_seed: u64,
    samples: u64,
    split: Split,
    progress: &mut dyn FnMut(u64),
) -> Result<DatasetInfo, DatasetFileError> {
    let (drawn, info) = prepare(source, data_seed, samples, split)?;
    let write = || {
        // A pipe cannot be gone back in, so the first pass writes nowhere and only finds what
        // stands in the header. Each pass is half of the progress.
        let half = &mut |done| progress(done / 2);
        let info = write_tokens(&mut io::sink(), &drawn, info, half)?;
        out.write_all(&info.header()?)?;
        let rest = &mut |done| progress((samples + done) / 2);
        let info = write_tokens(out, &drawn, info, rest)?;
        out.flush()?;
        Ok(info)
    };
    write().map_err(|error| Problem::Write(error).at(Path::new("-")))
}

/// The source, and what is known of the dataset before it is drawn.
fn prepare(
    source: &SourceSettings,
    data_seed: u64,
    samples: u64,
    split: Split,
) -> Result<(Source, DatasetInfo), InvalidSetting> {
    let drawn = Source::draw_parameters(source)?;
    // Here, where nothing is written yet; after it N S never overflows.
    drawn.token_bytes(samples)?;
    let info = DatasetInfo {
        source_blake3: drawn.file().map(|facts| facts.blake3.clone()),
        ..DatasetInfo::before_drawing(source, data_seed, samples, split)
    };
    Ok((drawn, info))
}

/// Draws and writes the tokens; returns what is known of them then.
fn write_tokens(
    file: &mut dyn Write,
    source: &Source,
    info: DatasetInfo,
    progress: &mut dyn FnMut(u64),
) -> io::Result<DatasetInfo> {
    let length = info.length as usize;
    let rows = rows_at_a_time(info.length, info.samples);
    let mut draw = source.rows(info.data_seed, info.stream);
    let mut tokens = vec![0; rows * length];
    let mut bytes = Vec::with_capacity(2 * tokens.len());
    let mut hasher = blake3::Hasher::new();
    let mut marginal = Marginal::new(&info.source);
    let mut done = 0;
    while done < info.samples {
        let now = (info.samples - done).min(rows as u64);
        let piece = &mut tokens[..now as usize * length];
        for sequence in piece.chunks_exact_mut(length) {
            // Hash and statistics are taken as the tokens go by, since they are never all in
            // memory.
            draw(sequence);
            marginal.observe(sequence);
        }
        little_endian(piece, &mut bytes);
        hasher.update(&bytes);
        file.write_all(&bytes)?;
        done += now;
        progress(done);
    }
    Ok(DatasetInfo {
        tokens_blake3: hasher.finalize().to_hex().to_string(),
        entropy_bits: marginal.entropy(),
        entropy_bound_bits: marginal.entropy_bound(),
        ..info
    })
}

/// Writes `dataset` into a file at `path`, whole or not at all. Its provenance is `source`, the
/// file that its tokens are out of, and their hash.
///
/// # Errors
/// Settings that are impossible or of other data, a path that is a folder or a device, or anything
/// that goes wrong while writing.
pub fn write(
    path: &Path,
    source: FileSettings,
    dataset: &Dataset,
) -> Result<DatasetInfo, DatasetFileError> {
    let source = SourceSettings::File(source);
    source.validate()?;
    token_bytes(source.length(), dataset.samples as u64)?;
    let tokens_blake3 = dataset.tokens_blake3();
    // No seed drew these tokens; Training is how a file is read from its beginning.
    let info = DatasetInfo {
        source_blake3: Some(tokens_blake3.clone()),
        tokens_blake3,
        ..DatasetInfo::before_drawing(&source, 0, dataset.samples as u64, Split::Training)
    };
    refuse_special(path)?;
    let write = || {
        let mut file = info.header()?;
        let mut tokens = Vec::with_capacity(2 * dataset.tokens.len());
        little_endian(&dataset.tokens, &mut tokens);
        file.extend(tokens);
        write_atomic(path, &file)
    };
    write().map_err(|error| Problem::Write(error).at(path))?;
    Ok(info)
}

/// A rename would put our file in the place of a device such as /dev/null.
fn refuse_special(path: &Path) -> Result<(), DatasetFileError> {
    if path.metadata().is_ok_and(|there| !there.is_file()) {
        let error = io::Error::other("not a regular file");
        return Err(Problem::Write(error).at(path));
    }
    Ok(())
}
