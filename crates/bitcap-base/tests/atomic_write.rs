//! Files that a process which was killed left half written.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use bitcap_base::{remove_partial, write_all_atomic, write_atomic};

fn names(folder: &std::path::Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn only_what_is_ours_and_old_enough_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    for name in [
        ".bitcap-aB3.partial",
        ".bitcap-old.partial",
        ".bitcap-x",
        "x.partial",
    ] {
        fs::write(path.join(name), "half").unwrap();
    }
    let old = File::options()
        .write(true)
        .open(path.join(".bitcap-old.partial"))
        .unwrap();
    let hour = Duration::from_secs(3600);
    old.set_modified(SystemTime::now() - 2 * hour).unwrap();
    remove_partial(path, hour).unwrap();
    assert_eq!(
        names(path),
        [".bitcap-aB3.partial", ".bitcap-x", "x.partial"]
    );
    remove_partial(path, Duration::ZERO).unwrap();
    assert_eq!(names(path), [".bitcap-x", "x.partial"]);
    remove_partial(&path.join("none"), Duration::ZERO).unwrap();
}

#[test]
fn of_several_files_none_takes_its_place_before_all_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let file = |name: &str, text: &str| (name.to_owned(), text.as_bytes().to_vec());
    write_atomic(&path.join("a"), b"before").unwrap();
    let (name, _) =
        write_all_atomic(path, &[file("a", "after"), file("none/b", "after")]).unwrap_err();
    assert_eq!(name, "none/b");
    assert_eq!(fs::read(path.join("a")).unwrap(), b"before");
    assert_eq!(names(path), ["a"]);
    write_all_atomic(path, &[file("a", "after"), file("b", "after")]).unwrap();
    assert_eq!(fs::read(path.join("a")).unwrap(), b"after");
    assert_eq!(names(path), ["a", "b"]);
}
