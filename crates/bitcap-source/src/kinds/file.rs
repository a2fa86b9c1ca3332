//! A user's own file as a source: bytes, or tokens, cut into sequences of S.
//!
//! Nobody knows the distribution it came from, so that no entropy and no probability is given. The
//! training stream goes from the first whole sequence of the file onwards, the fresh stream from the
//! last one backwards (each sequence read forwards): both have the prefix property, and as long as
//! there are no more of both than the file has, fresh data are held out of training. What is left
//! after the last whole sequence is dropped. Seeds change nothing.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::dataset::{PIECE, with_room};
use crate::file::tokens::{TokenFile, check_hash, open_regular};
use crate::kind::{FileFacts, Kind, Parameters, Rows, Statistics};
use crate::{Split, is_blake3};
use bitcap_base::{InvalidSetting, in_range};

/// How the file holds its tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum FileFormat {
    /// Any file: each byte is a token (V = 256).
    Bytes,
    /// Tokens of two bytes each, little-endian, and nothing else.
    U16,
    /// A dataset file of bitcap; its sequences are joined and cut anew.
    Dataset,
}

impl FileFormat {
    /// Bytes a token.
    fn width(self) -> usize {
        match self {
            Self::Bytes => 1,
            Self::U16 | Self::Dataset => 2,
        }
    }
}

/// Settings of a source that is a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileSettings {
    /// The file. A relative path begins at the folder of the experiment file. The whole file is held
    /// in memory.
    pub path: PathBuf,
    /// Where the file was found when the cell was planned, as a whole path: what is read from then
    /// on, wherever a program runs. Not part of a cell's identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub resolved: Option<PathBuf>,
    /// How the file holds its tokens.
    pub format: FileFormat,
    /// Vocabulary V, 2 to 65,536; tokens are below it. Required unless `format` is `"bytes"`, where
    /// it is 256.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vocabulary: Option<u32>,
    /// Sequence length S, 1 to 4,096 tokens.
    pub length: u32,
    /// The BLAKE3 that the content must have ([`FileFacts::blake3`]), where it is settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub blake3: Option<String>,
    /// Without effect: a file has no parameters to draw.
    pub seed: u64,
}

impl Kind for FileSettings {
    fn validate(&self) -> Result<(), InvalidSetting> {
        in_range("source.length", self.length, 1, 4096)?;
        if self.path.as_os_str().is_empty() {
            return Err(InvalidSetting::new(
                "source.path",
                "empty",
                "the path of a file",
            ));
        }
        if let Some(hash) = self.blake3.as_ref().filter(|hash| !is_blake3(hash)) {
            let allowed = "left out, or 64 lower-case hexadecimal digits";
            return Err(InvalidSetting::new(
                "source.blake3",
                format!("{hash:?}"),
                allowed,
            ));
        }
        let key = "source.vocabulary";
        match (self.format, self.vocabulary) {
            (FileFormat::Bytes, Some(vocabulary)) if vocabulary != 256 => {
                let allowed = "left out, or 256: the tokens of `bytes` are bytes";
                Err(InvalidSetting::new(key, vocabulary, allowed))
            }
            (FileFormat::Bytes, _) => Ok(()),
            (_, Some(vocabulary)) => in_range(key, vocabulary, 2, 65_536),
            (_, None) => {
                let allowed = "given, from 2 to 65536, unless source.format is \"bytes\"";
                Err(InvalidSetting::new(key, "missing", allowed))
            }
        }
    }

    fn common(&self) -> (u32, u32, u64) {
        (self.vocabulary.unwrap_or(256), self.length, self.seed)
    }

    fn entropy_is_known(&self) -> bool {
        false
    }

    /// Of uniform data.
    fn expected_entropy_bits(&self, samples: u64) -> f64 {
        let vocabulary = f64::from(self.vocabulary());
        samples as f64 * f64::from(self.length) * libm::log2(vocabulary)
    }

    fn parameters(&self) -> Result<Arc<dyn Parameters>, InvalidSetting> {
        let (facts, bytes) = self.scan(true)?;
        let width = self.format.width();
        Ok(Arc::new(UserFile {
            bytes,
            width,
            facts,
        }))
    }

    fn statistics(&self) -> Option<Box<dyn Statistics>> {
        None
    }
}

impl FileSettings {
    /// What is read.
    pub(crate) fn found(&self) -> &Path {
        self.resolved.as_ref().unwrap_or(&self.path)
    }

    /// What the file of valid settings holds, by one pass that keeps nothing of it.
    pub(crate) fn inspect(&self) -> Result<FileFacts, InvalidSetting> {
        Ok(self.scan(false)?.0)
    }

