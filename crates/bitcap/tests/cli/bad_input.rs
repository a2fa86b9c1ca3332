//! Experiments that are wrong: one clear error, and nothing made.

use std::fs;

use crate::{Place, TINY, refused};

#[test]
fn what_is_wrong_is_named_with_its_place_and_what_would_be_right() {
    let cases: [(&str, &str, &[&str]); 13] = [
        (
            "steps = 6",
            "stesp = 6",
            &["e.toml:15:1", "`train.stesp`", "did you mean `train.steps`"],
        ),
        (
            "[train]",
            "[trian]",
            &["e.toml:13:2", "`trian`", "did you mean `train`"],
        ),
        (
            "steps = 6",
            "steps = \"six\"",
            &["e.toml:15:9", "`train.steps`", "\"six\"", "integer"],
        ),
        (
            "vocabulary = 4",
            "vocabulary = 1",
            &["e.toml:5:14", "`source.vocabulary` is 1", "2 to 65536"],
        ),
        (
            "length = 4",
            "length = 0",
            &["e.toml:6:10", "`source.length` is 0", "1 to 4096"],
        ),
        (
            "heads = 2",
            "heads = 3",
            &[
                "e.toml:10:9",
                "`model.heads` is 3",
                "divisor",
                "model.width = 4",
            ],
        ),
        (
            "[4]",
            "[]",
            &[
                "e.toml:21:17",
                "`grid.model.width` is []",
                "at least one value",
            ],
        ),
        (
            "[4, 9]",
            "[4, 4]",
            &["e.toml:22:22", "grid.data.samples", "once"],
        ),
        (
            "[4, 9]",
            "[0]",
            &["e.toml:22:19", "`data.samples` is 0", "from 1 to"],
        ),
        (
            "[4, 9]",
            "[300000000000]",
            &[
                "e.toml:22:19",
                "300000000000",
                "274877906944",
                "2^40 tokens",
            ],
        ),
        ("steps = 6", "steps = ", &["e.toml:15:9", "not valid TOML"]),
        (
            "steps = 6",
            "steps = 6\nsteps = 7",
            &["e.toml:16:1", "not valid TOML", "duplicate"],
        ),
        (
            "name = \"tiny\"",
            "name = \"../tiny\"",
            &["e.toml:1:8", "`name`", "letters"],
        ),
    ];
    for (from, to, words) in cases {
        assert_eq!(TINY.matches(from).count(), 1, "{from}");
        let place = Place::new(&TINY.replace(from, to));
        for arguments in [
            &["sweep", "e.toml"][..],
            &["sweep", "e.toml", "--dry-run"],
            &["run", "e.toml", "--cell", "0"],
        ] {
            refused(place.bitcap(arguments), words);
        }
        assert_eq!(place.names("."), ["e.toml"]);
    }
}

#[test]
fn overrides_are_checked_like_the_file() {
    let place = Place::new(TINY);
    let cases: [(&str, &[&str]); 6] = [
        (
            "train.stesp=7",
            &["--set train.stesp=7", "did you mean `train.steps`"],
        ),
        (
            "train.steps=many",
            &["--set train.steps=many", "`train.steps`", "integer"],
        ),
        (
            "source.vocabulary=1",
            &["--set source.vocabulary=1", "2 to 65536"],
        ),
        (
            "grid.\"model.width\"=[]",
            &["--set grid", "at least one value"],
        ),
        ("train.steps", &["--set train.steps", "key=value"]),
        ("", &["--set", "key=value"]),
    ];
    for (set, words) in cases {
        refused(place.bitcap(&["sweep", "e.toml", "--set", set]), words);
    }
    assert_eq!(place.names("."), ["e.toml"]);
}

#[test]
fn a_grid_of_a_million_cells_is_refused() {
    let list = |n: u32| format!("{:?}", (1..=n).collect::<Vec<u32>>());
    let text = TINY
        .replace("[4, 9]", &list(1000))
        .replace("[0, 1]", &list(1000));
    let place = Place::new(&text);
    refused(
        place.bitcap(&["sweep", "e.toml"]),
        &["e.toml:23:1", "100000 cells", "1 x 1000 x 1000"],
    );
    assert_eq!(place.names("."), ["e.toml"]);
}

/// The largest dataset that the file may ask for needs 11 TB. The limit on the address space keeps
/// a program that tries it anyway from taking the machine's memory.
#[test]
#[cfg(target_os = "linux")]
fn data_that_cannot_fit_the_memory_are_refused_before_any_work() {
    let place = Place::new(&TINY.replace("[4, 9]", "[274877906944]"));
    let words = [
        "l1-w4-n274877906944-",
        "10240.00 GiB of memory",
        "there are",
        "data.samples",
    ];
    let one = ["sweep", "e.toml", "--jobs", "1"];
    for arguments in [&one[..], &["sweep", "e.toml", "--dry-run", "--jobs", "1"]] {
        refused(place.bitcap_after("ulimit -v 8000000", arguments), &words);
        assert_eq!(place.names("."), ["e.toml"]);
    }
    let run = place.bitcap_after("ulimit -v 8000000", &["run", "e.toml", "--cell", "0"]);
    refused(run, &words);
    // Two that may meet need twice as much.
    let two = place.bitcap_after("ulimit -v 8000000", &["sweep", "e.toml", "--jobs", "2"]);
    refused(
        two,
        &["and the 1 next largest", "20480.00 GiB", "fewer --jobs"],
    );
}

#[test]
fn files_that_are_no_experiments_are_refused() {
    let place = Place::new(TINY);
    fs::write(place.path("latin1.toml"), b"name = \"caf\xe9\"\n").unwrap();
    fs::write(place.path("empty.toml"), "").unwrap();
    fs::write(place.path("zeros.toml"), vec![b'#'; 2 << 20]).unwrap();
    fs::create_dir(place.path("folder")).unwrap();
    let names = place.names(".");
    let cases: [(&str, &[&str]); 5] = [
        (
            "nowhere.toml",
            &["nowhere.toml", "cannot be read", "No such file"],
        ),
        ("folder", &["folder", "cannot be read", "Is a directory"]),
        ("latin1.toml", &["latin1.toml:1:12", "not UTF-8"]),
        ("empty.toml", &["empty.toml", "`name` is missing"]),
        ("zeros.toml", &["zeros.toml", "larger than 1048576 bytes"]),
    ];
    for (file, words) in cases {
        refused(place.bitcap(&["sweep", file]), words);
        refused(place.bitcap(&["run", file, "--cell", "0"]), words);
    }
    assert_eq!(place.names("."), names);
}

#[test]
fn flags_that_make_no_sense_are_refused() {
    let place = Place::new(TINY);
    for (arguments, word) in [
        (&["sweep", "e.toml", "--jobs", "0"][..], "--jobs"),
        (&["sweep", "e.toml", "--device", "abacus"], "abacus"),
        (&["sweep", "e.toml", "--device", ""], "--device"),
        (&["sweep"], "EXPERIMENT"),
        (&["run", "e.toml"], "--cell"),
        (&["status"], "FOLDER"),
    ] {
        let run = place.bitcap(arguments).failure().code(2);
        crate::assert_says(&crate::stderr(&run), &["error: ", word]);
    }
    assert_eq!(place.names("."), ["e.toml"]);
}
