//! The rules of the house that `ARCHITECTURE.md` states, held against the source text.
//!
//! Code that is compiled for tests only is exempt: it may read files, panic and look anywhere.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The rooms in their order: each imports only those before it.
const ROOMS: &[&str] = &[
    "source", "finding", "discover", "catalog", "config", "syntax", "eval", "model", "network", "guest", "assess",
    "rules", "suppress", "baseline", "fix", "report", "engine", "exit", "cli", "commands",
];

/// Files that belong to no room: they see all of them.
const OUTSIDE: &[&str] = &["lib.rs", "main.rs"];

/// Longer files are two.
const MOST_LINES: usize = 700;

/// Crates that are known in one place only, so that a swap stays there. A place is a file, or a folder with its slash.
const CRATES: &[(&str, &[&str])] = &[
    ("clap", &["cli/"]),
    ("clap_complete", &["cli/"]),
    ("granit_parser", &["syntax/tree/yaml.rs"]),
    ("hcl", &["syntax/hcl/"]),
    ("ignore", &["discover/", "eval/terraform/files.rs"]),
    ("miette", &["report/excerpt.rs"]),
    ("serde_saphyr", &["config.rs", "eval/terraform/functions/yaml.rs"]),
    ("tree_sitter", &["syntax/powershell/", "syntax/shell/"]),
    ("tree_sitter_bash", &["syntax/shell/"]),
    ("tree_sitter_powershell", &["syntax/powershell/"]),
];

/// Parts of the standard library that reach out of the program, and where they may be used.
const STANDARD: &[(&str, &[&str])] = &[
    ("env", &["discover/root.rs", "cli/"]),
    // What a fix changes is written in one place, which looks at nothing but that file.
    ("fs", &["discover/", "fix/write.rs", "report/output.rs"]),
    ("net", &[]),
    ("os", &["discover/root.rs", "fix/write.rs"]),
    ("process", &["exit.rs", "main.rs"]),
    ("time", &["cli/"]),
];

/// Methods of paths that ask the file system.
const FILE_METHODS: &[&str] = &[
    "canonicalize",
    "exists",
    "is_dir",
    "is_file",
    "is_symlink",
    "read_dir",
    "read_link",
    "symlink_metadata",
    "try_exists",
];

const PRINTING_MACROS: &[&str] = &["dbg", "eprint", "eprintln", "print", "println"];

/// Where the standard streams are taken: to write to them, or to ask whether they are a terminal.
const STREAM_PLACES: &[&str] = &["cli/terminal.rs", "discover/root.rs", "main.rs", "report/output.rs"];

/// Only these write values out; no inner type is part of a format.
const WRITING_PLACES: &[&str] = &["report/"];

/// A breach of a rule.
#[derive(Debug, PartialEq, Eq)]
struct Breach {
    path: String,
    line: usize,
    what: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "src/{}:{}: {}", self.path, self.line, self.what)
    }
}

/// A file of `src`, by its path below it.
struct Source {
    path: String,
    text: String,
    code: Code,
}

/// All files of `src`, in the order of their paths.
static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(|| {
    let mut all = Vec::new();
    gather(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut all);
    all.sort_by(|left, right| left.path.cmp(&right.path));
    all
});

/// An identifier, a punctuation character or a bracket; literals and comments are left out.
#[derive(Debug)]
struct Token {
    text: String,
    line: usize,
    /// Whether an attribute around it expects the lint that it breaches.
    excused: bool,
}

/// What is compiled for the program.
#[derive(Debug, Default)]
struct Code {
    tokens: Vec<Token>,
    /// The modules in files of their own that are compiled for tests only.
    test_modules: Vec<String>,
}

impl Code {
    fn of(text: &str) -> Self {
        let mut code = Self::default();
        code.read(text.parse().expect("the file is Rust"), false);
        code
    }

