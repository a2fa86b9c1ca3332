//! Writing that cannot be done: a clear error, nothing left behind, nothing harmed.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use bitcap_source::file;
use bitcap_source::{SourceSettings, Split, UniformSettings};

const SOURCE: SourceSettings = SourceSettings::Uniform(UniformSettings {
    vocabulary: 2048,
    length: 64,
    seed: 0,
});

fn error(path: &Path, samples: u64) -> String {
    file::generate(path, &SOURCE, 0, samples, Split::Training, &mut |_| ())
        .unwrap_err()
        .to_string()
}

fn names(folder: &Path) -> Vec<String> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn a_missing_folder_is_told_and_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none/data");
    assert!(error(&path, 4).contains("none/data: cannot write the dataset: "));
    assert!(names(folder.path()).is_empty());
}

#[test]
fn a_folder_and_a_file_in_the_way_stay() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    assert!(error(&inner, 4).ends_with("inner: cannot write the dataset: not a regular file"));
    let file = folder.path().join("file");
    fs::write(&file, "kept").unwrap();
    assert!(error(&file.join("data"), 4).contains("cannot write the dataset: "));
    assert_eq!(fs::read(&file).unwrap(), b"kept");
    assert!(names(&inner).is_empty());
}

#[cfg(target_os = "linux")]
#[test]
fn devices_stay_and_folders_nobody_may_write_to_are_told() {
    assert_eq!(
        error(Path::new("/dev/full"), 4),
        "/dev/full: cannot write the dataset: not a regular file"
    );
    let read_only = error(Path::new("/proc/data"), 4);
    assert!(read_only.starts_with("/proc/data: cannot write the dataset: "));
}

#[test]
fn impossible_settings_and_sizes_touch_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    fs::write(&path, "kept").unwrap();
    assert!(error(&path, 0).starts_with("`data.samples` is 0; it must be from 1 to "));
    assert!(error(&path, u64::MAX).starts_with("`data.samples` is 18446744073709551615; "));
    let bad = SourceSettings::Uniform(UniformSettings {
        vocabulary: 1,
        length: 64,
        seed: 0,
    });
    let error = file::generate(&path, &bad, 0, 4, Split::Training, &mut |_| ()).unwrap_err();
    assert!(error.to_string().starts_with("`source.vocabulary` is 1; "));
    assert_eq!(fs::read(&path).unwrap(), b"kept");
    assert_eq!(names(folder.path()), ["data"]);
}

/// 2^62 bytes: below what a file's length can be, above what any disk takes.
#[test]
fn a_file_that_no_disk_can_have_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    fs::write(&path, "kept").unwrap();
    assert!(error(&path, 1 << 55).contains("data: cannot write the dataset: "));
    assert_eq!(fs::read(&path).unwrap(), b"kept");
    assert_eq!(names(folder.path()), ["data"]);
}

/// The folder that the child process of the next test writes to.
const CHILD: &str = "BITCAP_TEST_LIMITED_FOLDER";

/// This test runs itself again as a process whose files may not grow beyond a few kilobytes: the
/// file is there and then cannot have its size, and no test needs a full disk.
#[cfg(unix)]
#[test]
fn a_file_that_cannot_grow_leaves_what_was_there() {
    use std::process::Command;
    if let Some(folder) = std::env::var_os(CHILD) {
        let error = error(&Path::new(&folder).join("data"), 1000);
        assert!(
            error.contains("data: cannot write the dataset: "),
            "{error}"
        );
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("data"), "kept").unwrap();
    let output = Command::new("sh")
        .arg("-c")
        .arg("trap '' XFSZ; ulimit -f 8 && exec \"$0\" --exact \"$1\"")
        .arg(std::env::current_exe().unwrap())
        .arg("a_file_that_cannot_grow_leaves_what_was_there")
        .env(CHILD, folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    assert_eq!(fs::read(folder.path().join("data")).unwrap(), b"kept");
    assert_eq!(names(folder.path()), ["data"]);
}

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
    let write = |bytes| {
        let mut last = 0;
        let progress = &mut |done| last = done;
        let mut disk = Disk(bytes);
        let written = file::generate_to(&mut disk, &SOURCE, 0, 5000, Split::Training, progress);
        (written.map_err(|error| error.to_string()), last, disk.0)
    };
    let (written, last, left) = write(1 << 20);
    assert_eq!((written.unwrap().samples, last), (5000, 5000));
    let all = (1 << 20) - left;
    // One byte less: the last piece, of 904 sequences, is missing.
    for (bytes, reached) in [(all - 1, 4548), (0, 2500)] {
        let (written, last, _) = write(bytes);
        assert!(
            written
                .unwrap_err()
                .starts_with("-: cannot write the dataset: ")
        );
        assert_eq!(last, reached);
    }
}
