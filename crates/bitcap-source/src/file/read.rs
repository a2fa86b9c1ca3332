//! Reading a dataset file, with everything in it checked.

use std::path::Path;

use super::error::{DatasetFileError, Problem};
use super::info::{DatasetInfo, entropy_text};
use super::tokens::TokenFile;
use crate::dataset::with_room;
use crate::{Dataset, Marginal, Source};

/// Reads a dataset into memory: 2 N S bytes.
///
/// # Errors
/// Everything [`inspect`] finds, and tokens that do not fit this machine's memory.
pub fn read(path: &Path) -> Result<(Dataset, DatasetInfo), DatasetFileError> {
    let read = || {
        let (file, info) = open(path)?;
        // Below 2^64: the header has been held against the size of the file.
        let count = info.samples * u64::from(info.length);
        let mut tokens = with_room(count).ok_or_else(|| {
            let bytes = 2 * count;
            let text = format!("its {bytes} bytes of tokens do not fit this machine's memory");
            Problem::Content(text)
        })?;
        check(file, &info, |piece, _| tokens.extend_from_slice(piece))?;
        let dataset = Dataset {
            tokens,
            samples: info.samples as usize,
            length: info.length as usize,
            vocabulary: info.vocabulary,
        };
        Ok((dataset, info))
    };
    read().map_err(|problem: Problem| problem.at(path))
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
    let inspected = open(path).and_then(|(file, info)| {
        check(file, &info, |_, done| progress(done))?;
        Ok(info)
    });
    inspected.map_err(|problem| problem.at(path))
}

fn open(path: &Path) -> Result<(TokenFile, DatasetInfo), Problem> {
    let file = TokenFile::open(path)?;
    let info = DatasetInfo::of(&file)?;
    Ok((file, info))
}

/// Reads the tokens and checks them; `take` gets them piece by piece, with the sequences done.
fn check(
    file: TokenFile,
    info: &DatasetInfo,
    mut take: impl FnMut(&[u16], u64),
) -> Result<(), Problem> {
    // The sequences drawn anew, unless they came from a user's file.
    let mut rows = info.source.file().is_none().then(|| {
        let source = Source::draw_parameters(&info.source);
        let source = source.expect("valid settings that read no file have parameters");
        source.rows(info.data_seed, info.stream)
    });
    let mut marginal = Marginal::new(&info.source);
    let mut drawn = vec![0; info.length as usize];
    // Remembered and not returned at once: in a file that was altered the hash, which is known at
    // the end only, says better what is wrong.
    let mut as_drawn = true;
    file.read(|tokens, done| {
        for sequence in tokens.chunks_exact(drawn.len()) {
            if let Some(rows) = &mut rows {
                rows(&mut drawn);
                as_drawn &= drawn == sequence;
            }
            marginal.observe(sequence);
        }
        take(tokens, done);
    })?;
    if !as_drawn {
        let text = "its tokens are not what the source, data_seed and stream in its header give";
        return Err(Problem::Content(text.into()));
    }
    // To the last bit, as the marginal is the same on every platform and the text reads back as the
    // same number.
    let by_tokens = |key, claimed, right| {
        if right == claimed {
            return Ok(());
        }
        let expected = format!("{}, by its source and tokens", entropy_text(right));
        Err(Problem::metadata(key, &entropy_text(claimed), expected))
    };
    by_tokens("entropy_bits", info.entropy_bits, marginal.entropy())?;
    let bound = marginal.entropy_bound();
    by_tokens("entropy_bound_bits", info.entropy_bound_bits, bound)
}
