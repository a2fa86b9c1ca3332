//! Reading a dataset file, with everything in it checked.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use super::error::{DatasetFileError, Problem};
use super::header;
use super::info::{DatasetInfo, entropy_text};
use crate::dataset::rows_at_a_time;
use crate::{Dataset, Drawer, Marginal, Source};

/// Reads a dataset into memory: 2 N S bytes.
///
/// # Errors
/// Everything [`inspect`] finds, and tokens that do not fit this machine's memory.
pub fn read(path: &Path) -> Result<(Dataset, DatasetInfo), DatasetFileError> {
    read_checked(path).map_err(|problem| problem.at(path))
}

/// Checks a dataset file from its first byte to its last, in a stream: header, size, shape, that
/// every token is in the vocabulary, the hash, and that the tokens are what the source, seed and
/// stream in the header give, and so is their entropy. Where the source is a user's file, which need
/// not be at hand, the hash must do; that of the user's file is in the provenance. Returns the
/// provenance. `progress` is called with the number of sequences checked, now and then and at the
/// end.
///
/// # Errors
/// The first thing that is wrong with the file.
pub fn inspect(
    path: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<DatasetInfo, DatasetFileError> {
    open(path)
        .and_then(|(mut file, info)| {
            check_tokens(&mut file, &info, |_, done| progress(done))?;
            Ok(info)
        })
        .map_err(|problem| problem.at(path))
}

fn read_checked(path: &Path) -> Result<(Dataset, DatasetInfo), Problem> {
    let (mut file, info) = open(path)?;
    let length = info.length as usize;
    // Below 2^64: the header has been held against the size of the file.
    let count = info.samples * u64::from(info.length);
    let mut tokens = Vec::new();
    usize::try_from(count)
        .ok()
        .and_then(|count| tokens.try_reserve_exact(count).ok())
        .ok_or(Problem::TooLarge(2 * count))?;
    check_tokens(&mut file, &info, |piece, _| tokens.extend_from_slice(piece))?;
    let dataset = Dataset {
        samples: tokens.len() / length,
        tokens,
        length,
        vocabulary: info.vocabulary,
    };
    Ok((dataset, info))
}

fn open(path: &Path) -> Result<(File, DatasetInfo), Problem> {
    // Asked before it is opened: opening a pipe would wait for a writer.
    if !fs::metadata(path).map_err(Problem::Open)?.is_file() {
        return Err(Problem::NotAFile);
    }
    let mut file = File::open(path).map_err(Problem::Open)?;
    let info = header::read(&mut file)?;
    Ok((file, info))
}

/// Reads the tokens and checks them; `take` gets them piece by piece, with the sequences done.
fn check_tokens(
    file: &mut File,
    info: &DatasetInfo,
    mut take: impl FnMut(&[u16], u64),
) -> Result<(), Problem> {
    let length = info.length as usize;
    let rows = rows_at_a_time(info.length, info.samples);
    let mut drawer = redrawer(info)?;
    let mut marginal = Marginal::new(&info.source);
    let mut drawn = vec![0; rows * length];
    let mut as_drawn = true;
    let mut bytes = vec![0; 2 * rows * length];
    let mut tokens = Vec::with_capacity(rows * length);
    let mut hasher = blake3::Hasher::new();
    let mut done = 0;
    while done < info.samples {
        let now = (info.samples - done).min(rows as u64);
        let bytes = &mut bytes[..2 * now as usize * length];
        file.read_exact(bytes).map_err(Problem::Read)?;
        hasher.update(bytes);
        tokens.clear();
        tokens.extend(
            bytes
                .chunks_exact(2)
                .map(|b| u16::from_le_bytes([b[0], b[1]])),
        );
        let outside = |&token: &u16| u32::from(token) >= info.vocabulary;
        if let Some(at) = tokens.iter().position(outside) {
            return Err(Problem::TokenOutOfRange {
                sequence: done + (at / length) as u64,
                position: at % length,
                token: tokens[at],
                vocabulary: info.vocabulary,
            });
        }
        if let Some(drawer) = &mut drawer {
            let drawn = &mut drawn[..tokens.len()];
            drawer.fill(drawn);
            as_drawn &= drawn == tokens;
        }
        tokens
            .chunks_exact(length)
            .for_each(|sequence| marginal.observe(sequence));
        done += now;
        take(&tokens, done);
    }
    let found = hasher.finalize().to_hex().to_string();
    if found != info.tokens_blake3 {
        return Err(Problem::Altered {
            found,
            expected: info.tokens_blake3.clone(),
        });
    }
    if !as_drawn {
        return Err(Problem::NotFromSource);
    }
    let entropy = marginal.entropy_bits();
    if entropy != info.entropy_bits {
        return Err(Problem::Metadata {
            key: "entropy_bits",
            found: entropy_text(info.entropy_bits),
            expected: format!("{}, by its source and tokens", entropy_text(entropy)),
        });
    }
    Ok(())
}

/// Draws the tokens anew; None where they came from a user's file.
fn redrawer(info: &DatasetInfo) -> Result<Option<Drawer>, Problem> {
    if !info.source.entropy_is_known() {
        return Ok(None);
    }
    let source = Source::of_valid(&info.source).map_err(|invalid| Problem::Metadata {
        key: "source",
        found: info.source.kind().into(),
        expected: format!("a valid source ({invalid})"),
    })?;
    Ok(Some(source.drawer(info.data_seed, info.stream)))
}