    fn read(&mut self, stream: TokenStream, excused: bool) {
        let trees: Vec<TokenTree> = stream.into_iter().collect();
        let mut at = 0;
        let mut excused_until = 0;
        while let Some(tree) = trees.get(at) {
            if let Some(attribute) = attribute_at(&trees, at) {
                let rest = trees.get(at + 2..).unwrap_or(&[]);
                if attribute == "cfg(test)" {
                    self.test_modules.extend(module_in_own_file(rest));
                    at += 2 + item_length(rest);
                    continue;
                }
                if attribute.contains("clippy::expect_used") || attribute.contains("clippy::unwrap_used") {
                    excused_until = at + 2 + item_length(rest);
                }
            }
            let excused = excused || at < excused_until;
            let line = tree.span().start().line;
            let mut push = |text: String| self.tokens.push(Token { text, line, excused });
            match tree {
                TokenTree::Group(group) => {
                    let (open, close) = match group.delimiter() {
                        Delimiter::Parenthesis => ("(", ")"),
                        Delimiter::Brace => ("{", "}"),
                        Delimiter::Bracket => ("[", "]"),
                        Delimiter::None => ("", ""),
                    };
                    push(open.into());
                    self.read(group.stream(), excused);
                    let line = group.span_close().start().line;
                    self.tokens.push(Token { text: close.into(), line, excused });
                }
                TokenTree::Ident(ident) => push(ident.to_string()),
                TokenTree::Punct(punct) => push(punct.as_char().into()),
                TokenTree::Literal(_) => push("literal".into()),
            }
            at += 1;
        }
    }

    fn text(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| &token.text)
    }

    /// Whether `expected` stands at `at`.
    fn is(&self, at: usize, expected: &[&str]) -> bool {
        expected.iter().enumerate().all(|(offset, expected)| self.text(at + offset) == *expected)
    }

    /// Whether the path that goes on at `at` begins there: it is not the rest of a longer one.
    fn begins_path(&self, at: usize) -> bool {
        at == 0 || self.text(at - 1) != ":"
    }

    /// What is taken from the path that ends before `at`: the name, or each name of the group in braces.
    fn names_after(&self, at: usize) -> Vec<&Token> {
        let first = self.tokens.get(at);
        if first.is_none_or(|token| token.text != "{") {
            return first.into_iter().collect();
        }
        let mut names = Vec::new();
        let mut depth = 0;
        for (index, token) in self.tokens.iter().enumerate().skip(at) {
            match token.text.as_str() {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ if depth == 1 && matches!(self.text(index - 1), "{" | ",") => names.push(token),
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
        names
    }

    /// The names that `use` brings from this crate.
    fn own_names(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        for at in 0..self.tokens.len() {
            if self.text(at) == "use" && matches!(self.text(at + 1), "crate" | "super" | "self") {
                names.extend(
                    self.tokens.iter().skip(at).map(|token| token.text.as_str()).take_while(|text| *text != ";"),
                );
            }
        }
        names
    }
}

/// The text of the attribute at `at`, without its brackets and spaces.
fn attribute_at(trees: &[TokenTree], at: usize) -> Option<String> {
    match (trees.get(at)?, trees.get(at + 1)?) {
        (TokenTree::Punct(punct), TokenTree::Group(group)) if punct.as_char() == '#' => {
            Some(group.stream().to_string().replace(' ', ""))
        }
        _ => None,
    }
}

/// How many trees the item at the start of `trees` takes: up to its body, or its semicolon.
fn item_length(trees: &[TokenTree]) -> usize {
    let ends = |tree: &TokenTree| match tree {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';',
        _ => false,
    };
    trees.iter().position(ends).map_or(trees.len(), |end| end + 1)
}

/// The name in `mod name;` at the start of `trees`.
fn module_in_own_file(trees: &[TokenTree]) -> Option<String> {
    match trees {
        [TokenTree::Ident(word), TokenTree::Ident(name), TokenTree::Punct(end), ..]
            if word == "mod" && end.as_char() == ';' =>
        {
            Some(name.to_string())
        }
        _ => None,
    }
}

/// The room that the file at `path` belongs to.
fn room_of(path: &str) -> &str {
    let name = path.split('/').next().unwrap_or(path);
    name.strip_suffix(".rs").unwrap_or(name)
}

/// The number of modules that the file at `path` lies in, itself included.
fn depth_of(path: &str) -> usize {
    let parts = path.split('/').count();
    if path.ends_with("/mod.rs") { parts - 1 } else { parts }
}

fn lies_in(path: &str, places: &[&str]) -> bool {
    places.iter().any(|place| path == *place || place.ends_with('/') && path.starts_with(place))
}

/// All breaches of rules that concern one file by itself.
fn breaches(source: &Source) -> Vec<Breach> {
    let mut found: Vec<(usize, String)> = Vec::new();
    if !source.text.starts_with("//! ") {
        found.push((1, "it does not begin with `//!` and the module's duty".into()));
    }
    let lines = source.text.lines().count();
    if lines > MOST_LINES {
        found.push((lines, format!("it has {lines} lines, more than {MOST_LINES}: it is two files")));
    }
    found.extend(imports(&source.path, &source.code));
    found.extend(reaching_out(&source.path, &source.code));
    found.extend(foreign_crates(&source.path, &source.code));
    found.extend(printing_and_panics(&source.path, &source.code));
    let breach = |(line, what)| Breach { path: source.path.clone(), line, what };
    found.into_iter().map(breach).collect()
}

/// Imports of rooms that do not come before the file's own.
fn imports(path: &str, code: &Code) -> Vec<(usize, String)> {
    if OUTSIDE.contains(&path) {
        return Vec::new();
    }
    let place = |room: &str| ROOMS.iter().position(|known| *known == room);
    let own = room_of(path);
    let Some(own_place) = place(own) else {
        return vec![(1, format!("`{own}` is no room: add it to `ROOMS` and to ARCHITECTURE.md"))];
    };
    let mut found = Vec::new();
    for at in 0..code.tokens.len() {
        if code.is(at, &["crate", ":", ":"]) && code.text(at.saturating_sub(1)) != "(" {
            for name in code.names_after(at + 3) {
                match place(&name.text) {
                    Some(other) if other <= own_place => {}
                    Some(_) => {
                        found.push((name.line, format!("`{own}` imports `{}`, which comes after it", name.text)));
                    }
                    None => found.push((name.line, format!("`crate::{}` is no room", name.text))),
                }
            }
        }
        if code.text(at) == "super" && code.begins_path(at) {
            let mut ups = 1;
            while code.is(at + 3 * ups, &["super"]) && code.is(at + 3 * ups - 2, &[":", ":"]) {
                ups += 1;
            }
            if ups >= depth_of(path) {
                found.push((code.tokens[at].line, "`super` leads out of the room: write `crate::`".into()));
            }
        }
    }
    found
}

/// Files, processes, connections, the environment and the clock outside the places that are meant for them.
fn reaching_out(path: &str, code: &Code) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, token) in code.tokens.iter().enumerate() {
        if code.is(at, &["std", ":", ":"]) {
            for name in code.names_after(at + 3) {
                let rule = STANDARD.iter().find(|(module, _)| *module == name.text);
                if rule.is_some_and(|(_, places)| !lies_in(path, places)) {
                    found.push((name.line, format!("`std::{}` has no place here", name.text)));
                }
            }
        }
        let is_call = code.is(at + 1, &["("]) && at > 0 && matches!(code.text(at - 1), "." | ":");
        let asks_files = is_call && FILE_METHODS.contains(&token.text.as_str());
        if asks_files && !lies_in(path, &["discover/"]) {
            found.push((token.line, format!("`{}` asks the file system, which only `discover` does", token.text)));
        }
    }
    found
}

