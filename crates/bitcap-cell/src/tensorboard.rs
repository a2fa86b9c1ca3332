//! TensorBoard's event files: the scalars of one training, there as soon as they are made.
//!
//! A file is a sequence of TFRecords, each of them an `Event` of TensorBoard's in protocol buffers.
//! Only the parts of an `Event` that are used here are declared.
//!
//! A value is an f32 there. Whole numbers above 2^24, as bits and tokens may be, are rounded;
//! metrics.csv has the exact figure.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use prost::Message;

/// What TensorBoard looks for in a name is "tfevents".
const PREFIX: &str = "events.out.tfevents.";
/// Tells our files from those of other programs.
const SUFFIX: &str = ".bitcap";
const SECONDS_DIGITS: usize = 10;

const FILE_VERSION: &str = "brain.Event:2";
const SCALARS_PLUGIN: &str = "scalars";
/// `SessionLog.START`.
const SESSION_START: i32 = 1;

/// A training's event file, being written.
pub(crate) struct EventFile {
    file: File,
    path: PathBuf,
}

impl EventFile {
    /// Begins a new event file in `folder`, which is made if need be, in the place of those that
    /// were begun there before, as a training that is resumed needs it. Files of other programs
    /// are left alone. `wall_time` is in seconds since 1970.
    ///
    /// What was there before is emptied, and is removed only the next time. A TensorBoard that runs
    /// without its data server comes back to the file it read last before it looks for a later
    /// one, and never gets past that if it is gone. An empty file shows nothing.
    pub(crate) fn create(folder: &Path, wall_time: f64) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let earlier = empty_earlier_files(folder)?;
        // A float too large, negative or not a number becomes the nearest u64, or 0.
        let now = wall_time as u64;
        // Readers go by the names. Within a second, or where the clock was set back, a process
        // number would decide.
        let seconds = earlier.map_or(now, |earlier| now.max(earlier + 1));
        let path = folder.join(file_name(seconds));
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)?;
        let mut events = Self { file, path };
        events.write(&Event {
            wall_time,
            file_version: Some(FILE_VERSION.to_owned()),
            ..Event::default()
        })?;
        // Makes a TensorBoard without its data server forget the steps it read in an earlier file,
        // from step 0 on. The data server does so by itself, when a step comes again.
        events.write(&Event {
            wall_time,
            session_log: Some(SessionLog {
                status: SESSION_START,
            }),
            ..Event::default()
        })?;
        Ok(events)
    }

    /// Adds the scalars of one step, by tag. A reader has them as soon as this returns. After an
    /// error the file may end in part of a record: nothing more can be added to it.
    pub(crate) fn scalars(
        &mut self,
        wall_time: f64,
        step: u64,
        scalars: &[(&str, f64)],
    ) -> io::Result<()> {
        let value = scalars
            .iter()
            .map(|&(tag, number)| Value::scalar(tag, number));
        self.write(&Event {
            wall_time,
            step: i64::try_from(step).map_err(io::Error::other)?,
            summary: Some(Summary {
                value: value.collect(),
            }),
            ..Event::default()
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// One write for each record: a process that is killed leaves at most its last record in part,
    /// and readers pass over that.
    fn write(&mut self, event: &Event) -> io::Result<()> {
        self.file.write_all(&record(&event.encode_to_vec()))
    }
}

/// Empties our files in a folder, removes those that already were, and says what seconds the last
/// of them has in its name.
fn empty_earlier_files(folder: &Path) -> io::Result<Option<u64>> {
    let mut last = None;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Some(seconds) = entry.file_name().to_str().and_then(seconds_of) else {
            continue;
        };
        last = last.max(Some(seconds));
        if entry.metadata()?.len() == 0 {
            fs::remove_file(entry.path())?;
        } else {
            File::create(entry.path())?;
        }
    }
    Ok(last)
}

/// As TensorFlow names them: seconds, host, process, files this process has begun before. The host
/// stays unsaid: nothing reads it, and the files may be given to others.
fn file_name(seconds: u64) -> String {
    static BEGUN: AtomicU64 = AtomicU64::new(0);
    let process = process::id();
    let begun = BEGUN.fetch_add(1, Ordering::Relaxed);
    format!("{PREFIX}{seconds:0SECONDS_DIGITS$}.host.{process}.{begun}{SUFFIX}")
}

/// The seconds in the name of a file, where it is one of ours.
fn seconds_of(name: &str) -> Option<u64> {
    let (seconds, _) = name
        .strip_prefix(PREFIX)?
        .strip_suffix(SUFFIX)?
        .split_once('.')?;
    (seconds.len() == SECONDS_DIGITS)
        .then(|| seconds.parse().ok())
        .flatten()
}

/// A TFRecord: length and data, a checksum after each.
fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let length_checksum = masked_crc32c(&length).to_le_bytes();
    let data_checksum = masked_crc32c(data).to_le_bytes();
    [&length[..], &length_checksum, data, &data_checksum].concat()
}

/// TFRecords mask their checksums, as the CRC of data that holds CRCs is a poor one.
fn masked_crc32c(data: &[u8]) -> u32 {
    crc32c::crc32c(data)
        .rotate_right(15)
        .wrapping_add(0xa282_ead8)
}

// What is an `Option` below is one of several fields that exclude each other, or has to be written
// where it is 0 as well.

#[derive(Clone, PartialEq, Message)]
struct Event {
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
    #[prost(message, optional, tag = "7")]
    session_log: Option<SessionLog>,
}

#[derive(Clone, PartialEq, Message)]
struct SessionLog {
    #[prost(int32, tag = "1")]
    status: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Value>,
}

#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
    #[prost(message, optional, tag = "9")]
    metadata: Option<Metadata>,
}

