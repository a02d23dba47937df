//! The documents are tests: their examples run, their commands exist, their tables and links are true.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use imdslint::network::Assumptions;
use imdslint::{catalog, config, report};
use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn document(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Runs the program as in a UTF-8 terminal without colours, at the root of this repository.
fn imdslint<I: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = I>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imdslint"));
    for variable in ["CI", "CLICOLOR_FORCE", "COLUMNS", "FORCE_COLOR", "LANG", "LC_CTYPE", "SOURCE_DATE_EPOCH", "TERM"]
    {
        command.env_remove(variable);
    }
    command.env("LC_ALL", "C.UTF-8").env("NO_COLOR", "1").current_dir(root()).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// The fenced blocks of `markdown`: what stands after the opening fence, and the lines between.
fn blocks(markdown: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in markdown.lines() {
        match (line.trim_start().strip_prefix("```"), &mut open) {
            (Some(info), None) => open = Some((info.trim().to_owned(), String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some((_, body))) => {
                body.push_str(line);
                body.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a fence is not closed");
    blocks
}

/// What stands in `markdown` between the comments `<!-- name:begin … -->` and `<!-- name:end -->`.
fn marked<'a>(markdown: &'a str, name: &str) -> &'a str {
    let (_, rest) = markdown.split_once(&format!("<!-- {name}:begin")).unwrap_or_else(|| panic!("no `{name}`"));
    let (_, rest) = rest.split_once("-->\n").unwrap();
    rest.split_once(&format!("<!-- {name}:end -->")).unwrap().0
}

/// The one line of the one block in the section `name`.
fn marked_command(markdown: &str, name: &str) -> String {
    let blocks = blocks(marked(markdown, name));
    assert_eq!(blocks.len(), 1, "{name}");
    let lines: Vec<&str> = blocks[0].1.lines().collect();
    assert_eq!(lines.len(), 1, "{name}");
    lines[0].to_owned()
}

/// The ids of the findings that nothing hides in `example`, a block whose info string names its file.
fn findings_of(info: &str, example: &str, options: &[String]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let name = info.split_whitespace().nth(1).expect("the info string names the file");
    fs::write(folder.path().join(name), example).unwrap();
    let mut arguments = vec!["check".to_owned(), "--format=json".into(), "--no-config".into()];
    arguments.extend_from_slice(options);
    arguments.push(format!("--root={}", folder.path().display()));
    arguments.push(folder.path().display().to_string());
    let output = imdslint(&arguments);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
    assert_eq!(report["problems"], Value::Array(Vec::new()), "{example}");
    assert_eq!(report["summary"]["files"], 1, "{example}");
    let findings = report["findings"].as_array().unwrap().iter().filter(|finding| finding["suppressed"].is_null());
    let ids: Vec<String> = findings.map(|finding| finding["rule"].as_str().unwrap().to_owned()).collect();
    assert_eq!(output.status.code(), Some(i32::from(!ids.is_empty())), "{example}");
    ids
}

#[test]
fn every_bad_example_of_a_rule_gives_exactly_one_finding_of_that_rule() {
    for page in catalog::rules() {
        for (info, example) in blocks(page.section("Bad").unwrap()) {
            assert_eq!(findings_of(&info, &example, &page.options), [page.id.as_str()], "{}:\n{example}", page.id);
        }
    }
}

#[test]
fn no_good_example_of_a_rule_gives_a_finding() {
    for page in catalog::rules() {
        for (info, example) in blocks(page.section("Good").unwrap()) {
            let found = findings_of(&info, &example, &page.options);
            assert!(found.is_empty(), "{}: {found:?}\n{example}", page.id);
        }
    }
}

#[test]
fn the_table_of_rules_in_the_readme_is_that_of_the_program() {
    let mut table = Vec::new();
    report::rules_markdown(catalog::rules(), &mut table).unwrap();
    let readme = document("README.md");
    assert_eq!(marked(&readme, "rules").trim(), text(&table).trim(), "run `imdslint rules --format markdown`");
}

#[test]
fn the_exit_codes_in_the_readme_are_those_of_the_help() {
    let help = imdslint(["--help"]);
    let (_, codes) = text(&help.stdout).split_once("Exit codes:\n").unwrap();
    let expected: Vec<String> = codes
        .lines()
        .filter_map(|line| line.trim().split_once("  "))
        .map(|(code, meaning)| format!("| {code} | {} |", meaning.replace("--fail-on", "`--fail-on`")))
        .collect();
    assert_eq!(expected.len(), 5);
    let readme = document("README.md");
    let rows: Vec<&str> = marked(&readme, "exit-codes").lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert_eq!(rows, expected);
}

#[test]
fn the_main_job_runs_as_the_readme_says_and_shows_what_the_readme_shows() {
    let readme = document("README.md");
    let command = marked_command(&readme, "main-job");
    let arguments = command.strip_prefix("cargo run --release --locked -- ").expect("it is run by cargo");
    let output = imdslint(arguments.split(' '));
    assert_eq!(output.status.code(), Some(1), "the examples have findings");
    let shown = &blocks(marked(&readme, "output"))[0].1;
    assert!(shown.lines().count() > 20);
    let output = text(&output.stdout);
    for part in shown.split("[...]\n") {
        assert!(output.contains(part), "not in the output:\n{part}");
    }
}

#[test]
fn the_tests_run_as_the_readme_says() {
    assert_eq!(marked_command(&document("README.md"), "tests"), "cargo test --locked");
}

/// All invocations of the program in the shell blocks of `markdown`.
fn invocations(markdown: &str) -> Vec<Vec<String>> {
    let shell = blocks(markdown).into_iter().filter(|(info, _)| matches!(info.as_str(), "sh" | "console" | "yaml"));
    let mut found = Vec::new();
    for (_, body) in shell {
        for line in body.lines() {
            let Some(at) = line.find("imdslint ").filter(|at| {
                let before = line[..*at].trim_end();
                before.is_empty() || before.ends_with('|') || before.ends_with("run:") || before.ends_with('-')
            }) else {
                continue;
            };
            let words = line[at..].split_whitespace().skip(1);
            let words = words.take_while(|word| !matches!(*word, "|" | "||" | ">" | "#" | "<"));
            found.push(words.map(|word| word.trim_matches(['"', '\'']).to_owned()).collect());
        }
    }
    found
}

/// Whether the command line accepts `arguments`. With `--help` at the end all before it is parsed, and nothing is run.
#[track_caller]
fn accepts(arguments: &[String]) {
    let output = imdslint(arguments.iter().map(String::as_str).chain(["--help"]));
    assert_eq!(output.status.code(), Some(0), "imdslint {}\n{}", arguments.join(" "), text(&output.stderr));
}

#[test]
fn the_commands_in_the_documents_are_accepted() {
    let mut found = invocations(&document("README.md"));
    assert!(found.len() > 5, "{found:?}");
    for path in documents() {
        for quoted in quoted(&document(path.to_str().unwrap())) {
            let words = quoted.strip_prefix("imdslint ").filter(|words| !words.contains('<'));
            found.extend(words.map(|words| words.split(' ').map(ToOwned::to_owned).collect()));
        }
    }
    assert!(found.len() > 15, "{found:?}");
    for page in catalog::rules() {
        accepts(&["check".into()].into_iter().chain(page.options.clone()).collect::<Vec<_>>());
    }
    for arguments in &found {
        accepts(arguments);
    }
}

#[test]
fn an_option_that_does_not_exist_is_not_accepted() {
    let output = imdslint(["check", "--no-such-option", "--help"]);
    assert_eq!(output.status.code(), Some(2));
    let output = imdslint(["check", "--format", "no-such-format", "--help"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn the_hooks_run_commands_that_are_accepted() {
    let hooks: Vec<BTreeMap<String, Value>> = serde_saphyr::from_str(&document(".pre-commit-hooks.yaml")).unwrap();
    assert!(!hooks.is_empty());
    for hook in hooks {
        let entry = hook["entry"].as_str().unwrap();
        let arguments = entry.strip_prefix("imdslint ").expect("the hook runs the program");
        accepts(&arguments.split(' ').map(ToOwned::to_owned).collect::<Vec<_>>());
        assert_eq!(hook["args"], serde_json::json!(["--"]), "no file is taken for an option");
        let readme = document("README.md");
        assert!(readme.contains(hook["id"].as_str().unwrap()), "README names the hook");
    }
}

#[test]
fn the_hooks_pass_what_may_be_ours() {
    let ours = ["infra/main.tf", "a.tf.json", "prod.auto.tfvars", "b.tfvars.json", "web.yaml", "web.yml", "web.json"];
    let scripts = ["web.template", "boot.sh", "boot.bash", "boot.ps1", "boot.cmd", "boot.bat"];
    let packer = ["web.pkr.hcl", "prod.pkrvars.hcl", "web.pkr.json"];
    let templates = ["user_data.sh.tftpl", "user_data.tpl", "cloud-init.yaml.tmpl", "cloud-init.cfg"];
    let hooks: Vec<BTreeMap<String, Value>> = serde_saphyr::from_str(&document(".pre-commit-hooks.yaml")).unwrap();
    for hook in hooks {
        let files = regex::Regex::new(hook["files"].as_str().unwrap()).unwrap();
        for path in ours.iter().chain(&scripts).chain(&packer).chain(&templates) {
            assert!(files.is_match(path), "{path}");
        }
        for path in ["README.md", "src/main.rs", "main.tf.orig", "sh", "template/a.png", ".terraform.lock.hcl"] {
            assert!(!files.is_match(path), "{path}");
        }
    }
}

#[test]
fn the_hooks_are_content_with_files_that_are_none_of_ours() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["README.md", "setup.cfg", "page.tpl", "values.yaml"].map(|name| folder.path().join(name));
    for path in &paths {
        fs::write(path, "text: nothing that concerns us\n").unwrap();
    }
    let hooks: Vec<BTreeMap<String, Value>> = serde_saphyr::from_str(&document(".pre-commit-hooks.yaml")).unwrap();
    for hook in hooks {
        let entry = hook["entry"].as_str().unwrap().split(' ').skip(1).map(PathBuf::from);
        for named in [&paths[..1], &paths] {
            let output = imdslint(entry.clone().chain(named.iter().cloned()));
            assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""), "{}", text(&output.stdout));
        }
    }
}

#[test]
fn the_configuration_in_the_readme_is_valid_and_names_every_key() {
    let readme = document("README.md");
    let (_, example) = blocks(&readme).into_iter().find(|(info, _)| info == "yaml imdslint.yaml").unwrap();
    let rules: Vec<_> = catalog::rules().iter().map(|page| (page.id.as_str(), page.name.as_str())).collect();
    let agents: Vec<_> = catalog::agents().iter().map(|agent| agent.name.as_str()).collect();
    let parsed = config::parse(&example, "README.md", &rules, &agents).unwrap();
    assert!(!parsed.rules.is_empty() && !parsed.exclude.is_empty() && !parsed.required_agents.is_empty());
    let mut assumptions = Assumptions::default();
    for assumed in &parsed.assumptions {
        assumptions.assume(&assumed.key, &assumed.value).unwrap();
    }
    assert_ne!(assumptions, Assumptions::default());
    let schema = config::schema();
    for key in schema.as_value()["properties"].as_object().unwrap().keys() {
        assert!(example.lines().any(|line| line.starts_with(&format!("{key}:"))), "{key}");
    }
}

/// All Markdown files of the project, relative to its root.
fn documents() -> Vec<PathBuf> {
    fn gather(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
            if entry.file_type().unwrap().is_dir() {
                if !is_hidden && entry.file_name() != "target" {
                    gather(&path, found);
                }
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    gather(Path::new(""), &mut found);
    found.sort();
    found
}

/// The lines of `markdown` that are no code.
fn prose(markdown: &str) -> String {
    let mut is_code = false;
    let lines = markdown.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The anchors of the headings of `markdown`, as they are made for links.
fn anchors(markdown: &str) -> Vec<String> {
    let kept = |character: &char| character.is_alphanumeric() || matches!(character, ' ' | '-' | '_');
    let anchor = |title: &str| title.to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-");
    prose(markdown)
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| anchor(line.trim_start_matches('#').trim()))
        .collect()
}

#[test]
fn links_between_documents_lead_somewhere() {
    let documents = documents();
    for expected in
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "rules/IMDS101-endpoint-disabled.md"]
    {
        assert!(documents.contains(&PathBuf::from(expected)), "{expected}");
    }
    for path in documents {
        let markdown = document(path.to_str().unwrap());
        let text = prose(&markdown);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.starts_with("https://") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let linked = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            assert!(root().join(&linked).exists(), "{}: {target}", path.display());
            if !anchor.is_empty() {
                let known = anchors(&document(linked.to_str().unwrap()));
                assert!(known.iter().any(|known| known == anchor), "{}: {target} / {known:?}", path.display());
            }
        }
    }
}

/// What stands between backticks in the prose of `markdown`.
fn quoted(markdown: &str) -> Vec<String> {
    let text = prose(markdown).replace('\n', " ");
    text.split('`').skip(1).step_by(2).map(ToOwned::to_owned).collect()
}

#[test]
fn paths_in_the_documents_exist() {
    for path in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let paths: Vec<String> = quoted(&document(path))
            .into_iter()
            .filter(|quoted| {
                ["src/", "tests/", "rules/", "fixtures/", ".ci/"].iter().any(|top| quoted.starts_with(top))
            })
            .filter(|quoted| !quoted.contains(['<', '*', ' ']))
            .collect();
        assert!(!paths.is_empty(), "{path}");
        for quoted in paths {
            assert!(root().join(&quoted).exists(), "{path}: {quoted}");
        }
    }
}

/// The text of the file or folder of the room `name`.
fn room(name: &str) -> Option<String> {
    fn read(path: &Path, text: &mut String) {
        if path.is_dir() {
            for entry in fs::read_dir(path).unwrap() {
                read(&entry.unwrap().path(), text);
            }
        } else {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
    let folder = root().join("src").join(name);
    let path = if folder.is_dir() { folder } else { folder.with_extension("rs") };
    let mut text = String::new();
    path.exists().then(|| read(&path, &mut text))?;
    Some(text)
}

/// Whether `text` defines something called `name`.
fn defines(text: &str, name: &str) -> bool {
    let is_name = |character: char| character.is_alphanumeric() || character == '_';
    text.match_indices(name).any(|(at, _)| {
        let before = text[..at].trim_end();
        let word = &before[before.rfind(|character| !is_name(character)).map_or(0, |at| at + 1)..];
        let begins_line = text[..at].rfind('\n').is_none_or(|line| text[line..at].trim().is_empty());
        let ends = !text[at + name.len()..].starts_with(is_name);
        ends && (begins_line
            || matches!(word, "fn" | "struct" | "enum" | "trait" | "mod" | "const" | "static" | "type"))
    })
}

#[test]
fn what_the_architecture_names_is_in_the_room_that_it_names() {
    let mut checked = 0;
    for quoted in quoted(&document("ARCHITECTURE.md")) {
        let parts: Vec<&str> = quoted.split("::").collect();
        let ([first, .., last], Some(text)) = (parts.as_slice(), parts.first().and_then(|first| room(first))) else {
            continue;
        };
        assert!(defines(&text, last.trim_end_matches("()")), "{quoted}: {first} has no {last}");
        checked += 1;
    }
    assert!(checked > 20, "{checked}");
    assert!(!defines("fn checked() {}", "check") && defines("    pub fn check(", "check"));
}