    /// Goes through the file of valid settings once, and checks all of it. The bytes of its tokens come
    /// with what it holds if they are to be kept.
    fn scan(&self, keep: bool) -> Result<(FileFacts, Vec<u8>), InvalidSetting> {
        let path = self.found().display();
        let wrong = |more: &str, allowed: String| {
            InvalidSetting::new("source.path", format!("`{path}`{more}"), allowed)
        };
        let unreadable = |error| wrong("", format!("a file that can be read ({error})"));
        let unsound = |problem| wrong("", format!("a sound dataset file ({problem})"));
        // A dataset file is opened at its first token, so that all formats are read alike from
        // here. Its tokens are held against the vocabulary of these settings, not against its own.
        let (file, claimed) = match self.format {
            FileFormat::Dataset => {
                let TokenFile { file, blake3, .. } =
                    TokenFile::open(self.found()).map_err(unsound)?;
                (file, Some(blake3))
            }
            FileFormat::Bytes | FileFormat::U16 => {
                (open_regular(self.found()).map_err(unreadable)?, None)
            }
        };
        let mut kept = Vec::new();
        if keep {
            let size = file.metadata().map_err(unreadable)?.len();
            kept = with_room(size).ok_or_else(|| {
                let allowed = "a file that fits this machine's memory".into();
                wrong(&format!(", of {size} bytes"), allowed)
            })?;
        }
        let width = self.format.width();
        let mut hasher = blake3::Hasher::new();
        let mut piece = Vec::with_capacity(2 * PIECE);
        let (mut bytes, mut largest) = (0, 0);
        loop {
            piece.clear();
            // Filled whole, and even in bytes: no token of two is cut between pieces.
            let mut next = (&file).take(2 * PIECE as u64);
            next.read_to_end(&mut piece).map_err(unreadable)?;
            if piece.is_empty() {
                break;
            }
            bytes += piece.len();
            hasher.update(&piece);
            // A byte is always below 256, the one vocabulary that bytes have.
            if width > 1 {
                largest = tokens(&piece, width).fold(largest, u16::max);
            }
            if keep {
                kept.extend_from_slice(&piece);
            }
        }
        let blake3 = hasher.finalize().to_hex().to_string();
        // From the cause to what follows from it: of a file that is damaged or was changed that is
        // to be said, not that one of its tokens is too large or its length odd.
        if let Some(claimed) = claimed {
            check_hash(&blake3, &claimed).map_err(unsound)?;
        }
        if let Some(settled) = self.blake3.as_ref().filter(|settled| **settled != blake3) {
            let allowed = format!("{blake3}, the BLAKE3 of `{path}`: the file was changed");
            return Err(InvalidSetting::new("source.blake3", settled, allowed));
        }
        if !bytes.is_multiple_of(width) {
            let allowed = "a file of whole tokens, two bytes each".into();
            return Err(wrong(&format!(", of {bytes} bytes"), allowed));
        }
        let vocabulary = self.vocabulary();
        if u32::from(largest) >= vocabulary {
            let allowed = format!("above {largest}, the largest token of `{path}`");
            return Err(InvalidSetting::new(
                "source.vocabulary",
                vocabulary,
                allowed,
            ));
        }
        let (count, length) = (bytes / width, self.length as usize);
        if count < length {
            let allowed = format!("a file of at least one sequence, {length} tokens");
            return Err(wrong(&format!(", of {count} tokens"), allowed));
        }
        let facts = FileFacts {
            sequences: (count / length) as u64,
            dropped_tokens: (count % length) as u64,
            blake3,
        };
        Ok((facts, kept))
    }
}

/// Tokens of one byte each, or of two, the lower first.
fn tokens(bytes: &[u8], width: usize) -> impl Iterator<Item = u16> {
    let token = |bytes: &[u8]| {
        bytes
            .iter()
            .rev()
            .fold(0, |token, &byte| token << 8 | u16::from(byte))
    };
    bytes.chunks_exact(width).map(token)
}

/// A file that has been read.
#[derive(Debug)]
struct UserFile {
    /// Its tokens, in the least memory: so many bytes each.
    bytes: Vec<u8>,
    width: usize,
    facts: FileFacts,
}

impl Parameters for UserFile {
    fn log2_probability(&self, _: &[u16]) -> Option<f64> {
        None
    }

    /// From the file's beginning, or from its end backwards.
    fn rows(self: Arc<Self>, _data_seed: u64, split: Split) -> Rows {
        let mut drawn = 0;
        Box::new(move |row| {
            let sequences = self.facts.sequences;
            assert!(drawn < sequences, "the file has {sequences} sequences only");
            let at = match split {
                Split::Training => drawn,
                Split::Fresh => sequences - 1 - drawn,
            };
            drawn += 1;
            // Within the file, which is in memory.
            let bytes = &self.bytes[at as usize * row.len() * self.width..];
            for (token, found) in row.iter_mut().zip(tokens(bytes, self.width)) {
                *token = found;
            }
        })
    }

    fn file(&self) -> Option<&FileFacts> {
        Some(&self.facts)
    }
}