#[derive(Clone, PartialEq, Message)]
struct Metadata {
    #[prost(message, optional, tag = "1")]
    plugin_data: Option<PluginData>,
}

#[derive(Clone, PartialEq, Message)]
struct PluginData {
    #[prost(string, tag = "1")]
    plugin_name: String,
}

impl Value {
    fn scalar(tag: &str, number: f64) -> Self {
        let plugin_data = PluginData {
            plugin_name: SCALARS_PLUGIN.to_owned(),
        };
        Self {
            tag: tag.to_owned(),
            simple_value: Some(number as f32),
            metadata: Some(Metadata {
                plugin_data: Some(plugin_data),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_crc32c_masked() {
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
        // The low 15 bits, 0x1283, on top of the others, 0x1c60d: 0x2507c60d, plus the constant.
        assert_eq!(masked_crc32c(b"123456789"), 0xc78a_b0e5);
    }

    /// The bytes are those that tensorboard 2.21.0 writes with its own `RecordWriter`.
    #[test]
    fn records_are_those_tensorboard_writes() {
        let folder = tempfile::tempdir().unwrap();
        let mut events = EventFile::create(folder.path(), 1.5).unwrap();
        events
            .scalars(1.5, 300, &[("loss", 0.0), ("bits", -2.0)])
            .unwrap();
        let found: String = fs::read(events.path())
            .unwrap()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let expected = concat!(
            "1800000000000000a37f4b22",
            "09000000000000f83f1a0d627261696e2e4576656e743a32",
            "2a28646c",
            "0d000000000000003c37b834",
            "09000000000000f83f3a020801",
            "b718825c",
            "420000000000000079f36eaa",
            "09000000000000f83f10ac02",
            "2a34",
            "0a180a046c6f737315000000004a0b0a090a077363616c617273",
            "0a180a046269747315000000c04a0b0a090a077363616c617273",
            "39be095e",
        );
        assert_eq!(found, expected);
    }

    /// Reads a whole file back, checksums too.
    fn read(path: &Path) -> Vec<Event> {
        let bytes = fs::read(path).unwrap();
        let mut rest = bytes.as_slice();
        let mut events = Vec::new();
        while !rest.is_empty() {
            let (length, _) = rest.split_first_chunk().unwrap();
            let data = &rest[12..][..usize::try_from(u64::from_le_bytes(*length)).unwrap()];
            let framed = record(data);
            assert!(rest.starts_with(&framed));
            rest = &rest[framed.len()..];
            events.push(Event::decode(data).unwrap());
        }
        events
    }

    #[test]
    fn scalars_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut events = EventFile::create(&folder.path().join("a/b"), 100.0).unwrap();
        events
            .scalars(101.25, 0, &[("loss", 3.5), ("bits", 16_777_217.0)])
            .unwrap();
        events.scalars(102.25, 10, &[("loss", f64::NAN)]).unwrap();
        let found = read(events.path());
        assert_eq!(found.len(), 4);
        assert_eq!(found[0].file_version.as_deref(), Some("brain.Event:2"));
        assert_eq!(found[1].session_log, Some(SessionLog { status: 1 }));
        assert_eq!((found[2].wall_time, found[2].step), (101.25, 0));
        let values: Vec<_> = found[2]
            .summary
            .iter()
            .flat_map(|summary| &summary.value)
            .map(|value| (value.tag.as_str(), value.simple_value()))
            .collect();
        assert_eq!(values, [("loss", 3.5), ("bits", 16_777_216.0)]);
        assert_eq!(found[3].step, 10);
        let values = &found[3].summary.as_ref().unwrap().value;
        assert!(values[0].simple_value().is_nan());
    }

    /// Names of the files in a folder with their lengths, sorted.
    fn listing(folder: &Path) -> Vec<(String, u64)> {
        let mut files: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let name = entry.file_name().into_string().unwrap();
                (name, entry.metadata().unwrap().len())
            })
            .collect();
        files.sort();
        files
    }

    #[test]
    fn a_new_file_takes_the_place_of_earlier_ones() {
        let folder = tempfile::tempdir().unwrap();
        let other = folder
            .path()
            .join("events.out.tfevents.0000000001.host.1.0");
        fs::write(&other, "of another program").unwrap();
        let name = |events: &EventFile| {
            let name = events.path().file_name().unwrap();
            name.to_str().unwrap().to_owned()
        };
        let mut names = Vec::new();
        for _ in 0..3 {
            let mut events = EventFile::create(folder.path(), 1e9).unwrap();
            events.scalars(1e9, 1, &[("loss", 1.0)]).unwrap();
            names.push(name(&events));
        }
        let found = listing(folder.path());
        assert_eq!(found.len(), 3);
        assert_eq!(fs::read(other).unwrap(), b"of another program");
        assert_eq!(found[1], (names[1].clone(), 0));
        assert_eq!(found[2].0, names[2]);
        assert!(found[2].1 > 0);
    }

    #[test]
    fn names_sort_in_the_order_of_their_beginning() {
        let folder = tempfile::tempdir().unwrap();
        // A process with a greater number, in the same second.
        let before = "events.out.tfevents.1000000000.host.99999999.9.bitcap";
        fs::write(folder.path().join(before), "x").unwrap();
        let mut last = folder.path().join(before);
        // Twelve, so that the count of files gets a second digit; then the clock is set back.
        for wall_time in [1e9; 12].into_iter().chain([5e8, 2e9]) {
            let events = EventFile::create(folder.path(), wall_time).unwrap();
            assert!(events.path() > last.as_path());
            last = events.path().to_owned();
        }
        let name = last.file_name().unwrap().to_str().unwrap();
        assert_eq!(seconds_of(name), Some(2_000_000_000));
    }
}
