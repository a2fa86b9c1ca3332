//! Drawing a dataset into a file, piece by piece.

use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use super::error::{DatasetFileError, Problem};
use super::header;
use super::info::DatasetInfo;
use crate::dataset::{little_endian, rows_at_a_time};
use crate::draw::{Drawer, token_bytes};
use crate::{Marginal, Source, SourceSettings, Stream};
use bitcap_base::{create_aside, rename};

/// Draws the dataset that [`crate::draw()`] would give into a file at `path`.
///
/// Memory does not grow with `samples`, but for what [`Marginal`] says of copies. The file is written aside in the same folder, synced and
/// renamed: it is there whole or not at all, and a file that stood at `path` is replaced only then.
/// `progress` is called with the number of sequences done, now and then and at the end.
///
/// # Errors
/// Settings that are impossible, a path that is a folder or a device, or anything that goes wrong
/// while writing.
pub fn generate(
    path: &Path,
    source: &SourceSettings,
    data_seed: u64,
    samples: u64,
    which: Stream,
    progress: &mut dyn FnMut(u64),
) -> Result<DatasetInfo, DatasetFileError> {
    let drawn = Source::draw_parameters(source)?;
    let bytes = token_bytes(source, samples)?;
    drawn.check_samples(samples)?;
    let info = DatasetInfo {
        source_blake3: drawn.file().map(|facts| facts.blake3.clone()),
        ..DatasetInfo::before_drawing(source, data_seed, samples, which)
    };
    // A rename would put our file in the place of a device such as /dev/null.
    if path.metadata().is_ok_and(|there| !there.is_file()) {
        return Err(Problem::NotAFile.at(path));
    }
    let drawer = drawn.drawer(data_seed, which);
    write(path, drawer, info, bytes, progress).map_err(|e| Problem::Write(e).at(path))
}

fn write(
    path: &Path,
    drawer: Drawer,
    info: DatasetInfo,
    bytes: u64,
    progress: &mut dyn FnMut(u64),
) -> io::Result<DatasetInfo> {
    let mut file = create_aside(path)?;
    let header = header::to_bytes(&info, bytes)?;
    // A disk that cannot have a file of that size says so now, not when it is full.
    file.as_file().set_len(header.len() as u64 + bytes)?;
    file.write_all(&header)?;
    let (tokens_blake3, entropy_bits) = write_tokens(file.as_file_mut(), drawer, &info, progress)?;
    let info = DatasetInfo {
        tokens_blake3,
        entropy_bits,
        ..info
    };
    file.as_file_mut().seek(SeekFrom::Start(0))?;
    file.write_all(&header::to_bytes(&info, bytes)?)?;
    file.as_file().sync_all()?;
    rename(file, path)?;
    Ok(info)
}

/// Draws and writes the tokens; returns their BLAKE3 and their entropy.
fn write_tokens(
    file: &mut impl Write,
    mut drawer: Drawer,
    info: &DatasetInfo,
    progress: &mut dyn FnMut(u64),
) -> io::Result<(String, Option<f64>)> {
    let length = info.length as usize;
    let rows = rows_at_a_time(info.length, info.samples);
    let mut tokens = vec![0; rows * length];
    let mut bytes = Vec::with_capacity(2 * tokens.len());
    let mut hasher = blake3::Hasher::new();
    let mut marginal = Marginal::new(&info.source);
    let mut done = 0;
    while done < info.samples {
        let now = (info.samples - done).min(rows as u64);
        let piece = &mut tokens[..now as usize * length];
        drawer.fill(piece);
        piece
            .chunks_exact(length)
            .for_each(|sequence| marginal.observe(sequence));
        little_endian(piece, &mut bytes);
        hasher.update(&bytes);
        file.write_all(&bytes)?;
        done += now;
        progress(done);
    }
    let hash = hasher.finalize().to_hex().to_string();
    Ok((hash, marginal.entropy_bits()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::UniformSettings;

    /// A disk with so many bytes left.
    struct Disk(usize);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0 == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let written = bytes.len().min(self.0);
            self.0 -= written;
            Ok(written)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_disk_that_fills_up_ends_the_writing() {
        let source = SourceSettings::Uniform(UniformSettings {
            vocabulary: 2,
            length: 4096,
            seed: 0,
        });
        let write = |disk| {
            let drawer = Drawer::new(&source, 0, Stream::Training).unwrap();
            let info = DatasetInfo::before_drawing(&source, 0, 100, Stream::Training);
            let mut last = 0;
            let result = write_tokens(&mut Disk(disk), drawer, &info, &mut |done| last = done);
            (result.map_err(|e| e.kind()).map(|_| ()), last)
        };
        let all = 2 * 4096 * 100;
        assert_eq!(write(all), (Ok(()), 100));
        assert_eq!(write(all - 1), (Err(io::ErrorKind::StorageFull), 96));
        assert_eq!(write(0), (Err(io::ErrorKind::StorageFull), 0));
    }
}