/// Crates outside the places that are meant for them.
fn foreign_crates(path: &str, code: &Code) -> Vec<(usize, String)> {
    let own_names = code.own_names();
    let mut found = Vec::new();
    for (at, token) in code.tokens.iter().enumerate() {
        let Some((name, places)) = CRATES.iter().find(|(name, _)| *name == token.text) else { continue };
        if !code.is(at + 1, &[":", ":"]) || !code.begins_path(at) || lies_in(path, places) {
            continue;
        }
        // A room of ours may have a crate's name; then only what the room cannot have gives the crate away.
        if !own_names.contains(name) || code.is(at + 3, &["edit"]) {
            found.push((token.line, format!("`{name}` is used in {} only", places.join(", "))));
        }
    }
    found
}

fn printing_and_panics(path: &str, code: &Code) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, token) in code.tokens.iter().enumerate() {
        let text = token.text.as_str();
        let takes_stream = matches!(text, "stdin" | "stdout" | "stderr") && code.is(at + 1, &["("]);
        if takes_stream && !lies_in(path, STREAM_PLACES) {
            found.push((token.line, format!("`{text}` is taken in {} only", STREAM_PLACES.join(", "))));
        }
        // Whoever prints is given something to write to.
        if PRINTING_MACROS.contains(&text) && code.is(at + 1, &["!"]) {
            found.push((token.line, format!("`{text}!` prints: write what `report` renders")));
        }
        if text == "Serialize" && !lies_in(path, WRITING_PLACES) {
            found.push((token.line, "only `report` writes values out: give the format a struct of its own".into()));
        }
        let is_method =
            matches!(text, "unwrap" | "expect") && at > 0 && code.text(at - 1) == "." && code.is(at + 1, &["("]);
        let is_macro = matches!(text, "panic" | "unreachable" | "todo" | "unimplemented") && code.is(at + 1, &["!"]);
        if (is_method || is_macro) && !token.excused {
            found.push((token.line, format!("`{text}` can end the program")));
        }
    }
    found
}

