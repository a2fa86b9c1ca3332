//! A user's own file as a source: bytes, or tokens, cut into sequences of S.
//!
//! Nobody knows the distribution it came from, so that no entropy and no probability is given. The
//! training stream goes from the first whole sequence of the file onwards, the fresh stream from the
//! last one backwards (each sequence read forwards): both have the prefix property, and as long as
//! there are no more of both than the file has, fresh data are held out of training. What is left
//! after the last whole sequence is dropped. Seeds change nothing.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::settings::in_range;
use crate::{Dataset, Stream, file};
use bitcap_base::InvalidSetting;

/// How the file holds its tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileFormat {
    /// Any file, each byte a token; V = 256.
    Bytes,
    /// Nothing but tokens of two bytes, the lower first.
    U16,
    /// A dataset file of bitcap's, whose sequences are joined and cut anew.
    Dataset,
}

/// Settings of a source that is a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSettings {
    /// The file; a relative path begins at the working directory. It is held in memory whole.
    pub path: PathBuf,
    /// How it holds its tokens.
    pub format: FileFormat,
    /// Vocabulary V, 2 to 65,536, above every token; left out for bytes, which have 256.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vocabulary: Option<u32>,
    /// Length S, 1 to 4,096 tokens a sequence.
    pub length: u32,
    /// Kept so that all sources are set alike; a file has no parameters to draw.
    pub seed: u64,
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileFacts {
    /// Whole sequences.
    pub sequences: u64,
    /// Tokens after the last whole sequence: dropped.
    pub dropped_tokens: u64,
    /// BLAKE3 of the file's bytes, of a dataset's tokens (`u16` little-endian); 64 hexadecimal
    /// digits.
    pub blake3: String,
}

impl FileSettings {
    pub(crate) fn validate(&self) -> Result<(), InvalidSetting> {
        in_range("source.length", self.length, 1, 4096)?;
        let wrong = |key: &str, found: String, allowed: &str| {
            Err(InvalidSetting {
                key: key.into(),
                found,
                allowed: allowed.into(),
            })
        };
        if self.path.as_os_str().is_empty() {
            return wrong("source.path", "empty".into(), "the path of a file");
        }
        match (self.format, self.vocabulary) {
            (FileFormat::Bytes, Some(vocabulary)) if vocabulary != 256 => {
                let allowed = "left out, or 256: the tokens of `bytes` are bytes";
                wrong("source.vocabulary", vocabulary.to_string(), allowed)
            }
            (FileFormat::Bytes, _) => Ok(()),
            (_, Some(vocabulary)) => in_range("source.vocabulary", vocabulary, 2, 65_536),
            (_, None) => {
                let allowed = "given, from 2 to 65536, unless source.format is \"bytes\"";
                wrong("source.vocabulary", "missing".into(), allowed)
            }
        }
    }

    pub(crate) fn vocabulary(&self) -> u32 {
        self.vocabulary.unwrap_or(256)
    }
}

/// The tokens of a file, in the least memory.
#[derive(Debug)]
enum Tokens {
    Bytes(Vec<u8>),
    Wide(Vec<u16>),
}

/// A file that has been read.
#[derive(Debug)]
pub(crate) struct UserFile {
    tokens: Tokens,
    length: usize,
    pub(crate) facts: FileFacts,
}

impl UserFile {
    /// Reads the file of valid settings.
    pub(crate) fn read(settings: &FileSettings) -> Result<Self, InvalidSetting> {
        let name = settings.path.display();
        let wrong = |key: &str, found: String, allowed: String| InvalidSetting {
            key: key.into(),
            found,
            allowed,
        };
        let unreadable = |allowed| wrong("source.path", format!("`{name}`"), allowed);
        let bytes = || {
            // Asked before it is opened: opening a pipe would wait for a writer.
            let there = std::fs::metadata(&settings.path);
            if there.is_ok_and(|there| !there.is_file()) {
                return Err(unreadable("a regular file".into()));
            }
            std::fs::read(&settings.path)
                .map_err(|error| unreadable(format!("a file that can be read ({error})")))
        };
        let (tokens, blake3) = match settings.format {
            FileFormat::Bytes => {
                let bytes = bytes()?;
                let hash = blake3::hash(&bytes).to_hex().to_string();
                (Tokens::Bytes(bytes), hash)
            }
            FileFormat::U16 => {
                let bytes = bytes()?;
                let (pairs, []) = bytes.as_chunks::<2>() else {
                    let found = format!("`{name}`, of {} bytes", bytes.len());
                    let allowed = "a file of whole tokens, two bytes each".into();
                    return Err(wrong("source.path", found, allowed));
                };
                let tokens = pairs.iter().map(|&pair| u16::from_le_bytes(pair)).collect();
                let hash = blake3::hash(&bytes).to_hex().to_string();
                (Tokens::Wide(tokens), hash)
            }
            FileFormat::Dataset => {
                let (Dataset { tokens, .. }, info) = file::read(&settings.path)
                    .map_err(|e| unreadable(format!("a sound dataset file ({e})")))?;
                (Tokens::Wide(tokens), info.tokens_blake3)
            }
        };
        let count = match &tokens {
            Tokens::Bytes(bytes) => bytes.len(),
            Tokens::Wide(tokens) => tokens.len(),
        };
        if let Tokens::Wide(tokens) = &tokens
            && let Some(&largest) = tokens.iter().max()
            && u32::from(largest) >= settings.vocabulary()
        {
            let allowed = format!("above {largest}, the largest token of `{name}`");
            let found = settings.vocabulary().to_string();
            return Err(wrong("source.vocabulary", found, allowed));
        }
        let length = settings.length as usize;
        if count < length {
            let found = format!("`{name}`, of {count} tokens");
            let allowed = format!("a file of at least one sequence, {length} tokens");
            return Err(wrong("source.path", found, allowed));
        }
        Ok(Self {
            tokens,
            length,
            facts: FileFacts {
                sequences: (count / length) as u64,
                dropped_tokens: (count % length) as u64,
                blake3,
            },
        })
    }

    /// Sequence number `drawn` (from 0) of a stream.
    ///
    /// # Panics
    /// Where the file has no more sequences.
    pub(crate) fn sequence(&self, drawn: u64, which: Stream, row: &mut [u16]) {
        let sequences = self.facts.sequences;
        assert!(drawn < sequences, "the file has {sequences} sequences only");
        let at = match which {
            Stream::Training => drawn,
            Stream::Fresh => sequences - 1 - drawn,
        };
        // Within the file, which is in memory.
        let start = at as usize * self.length;
        match &self.tokens {
            Tokens::Bytes(bytes) => {
                for (token, &byte) in row.iter_mut().zip(&bytes[start..]) {
                    *token = u16::from(byte);
                }
            }
            Tokens::Wide(tokens) => row.copy_from_slice(&tokens[start..][..self.length]),
        }
    }
}
