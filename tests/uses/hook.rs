//! The hooks for pre-commit, as git runs them at a commit.

use std::process::Command;

use crate::support::{Project, Ran, tools};
use crate::{DISABLED, document, enabled, root, search_path};

/// A repository with a hook of this checkout.
pub(crate) struct Repository {
    project: Project,
    /// Everything else: the repository of the hooks, pre-commit's store, a home.
    around: Project,
}

impl Repository {
    /// A repository with the hook `id`; `None` when the tools for it are missing.
    fn new(id: &str) -> Option<Self> {
        Self::with(&|hooks, revision| {
            format!("repos:\n  - repo: {hooks}\n    rev: {revision}\n    hooks:\n      - id: {id}\n")
        })
    }

    /// A repository whose hooks are configured by what `configuration` makes of the repository of the hooks and its
    /// revision; `None` when the tools for it are missing.
    pub(crate) fn with(configuration: &dyn Fn(&str, &str) -> String) -> Option<Self> {
        let python = tools::required(tools::python("pre-commit", &["pre-commit==4.7.0"]))?;
        tools::required(tools::run(Command::new("git").arg("--version")))?;
        let this = Self { project: Project::new(&[]), around: Project::new(&[]) };
        let hooks = this.hooks();
        let revision = this.git_in("hooks", &["rev-parse", "HEAD"]);
        this.git(&["init", "--quiet"]);
        this.write(".pre-commit-config.yaml", &configuration(&hooks, revision.trim()));
        let mut install = Command::new(python);
        tools::run(this.surround(install.args(["-m", "pre_commit", "install"]).current_dir(this.project.path(""))))
            .unwrap();
        this.commit_anyway();
        Some(this)
    }

    /// The path of a repository that holds the hooks as they are in the working tree.
    fn hooks(&self) -> String {
        let path = self.around.path("hooks").to_str().unwrap().to_owned();
        if source_hook_is_tested() {
            tools::run(Command::new("git").args(["clone", "--quiet"]).arg(root()).arg(&path)).unwrap();
        }
        self.around.write("hooks/.pre-commit-hooks.yaml", document(".pre-commit-hooks.yaml"));
        self.git_in("hooks", &["init", "--quiet"]);
        self.git_in("hooks", &["add", "--all"]);
        self.git_in("hooks", &["commit", "--quiet", "--allow-empty", "--message", "hooks"]);
        path
    }

    /// `command` with the tested program, and away from the settings of whoever runs the tests.
    fn surround<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let somebody = ["GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"];
        command
            .env("PATH", search_path(None))
            .env("PRE_COMMIT_HOME", self.around.path("store"))
            // Where the program is built from source, its speed is of no matter.
            .envs([("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0"), ("CARGO_PROFILE_RELEASE_LTO", "off")])
            .env("GIT_CONFIG_GLOBAL", self.around.path("gitconfig"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .envs(somebody.map(|name| (name, "nobody")))
            .env_remove("GIT_DIR")
            .env_remove("SKIP")
    }

    fn git_in(&self, folder: &str, arguments: &[&str]) -> String {
        let folder = self.around.path(folder);
        tools::run(self.surround(Command::new("git").args(arguments).current_dir(folder))).unwrap()
    }

    fn git(&self, arguments: &[&str]) -> String {
        tools::run(self.surround(Command::new("git").args(arguments).current_dir(self.project.path("")))).unwrap()
    }

    pub(crate) fn write(&self, path: &str, content: &str) {
        self.project.write(path, content);
    }

    /// Commits everything. Whether it was committed, and what was said.
    pub(crate) fn commit(&self) -> (bool, String) {
        self.git(&["add", "--all"]);
        let before = self.commits();
        let mut commit = Command::new("git");
        commit.args(["commit", "--message", "a change"]).current_dir(self.project.path(""));
        let Ran { code, stdout, stderr } = Ran::of(self.surround(&mut commit).output().unwrap());
        let committed = self.commits() > before;
        assert_eq!(committed, code == 0);
        (committed, stdout + &stderr)
    }

    /// Commits everything without asking the hook.
    fn commit_anyway(&self) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--no-verify", "--message", "anyway"]);
    }

    fn commits(&self) -> usize {
        self.git(&["rev-list", "--all"]).lines().count()
    }

    #[track_caller]
    fn passes(&self) -> String {
        let (committed, said) = self.commit();
        assert!(committed, "{said}");
        said
    }