/// The files that are part of the program: those that only tests compile are left out.
fn program() -> Vec<&'static Source> {
    let mut tests = BTreeSet::new();
    for source in SOURCES.iter() {
        let folder = source.path.strip_suffix("/mod.rs").or(source.path.strip_suffix(".rs")).unwrap_or(&source.path);
        for module in &source.code.test_modules {
            tests.insert(format!("{folder}/{module}.rs"));
            tests.insert(format!("{folder}/{module}/mod.rs"));
        }
    }
    SOURCES.iter().filter(|source| !tests.contains(&source.path)).collect()
}

fn gather(folder: &Path, below: &str, all: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            gather(&entry.path(), &format!("{below}{name}/"), all);
        } else if Path::new(&name).extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(entry.path()).unwrap();
            all.push(Source { path: format!("{below}{name}"), code: Code::of(&text), text });
        }
    }
}

#[test]
fn the_source_keeps_the_rules_of_the_house() {
    let program = program();
    assert!(program.len() > 50, "the walk finds the source: {}", program.len());
    let found: Vec<String> = program.into_iter().flat_map(breaches).map(|breach| breach.to_string()).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn files_of_tests_say_what_they_are_for_and_stay_short_too() {
    for Source { path, text, .. } in SOURCES.iter() {
        assert!(text.starts_with("//! "), "{path}");
        assert!(text.lines().count() <= MOST_LINES, "{path}");
    }
}

#[test]
fn every_room_exists_and_is_listed_in_order() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md")).unwrap();
    let headings = text.lines().filter_map(|line| line.strip_prefix("### `src/"));
    let described: Vec<&str> = headings
        .filter_map(|rest| rest.split('`').next())
        .map(|name| name.trim_end_matches(".rs").trim_end_matches('/'))
        .collect();
    let described: Vec<&str> = described.into_iter().filter(|name| *name != "main").collect();
    assert_eq!(described, ROOMS, "ARCHITECTURE.md describes each room in its order");
    let existing: BTreeSet<String> = SOURCES
        .iter()
        .filter(|source| !OUTSIDE.contains(&source.path.as_str()))
        .map(|source| room_of(&source.path).to_owned())
        .collect();
    assert_eq!(existing, ROOMS.iter().map(|room| (*room).to_owned()).collect::<BTreeSet<_>>());
}

#[test]
fn every_guarded_crate_is_used_where_it_may_be() {
    for (name, places) in CRATES {
        let uses = |source: &&Source| {
            let code = &source.code;
            lies_in(&source.path, places) && (0..code.tokens.len()).any(|at| code.is(at, &[name, ":", ":"]))
        };
        assert!(program().iter().any(uses), "`{name}` is guarded but not used");
    }
}

/// What the checks say about `text` as the file `path`, with lines.
#[track_caller]
fn check(path: &str, text: &str, expected: &[&str]) {
    let text = format!("//! A duty.\n{text}");
    let source = Source { path: path.into(), code: Code::of(&text), text };
    let found: Vec<String> =
        breaches(&source).into_iter().map(|breach| format!("{} {}", breach.line, breach.what)).collect();
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected), "{found} / {expected}");
    }
}

