//! The fixtures, damaged at random.

use std::path::Path;

use imdslint::source::Limits;
use proptest::prelude::*;

use crate::support::Project;
use crate::{HOST, outcome};

/// The files of the fixtures that are read by themselves.
fn fixtures() -> Vec<(String, Vec<u8>)> {
    fn gather(folder: &Path, files: &mut Vec<(String, Vec<u8>)>) {
        let mut entries: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                gather(&path, files);
            } else if path
                .extension()
                .is_some_and(|it| ["tf", "yaml", "yml", "json", "tfvars"].iter().any(|e| it == *e))
            {
                files.push((path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()));
            }
        }
    }
    let mut files = Vec::new();
    gather(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures"), &mut files);
    assert!(!files.is_empty());
    files
}

/// One change of some bytes.
#[derive(Clone, Debug)]
enum Change {
    Flip(usize, u8),
    Delete(usize, usize),
    Duplicate(usize, usize),
    Insert(usize, &'static str),
    Truncate(usize),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let tokens = ["\"", "${", "%{", "}", "{", "[", "<<A\n", "/*", "!Sub ", "&a ", "*a", ": ", "\u{feff}", "\u{1f600}"];
    let one = prop_oneof![
        (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Change::Flip(at, byte)),
        (any::<usize>(), 1..40_usize).prop_map(|(at, length)| Change::Delete(at, length)),
        (any::<usize>(), 1..200_usize).prop_map(|(at, length)| Change::Duplicate(at, length)),
        (any::<usize>(), prop::sample::select(tokens.to_vec())).prop_map(|(at, token)| Change::Insert(at, token)),
        any::<usize>().prop_map(Change::Truncate),
    ];
    prop::collection::vec(one, 1..6)
}

fn changed(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        let place = |at: usize| at % (bytes.len() + 1);
        match *change {
            Change::Flip(at, byte) => {
                let at = place(at);
                if let Some(target) = bytes.get_mut(at) {
                    *target ^= byte;
                }
            }
            Change::Delete(at, length) => {
                let (start, end) = (place(at), (place(at) + length).min(bytes.len()));
                bytes.drain(start..end);
            }
            Change::Duplicate(at, length) => {
                let (start, end) = (place(at), (place(at) + length).min(bytes.len()));
                let copy = bytes[start..end].to_vec();
                bytes.splice(start..start, copy);
            }
            Change::Insert(at, token) => {
                let at = place(at);
                bytes.splice(at..at, token.bytes());
            }
            Change::Truncate(at) => bytes.truncate(place(at)),
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_files_are_read(which in any::<prop::sample::Index>(), changes in changes()) {
        let files = fixtures();
        let (name, bytes) = which.get(&files);
        let project = Project::new(&[("host/main.tf", HOST)]);
        project.write(name, changed(bytes.clone(), &changes));
        let found = outcome(&project, Limits::default()).1;
        prop_assert!(found >= 1);
    }
}