    #[track_caller]
    fn is_blocked(&self) -> String {
        let (committed, said) = self.commit();
        assert!(!committed, "{said}");
        said
    }
}

/// Building the program from source takes minutes.
pub(crate) fn source_hook_is_tested() -> bool {
    std::env::var_os("IMDSLINT_TEST_SOURCE_HOOK").is_some()
}

#[test]
fn a_faulty_file_is_blocked_and_passes_once_it_is_mended() {
    let Some(repository) = Repository::new("imdslint-system") else { return };
    repository.write("infra/main.tf", DISABLED);
    let said = repository.is_blocked();
    assert!(said.contains("IMDS101") && said.contains("infra/main.tf:3:21") && said.contains("exit code: 1"), "{said}");
    repository.write("infra/main.tf", &enabled());
    let said = repository.passes();
    assert!(said.contains("imdslint") && said.contains("Passed"), "{said}");
}

#[test]
fn several_files_are_one_run() {
    let Some(repository) = Repository::new("imdslint-system") else { return };
    for number in 0..40 {
        repository.write(&format!("host {number}/main.tf"), DISABLED);
    }
    repository.write("cfn/good.yaml", "AWSTemplateFormatVersion: '2010-09-09'\nResources: {}\n");
    repository.write("README.md", "# hello\n");
    let said = repository.is_blocked();
    assert_eq!(said.matches("warning[IMDS101]").count(), 40, "{said}");
    assert_eq!(said.matches("40 findings (40 warnings), 41 files").count(), 1, "{said}");
}

#[test]
fn a_fault_that_another_file_makes_is_seen() {
    let Some(repository) = Repository::new("imdslint-system") else { return };
    let host = "variable \"endpoint\" {}\n".to_owned() + &DISABLED.replace("\"disabled\"", "var.endpoint");
    repository.write("main.tf", &host);
    repository.passes();
    repository.write("terraform.tfvars", "endpoint = \"disabled\"\n");
    let said = repository.is_blocked();
    assert!(said.contains("terraform.tfvars:1:12"), "{said}");
}

#[test]
fn a_deleted_file_passes() {
    let Some(repository) = Repository::new("imdslint-system") else { return };
    repository.write("main.tf", DISABLED);
    repository.write("other.tf", &enabled().replace("web", "other"));
    repository.commit_anyway();
    repository.git(&["rm", "--quiet", "main.tf"]);
    let said = repository.passes();
    assert!(said.contains("no files to check"), "{said}");
}

#[test]
fn what_is_none_of_ours_passes() {
    let Some(repository) = Repository::new("imdslint-system") else { return };
    repository.write("notes.txt", "nothing that concerns us\n");
    repository.write("Makefile", "all:\n");
    let said = repository.passes();
    assert!(said.contains("imdslint") && said.contains("Skipped"), "{said}");
    repository.write("chart/values.yaml", "image: {{ .Values.image }}\n  broken: [\n");
    repository.write("data.json", "{ \"no\": ");
    repository.write("tools/run.sh", "echo \"unclosed\n");
    let said = repository.passes();
    assert!(said.contains("Passed"), "{said}");
}

#[test]
fn a_file_of_ours_that_cannot_be_parsed_is_blocked() {
    let Some(repository) = Repository::new("imdslint-system") else { return };
    repository.write("main.tf", "locals {\n  a = [1\n}\n");
    let said = repository.is_blocked();
    assert!(said.contains("main.tf:2:7") && said.contains("exit code: 3"), "{said}");
}

#[test]
fn a_file_is_no_option_whatever_it_is_called() {
    let Some(repository) = Repository::new("imdslint-system") else { return };
    repository.write("main.tf", DISABLED);
    repository.write("--exclude=*.tf", "");
    repository.write("--format=json=main.tf", "");
    let said = repository.is_blocked();
    assert!(said.contains("IMDS101") && said.contains("exit code: 1"), "{said}");
    assert_eq!(repository.project.read("main.tf"), DISABLED);
}

#[test]
fn the_hook_that_builds_from_source_finds_the_same() {
    if !source_hook_is_tested() {
        return;
    }
    let Some(repository) = Repository::new("imdslint-src") else { return };
    repository.write("main.tf", DISABLED);
    let said = repository.is_blocked();
    assert!(said.contains("IMDS101"), "{said}");
    repository.write("main.tf", &enabled());
    repository.passes();
}