#[test]
fn an_import_of_a_later_room_is_caught() {
    check("model/read.rs", "use crate::eval::Value;", &[]);
    check("model/read.rs", "use crate::model::build;", &[]);
    check("model/read.rs", "use crate::rules::RULES;", &["2 `model` imports `rules`"]);
    check(
        "model/read.rs",
        "\nuse crate::{\n  eval::{Value, assess},\n  assess::{assess},\n};",
        &["5 `model` imports `assess`"],
    );
    check("model/read.rs", "fn f() { crate::report::render() }", &["2 `model` imports `report`"]);
    check("model/read.rs", "fn f() { format!(\"{}\", crate::report::X) }", &["2 `model` imports `report`"]);
    check("model/read.rs", "use crate::Everything;", &["2 `crate::Everything` is no room"]);
    check("model/read.rs", "use super::super::rules;", &["2 `super` leads out"]);
    check("model/mod.rs", "use super::rules;", &["2 `super` leads out"]);
    check("config.rs", "use super::rules;", &["2 `super` leads out"]);
    check("eval/terraform/read.rs", "use super::super::Value;", &[]);
    check("attic/mod.rs", "", &["1 `attic` is no room"]);
    check(
        "model/read.rs",
        "// crate::rules::RULES\n/// [`crate::rules::RULES`]\nconst A: &str = \"crate::rules\";",
        &[],
    );
}

#[test]
fn reaching_out_is_caught() {
    check("eval/files.rs", "use std::fs::File;", &["2 `std::fs`"]);
    check("eval/files.rs", "use std::{fmt, fs};", &["2 `std::fs`"]);
    check("eval/files.rs", "fn f() { std::fs::read_to_string(\"a\") }", &["2 `std::fs`"]);
    check("eval/files.rs", "fn f(path: &Path) -> bool { path.exists() }", &["2 `exists` asks"]);
    check("eval/files.rs", "fn f() { Path::new(\"a\")\n.is_file() }", &["3 `is_file` asks"]);
    check("discover/read.rs", "use std::fs::File;", &[]);
    check("discover/read.rs", "use std::net::Ipv4Addr;", &["2 `std::net`"]);
    // What is in `core` are addresses only.
    check("eval/read.rs", "use core::net::Ipv4Addr;", &[]);
    check("discover/read.rs", "use std::process::Command;", &["2 `std::process`"]);
    check("engine/mod.rs", "use std::time::SystemTime;", &["2 `std::time`"]);
}

#[test]
fn crates_and_printing_in_the_wrong_place_are_caught() {
    check("rules/a.rs", "use hcl::edit::structure::Body;", &["2 `hcl`"]);
    check("rules/a.rs", "use crate::syntax::hcl;\nfn f() -> hcl::Body { hcl::parse() }", &[]);
    check("rules/a.rs", "use crate::syntax::hcl;\nfn f() -> hcl::edit::Body {}", &["3 `hcl`"]);
    check("syntax/tree/mod.rs", "use granit_parser::Parser;", &["2 `granit_parser`"]);
    check("report/json.rs", "fn f() -> miette::Report {}", &["2 `miette`"]);
    check("engine/mod.rs", "use clap::Parser;", &["2 `clap`"]);
    check("engine/mod.rs", "fn f() { println!(\"a\"); }", &["2 `println!` prints"]);
    check("engine/mod.rs", "use std::io;\nfn f() { io::stdout().lock(); }", &["3 `stdout` is taken"]);
    check("report/output.rs", "use std::io;\nfn f() { io::stderr().lock(); }", &[]);
    check("finding.rs", "#[derive(Clone, Serialize)]\nstruct A;", &["2 only `report`"]);
}

#[test]
fn panics_are_caught_unless_they_are_excused_or_tests() {
    check("finding.rs", "fn f() { a().unwrap(); }", &["2 `unwrap`"]);
    check("finding.rs", "fn f() { a()\n.expect(\"b\"); unwrap_or(c); }", &["3 `expect`"]);
    check("finding.rs", "fn f() { unreachable!() }", &["2 `unreachable`"]);
    let excused =
        "#[expect(clippy::expect_used, reason = \"r\")]\nfn f() { a().expect(\"b\"); }\nfn g() { a().expect(\"b\"); }";
    check("finding.rs", excused, &["4 `expect`"]);
    check(
        "finding.rs",
        "#[cfg(test)]\nmod tests { use std::fs; fn f() { a().unwrap(); } }\nfn g() { panic!() }",
        &["4 `panic`"],
    );
    assert_eq!(Code::of("#[cfg(test)]\nmod tests;\nmod other;").test_modules, ["tests"]);
}

#[test]
fn a_long_file_and_one_without_a_duty_are_caught() {
    check("finding.rs", &"\n".repeat(MOST_LINES), &["more than 700"]);
    let source = Source { path: "finding.rs".into(), text: "// A duty.\n".into(), code: Code::default() };
    assert_eq!(breaches(&source).len(), 1);
}
