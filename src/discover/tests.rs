//! Whole workspaces, in temporary folders.

use std::fs;

use super::*;

struct Repository {
    _guard: tempfile::TempDir,
    root: PathBuf,
}

impl Repository {
    /// A repository with the given files.
    fn new(files: &[(&str, &str)]) -> Self {
        let guard = tempfile::tempdir().unwrap();
        let root = guard.path().canonicalize().unwrap().join("r");
        fs::create_dir_all(root.join(".git")).unwrap();
        let repository = Self { _guard: guard, root };
        for (path, text) in files {
            repository.write(path, text);
        }
        repository
    }

    fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    #[cfg(unix)]
    fn link(&self, path: &str, target: &str) {
        std::os::unix::fs::symlink(target, self.root.join(path)).unwrap();
    }

    fn try_open(&self, options: &Options) -> Result<Workspace, OpenError> {
        Workspace::open_in(options, self.root.clone())
    }

    fn open_with(&self, options: impl std::borrow::Borrow<Options>) -> Workspace {
        self.try_open(options.borrow()).unwrap()
    }

    fn open(&self, paths: &[&str]) -> Workspace {
        self.open_with(options(paths))
    }
}

fn options(paths: &[&str]) -> Options {
    Options { paths: paths.iter().map(PathBuf::from).collect(), ..Options::default() }
}

fn globs(globs: &[&str]) -> Vec<String> {
    globs.iter().map(|glob| (*glob).to_owned()).collect()
}

fn paths(workspace: &Workspace) -> Vec<&str> {
    workspace.entries().iter().map(|entry| &*entry.path).collect()
}

fn selected(workspace: &Workspace) -> Vec<&str> {
    workspace.entries().iter().filter(|entry| entry.selected).map(|entry| &*entry.path).collect()
}

fn problems(workspace: &Workspace) -> Vec<(ProblemCode, String)> {
    let path = |place: &Place| match place {
        Place::Path(path) => path.to_string(),
        Place::Span(span) => format!("{}:{}", workspace.source(span.file).path, span.start),
    };
    workspace.problems().iter().map(|problem| (problem.code, path(&problem.place))).collect()
}

fn folders(workspace: &Workspace) -> Vec<String> {
    workspace.folders_to_analyse().iter().map(ToString::to_string).collect()
}

const TEMPLATE: &str = "Resources:\n  A:\n    Type: AWS::EC2::Instance\n";

#[test]
fn files_of_ours_are_found_and_nothing_else() {
    let repository = Repository::new(&[
        ("z.tf", ""),
        ("a/main.tf.json", "{}"),
        (".platform/x.tfvars", ""),
        ("a/template.yml", TEMPLATE),
        ("a/broken.yaml", "{{{ AWS::"),
        ("a/deployment.yaml", "kind: Deployment\n"),
        ("a/README.md", TEMPLATE),
        (".terraform/modules/m/main.tf", ""),
        ("node_modules/m/main.tf", ""),
        (".git/x.tf", ""),
    ]);
    let workspace = repository.open(&["."]);
    let found: Vec<_> = workspace.entries().iter().map(|entry| (&*entry.path, entry.kind)).collect();
    assert_eq!(
        found,
        [
            (".platform/x.tfvars", Kind::TerraformVariables),
            ("a/main.tf.json", Kind::TerraformJson),
            ("a/template.yml", Kind::CloudFormation),
            ("z.tf", Kind::Terraform),
        ]
    );
    assert_eq!(workspace.entries()[2].reason.to_string(), "has `Resources` with a CloudFormation type");
    assert_eq!(selected(&workspace).len(), 4);
    assert_eq!(problems(&workspace), []);
    assert!(!workspace.named_files_only());
    assert_eq!(workspace.source(workspace.entry("a/template.yml").unwrap().id).text(), TEMPLATE);
}

#[test]
fn git_ignored_files_are_found_only_when_they_are_named() {
    let repository = Repository::new(&[
        (".gitignore", "*.auto.tfvars\n/build/\n"),
        ("a/.gitignore", "!kept.auto.tfvars\n"),
        (".ignore", "b.tf\n"),
        ("main.tf", ""),
        ("b.tf", ""),
        ("x.auto.tfvars", ""),
        ("a/kept.auto.tfvars", ""),
        ("build/out.tf", ""),
        ("build/deep/out.tf", ""),
    ]);
    assert_eq!(paths(&repository.open(&["."])), ["a/kept.auto.tfvars", "main.tf"]);
    let named = repository.open(&["x.auto.tfvars", "build/out.tf"]);
    assert_eq!(selected(&named), ["build/out.tf", "x.auto.tfvars"]);
    assert_eq!(selected(&repository.open(&["build"])), ["build/deep/out.tf", "build/out.tf"]);
    let workspace = repository.open(&["."]);
    assert!(workspace.load("x.auto.tfvars").is_ok(), "git-ignored files are read when they are asked for");
    assert!(workspace.list("").contains(&"x.auto.tfvars".to_owned()));
}

#[test]
fn ignore_files_of_the_repository_above_hold_and_others_do_not() {
    let repository = Repository::new(&[(".gitignore", "gone.tf\n"), ("sub/gone.tf", ""), ("sub/kept.tf", "")]);
    fs::write(repository.root.join("../.gitignore"), "kept.tf\n").unwrap();
    let root = Some(PathBuf::from("sub"));
    let workspace = repository.open_with(Options { root, ..options(&["sub"]) });
    assert_eq!(paths(&workspace), ["kept.tf"]);
}

#[test]
fn the_order_of_the_paths_does_not_matter() {
    let files: Vec<_> = (0..40).map(|index| format!("d{}/f{index}.tf", index % 7)).collect();
    let files: Vec<_> = files.iter().map(|path| (path.as_str(), "")).collect();
    let repository = Repository::new(&files);
    let forwards = repository.open(&["d1", "d2", "d3/f3.tf"]);
    let backwards = repository.open(&["d3/f3.tf", "d2", "d1", "./d1/../d2"]);
    assert_eq!(forwards.entries(), backwards.entries());
    assert!(forwards.entries().is_sorted_by(|one, other| one.path < other.path));
    assert_eq!(paths(&forwards).len(), 40, "files that are not named are there too, for callers and modules");
    assert_eq!(selected(&forwards).len(), 13);
}

#[test]
fn excluded_files_are_known_but_not_selected_unless_they_are_named() {
    let repository = Repository::new(&[("main.tf", ""), ("vendor/m/a.tf", ""), ("x/old.tf", "")]);
    let with = |paths: &[&str], force_exclude| {
        let exclude = globs(&["vendor/", "old.*"]);
        repository.open_with(Options { exclude, force_exclude, ..options(paths) })
    };
    let workspace = with(&["."], false);
    assert_eq!(paths(&workspace).len(), 3);
    assert_eq!(selected(&workspace), ["main.tf"]);
    assert!(!workspace.is_selected("vendor/m/script.sh") && workspace.is_selected("x/script.sh"));
    assert_eq!(selected(&with(&["vendor/m/a.tf"], false)), ["vendor/m/a.tf"]);
    let forced = with(&["vendor/m/a.tf"], true);
    assert_eq!(selected(&forced), [""; 0]);
    assert!(forced.named_files_only());
}

#[test]
fn a_malformed_glob_is_an_error() {
    let repository = Repository::new(&[("main.tf", "")]);
    let error = repository.try_open(&Options { exclude: globs(&["ok", "a[b"]), ..options(&["."]) }).unwrap_err();
    assert!(matches!(&error, OpenError::Glob { glob, .. } if glob == "a[b"), "{error}");
}

#[test]
fn files_with_a_given_kind_need_no_ending() {
    let repository = Repository::new(&[("template", "x"), ("other.tf", "")]);
    let workspace = repository.open_with(Options { kind: Some(Kind::CloudFormation), ..options(&["template"]) });
    let kinds: Vec<_> = workspace.entries().iter().map(|entry| (&*entry.path, entry.kind)).collect();
    assert_eq!(kinds, [("other.tf", Kind::Terraform), ("template", Kind::CloudFormation)]);
    assert_eq!(workspace.entry("template").unwrap().reason, Reason::Given);
}

#[test]
fn an_unsaved_buffer_is_laid_over_its_file() {
    let repository = Repository::new(&[("a/main.tf", "saved")]);
    let overlay = |path: &str, text: &str| Options {
        overlay: Some(Overlay { path: path.into(), bytes: text.into() }),
        ..options(&[])
    };
    let workspace = repository.open_with(overlay("./a/main.tf", "unsaved"));
    assert_eq!(workspace.source(workspace.entry("a/main.tf").unwrap().id).text(), "unsaved");
    assert_eq!(workspace.load("a/main.tf").unwrap().text(), "unsaved");
    assert_eq!(workspace.display_path("a/main.tf"), "./a/main.tf", "the name is kept as it was given");
    assert!(workspace.named_files_only());
}

#[test]
fn an_unsaved_buffer_need_not_be_saved_anywhere() {
    let repository = Repository::new(&[("a/main.tf", "")]);
    let overlay = |path: &str, text: &str| Options {
        overlay: Some(Overlay { path: path.into(), bytes: text.into() }),
        ..options(&[])
    };
    let workspace = repository.open_with(overlay("new/stack.yaml", TEMPLATE));
    assert_eq!(selected(&workspace), ["new/stack.yaml"]);
    assert_eq!(workspace.list("new"), ["stack.yaml"]);
    assert_eq!(workspace.files_below(""), ["a/main.tf", "new/stack.yaml"]);
    let script = repository.open_with(overlay("new/init.sh", "echo"));
    assert_eq!(selected(&script), ["new/init.sh"], "a script that is named is judged by itself");
    assert_eq!(script.load("new/init.sh").unwrap().text(), "echo");
    let long = Options { limits: Limits { file_bytes: 3, ..Limits::default() }, ..overlay("new/x.tf", "1234") };
    assert_eq!(problems(&repository.open_with(long)), [(ProblemCode::Limit, "new/x.tf".to_owned())]);
}

#[test]
fn files_that_are_too_large_are_a_problem_when_they_are_ours() {
    let repository =
        Repository::new(&[("a.tf", "0123456789"), ("b.tf", "0"), ("data.json", "{\"a\": \"0123456789\"}")]);
    let limits = Limits { file_bytes: 9, ..Limits::default() };
    let workspace = repository.open_with(Options { limits, ..options(&["."]) });
    assert_eq!(problems(&workspace), [(ProblemCode::Limit, "a.tf".to_owned())]);
    assert_eq!(workspace.load("data.json").unwrap_err(), LoadError::TooLarge { bytes: 19, limit: 9 });
    assert_eq!(workspace.load("a.tf").unwrap_err(), LoadError::TooLarge { bytes: 10, limit: 9 });
    let elsewhere = repository.open_with(Options { limits, ..options(&["b.tf"]) });
    assert_eq!(problems(&elsewhere), [], "what is not selected is not read");
    elsewhere.source(elsewhere.entry("a.tf").unwrap().id);
    assert_eq!(problems(&elsewhere).len(), 1, "until it is needed");
}

#[test]
fn plans_have_a_limit_of_their_own() {
    let head = r#"{"format_version":"1.2","terraform_version":"1.11.4","#;
    let plan = format!("{head}\"planned_values\":{{}}}}");
    let state = format!("{head}\"values\":{{\"planned_values\":1}}}}");
    let repository = Repository::new(&[("plan.json", &plan), ("state.json", &state), ("data.json", &"[1]".repeat(99))]);
    let length = plan.len() as u64;
    let with = |plan_bytes| Limits { file_bytes: 9, plan_bytes, ..Limits::default() };
    let workspace = repository.open_with(Options { limits: with(length), ..options(&["."]) });
    assert_eq!((paths(&workspace), problems(&workspace)), (vec!["plan.json"], vec![]));
    let workspace = repository.open_with(Options { limits: with(length - 1), ..options(&["."]) });
    assert_eq!(problems(&workspace), [(ProblemCode::Limit, "plan.json".to_owned())]);
    let overlay = Some(Overlay { path: "-".into(), bytes: plan.clone().into() });
    let given = Options { overlay, kind: Some(Kind::Terraform), limits: with(length), ..options(&[]) };
    assert_eq!(repository.open_with(given).entry("-").map(|entry| entry.kind), Some(Kind::TerraformPlan));
}

#[test]
fn the_number_of_files_is_limited() {
    let repository = Repository::new(&[("a.tf", ""), ("b.tf", ""), ("c.tf", ""), ("d.txt", "")]);
    let with = |files| {
        let limits = Limits { files, ..Limits::default() };
        repository.open_with(Options { limits, ..options(&["."]) })
    };
    assert_eq!(problems(&with(3)), []);
    assert!(matches!(with(3).load("d.txt"), Err(LoadError::Unreadable(_))));
    assert!(with(4).load("d.txt").is_ok());
    assert_eq!(problems(&with(2)), [(ProblemCode::Limit, ".".to_owned())]);
}

#[test]
fn bytes_that_are_not_utf_8_are_a_problem_in_files_of_ours() {
    let repository = Repository::new(&[]);
    repository.write("a.tf", b"ab\xff\xfe");
    repository.write("logo.png", b"\xff");
    let workspace = repository.open(&["."]);
    assert!(workspace.load("logo.png").is_ok());
    assert_eq!(problems(&workspace), [(ProblemCode::Encoding, "a.tf:2".to_owned())]);
}

#[test]
fn loading_stays_inside_the_root() {
    let repository = Repository::new(&[("a/x.sh", "x"), (".git/config", "token")]);
    fs::write(repository.root.join("../secret"), "secret").unwrap();
    let workspace = repository.open(&["."]);
    for path in ["../secret", "a/../../secret", "/etc/passwd", ".git/config", "a/../.git/config"] {
        assert_eq!(workspace.load(path).unwrap_err(), LoadError::OutsideRoot, "{path}");
    }
    assert_eq!(workspace.load("a/missing").unwrap_err(), LoadError::Missing);
    assert_eq!(workspace.load("a/x.sh/y").unwrap_err(), LoadError::Missing);
    assert_eq!(workspace.load("a").unwrap_err(), LoadError::NotRegular);
    assert_eq!(workspace.load("").unwrap_err(), LoadError::NotRegular);
    assert!(workspace.list("..").is_empty() && workspace.files_below("/").is_empty());
    let loaded = workspace.load("a/./x.sh").unwrap();
    assert!(Arc::ptr_eq(&loaded, &workspace.load("b/../a/x.sh").unwrap()), "a file is read once");
    assert!(Arc::ptr_eq(&loaded, &workspace.source(loaded.id)));
}

#[cfg(unix)]
#[test]
fn links_are_followed_to_files_inside_the_root_only() {
    let repository = Repository::new(&[("real/main.tf", "real"), ("real/init.sh", "x"), (".git/config", "token")]);
    fs::write(repository.root.join("../secret.tf"), "secret").unwrap();
    repository.link("inside.tf", "real/main.tf");
    repository.link("out.tf", "../secret.tf");
    repository.link("token.tf", ".git/config");
    repository.link("dangling.tf", "nowhere");
    repository.link("out.yaml", "../secret.tf");
    repository.link("folder", "real");
    repository.link("above", "..");
    let workspace = repository.open(&["."]);
    assert_eq!(paths(&workspace), ["dangling.tf", "inside.tf", "out.tf", "real/main.tf", "token.tf"]);
    assert_eq!(
        problems(&workspace),
        [
            (ProblemCode::Missing, "dangling.tf".to_owned()),
            (ProblemCode::OutsideRoot, "out.tf".to_owned()),
            (ProblemCode::OutsideRoot, "token.tf".to_owned()),
        ]
    );
    assert_eq!(workspace.load("inside.tf").unwrap().text(), "real");
    assert_eq!(workspace.load("out.yaml").unwrap_err(), LoadError::OutsideRoot);
    assert_eq!(workspace.load("above/secret.tf").unwrap_err(), LoadError::OutsideRoot);
    assert!(workspace.list("above").is_empty() && workspace.files_below("above").is_empty());
    let through_link = workspace.load("folder/init.sh").unwrap();
    assert_eq!(&*through_link.path, "real/init.sh");
    assert!(Arc::ptr_eq(&through_link, &workspace.load("real/init.sh").unwrap()));
    assert_eq!(workspace.load("folder/main.tf").unwrap().id, workspace.entry("real/main.tf").unwrap().id);
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_never_opened() {
    let repository = Repository::new(&[("a.tf", "")]);
    for name in ["pipe.tf", "pipe.yaml", "pipe"] {
        let made = std::process::Command::new("mkfifo").arg(repository.root.join(name)).status().unwrap();
        assert!(made.success());
    }
    repository.link(".gitignore", "/dev/zero");
    repository.link("device.tf", "/dev/zero");
    let workspace = repository.open(&["."]);
    assert_eq!(
        problems(&workspace),
        [(ProblemCode::OutsideRoot, "device.tf".to_owned()), (ProblemCode::Unreadable, "pipe.tf".to_owned())]
    );
    assert_eq!(workspace.load("pipe").unwrap_err(), LoadError::NotRegular);
    assert_eq!(workspace.list(""), ["a.tf"], "only regular files are listed");
}

#[cfg(unix)]
#[test]
fn every_name_that_is_not_utf_8_is_a_problem() {
    use std::os::unix::ffi::OsStrExt;
    let repository = Repository::new(&[("a.tf", "")]);
    for name in [&b"\xff1.tf"[..], b"\xff2.tf", b"\xff.txt"] {
        fs::write(repository.root.join(std::ffi::OsStr::from_bytes(name)), "").unwrap();
    }
    let unreadable = |path: &str| (ProblemCode::Unreadable, path.to_owned());
    let workspace = repository.open(&["."]);
    assert_eq!(problems(&workspace), [unreadable("\u{fffd}1.tf"), unreadable("\u{fffd}2.tf")]);
}

#[test]
fn folders_are_listed_with_what_is_ignored() {
    let repository = Repository::new(&[
        (".gitignore", "*.tfvars\n"),
        ("a/terraform.tfvars", ""),
        ("a/b/x.sh", ""),
        ("a/b/c/y.sh", ""),
        ("a/.git/z", ""),
    ]);
    let workspace = repository.open(&["."]);
    assert_eq!(workspace.list("a"), ["terraform.tfvars"]);
    assert_eq!(workspace.list("a/b/.."), ["terraform.tfvars"]);
    for folder in ["a", "a/b/.."] {
        assert_eq!(workspace.list_variables(folder), ["terraform.tfvars"], "{folder}");
    }
    assert!(workspace.list_variables("a/b").is_empty());
    assert_eq!(workspace.files_below("a"), ["b/c/y.sh", "b/x.sh", "terraform.tfvars"]);
    assert!(workspace.list("missing").is_empty());
}

#[test]
fn paths_are_shown_relative_to_the_working_directory() {
    let repository = Repository::new(&[("a/b/x.tf", ""), ("c/y.tf", "")]);
    let shown = |current: &str, path: &str| {
        let options = Options { root: Some(repository.root.clone()), ..options(&["."]) };
        Workspace::open_in(&options, repository.root.join(current)).unwrap().display_path(path)
    };
    assert_eq!(shown("", "a/b/x.tf"), "a/b/x.tf");
    assert_eq!(shown("a", "a/b/x.tf"), "b/x.tf");
    assert_eq!(shown("a/b", "c/y.tf"), "../../c/y.tf");
    assert_eq!(shown("", "."), ".");
}

#[test]
fn texts_that_are_in_no_file_have_a_source_too() {
    let repository = Repository::new(&[("a.tf", "")]);
    let workspace = repository.open(&["."]);
    let text = workspace.add_virtual("<command line>", "x=1".to_owned());
    assert_eq!(workspace.source(text.id).text(), "x=1");
    assert_eq!(workspace.display_path("<command line>"), "<command line>");
    assert_eq!(workspace.load("<command line>").unwrap_err(), LoadError::Missing);
    assert_eq!(workspace.source(FileId(99)).text(), "", "an id of another run is an empty file");
}

fn modules() -> Repository {
    Repository::new(&[
        ("envs/prod/main.tf", "module \"web\" { source = \"../../modules/web\" }"),
        ("envs/prod/prod.tfvars", ""),
        ("envs/test/main.tf.json", "{\"module\": {\"db\": {\"source\": \"../../modules/db\"}}}"),
        ("modules/web/main.tf", "# source = \"../db\"\nmodule \"base\" { source = \"./../base//\" }"),
        ("modules/base/main.tf", "user_data = templatefile(\"${path.module}/init.sh.tftpl\", {})"),
        ("modules/base/init.sh.tftpl", ""),
        ("modules/db/main.tf", "user_data = file(\"scripts/db.sh\")"),
        ("scripts/db.sh", ""),
        ("vars/extra.tfvars", ""),
    ])
}

#[test]
fn a_named_file_brings_its_folder_its_callers_and_all_that_they_call() {
    let repository = modules();
    let analysed = |path: &str| folders(&repository.open(&[path]));
    assert_eq!(analysed("modules/base/main.tf"), ["envs/prod", "modules/base", "modules/web"]);
    assert_eq!(analysed("envs/prod/main.tf"), ["envs/prod", "modules/base", "modules/web"]);
    assert_eq!(analysed("envs/prod/prod.tfvars"), ["envs/prod", "modules/base", "modules/web"]);
    assert_eq!(analysed("modules/db"), ["envs/test", "modules/db"]);
    assert_eq!(analysed("."), ["envs/prod", "envs/test", "modules/base", "modules/db", "modules/web"]);
    assert_eq!(analysed("vars/extra.tfvars"), [""; 0]);
}

#[test]
fn a_named_script_brings_the_folders_that_mention_it() {
    let repository = modules();
    let analysed = |path: &str| folders(&repository.open(&[path]));
    assert_eq!(analysed("modules/base/init.sh.tftpl"), ["envs/prod", "modules/base", "modules/web"]);
    assert_eq!(analysed("scripts/db.sh"), ["envs/test", "modules/db"]);
}

#[cfg(unix)]
#[test]
fn modules_are_found_through_linked_folders() {
    let repository = Repository::new(&[("env/main.tf", "source = \"./modules/a\""), ("shared/a/main.tf", "")]);
    repository.link("env/modules", "../shared");
    assert_eq!(folders(&repository.open(&["shared/a"])), ["env", "shared/a"]);
}

#[test]
fn modules_that_call_each_other_come_to_an_end() {
    let repository =
        Repository::new(&[("a/m.tf", "s = \"../b\""), ("b/m.tf", "s = \"../a\""), ("m.tf", "s = \"./.\"")]);
    assert_eq!(folders(&repository.open(&["a"])), ["a", "b"]);
}

const REQUEST: &str = "{\"MetadataOptions\": {\"HttpEndpoint\": \"disabled\"}}";

/// Options for which a text is ours that disables something, and scripts call `aws`.
fn marking() -> Options {
    let marker =
        Marker { script: |_| false, caller: |text| text.contains("aws"), file: |text| text.contains("disabled") };
    Options { marker, ..Options::default() }
}

fn handed(repository: &Repository, script: &str) -> (Vec<String>, Vec<String>) {
    let workspace = repository.open_with(marking());
    let Some(entry) = workspace.entry(script) else { return Default::default() };
    let HandedFiles { by_path, by_name } = workspace.handed_files(&workspace.source(entry.id));
    (by_path.keys().map(ToString::to_string).collect(), by_name.into_keys().collect())
}

#[test]
fn a_script_is_handed_the_files_that_it_can_only_mean() {
    let paths = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>();
    let repository = Repository::new(&[
        (
            "ops/run.sh",
            "aws x --cli-input-json file://a.json\naws x --y file://ops/b.json\naws x \"$(cat \"$D/c.json\")\"",
        ),
        ("ops/a.json", REQUEST),
        ("ops/b.json", REQUEST),
        ("ops/c.json", REQUEST),
        ("c.json", REQUEST),
    ]);
    let expected = (paths(&["ops/a.json", "ops/b.json", "ops/c.json"]), paths(&["a.json", "ops/b.json"]));
    assert_eq!(handed(&repository, "ops/run.sh"), expected);
    repository.write("a.json", "{}");
    let expected = (paths(&["ops/a.json", "ops/b.json", "ops/c.json"]), paths(&["ops/b.json"]));
    assert_eq!(handed(&repository, "ops/run.sh"), expected, "either of two files may be meant");
}

#[test]
fn a_script_that_hands_over_nothing_of_ours_is_not_ours() {
    for (script, path, text) in [
        ("aws x --y file://a.json", "a.json", "{}"),
        ("aws x --y file://a.json", "other.json", REQUEST),
        ("aws x --y file://../../a.json", "a.json", REQUEST),
        ("cat a.json", "a.json", REQUEST),
        ("aws x --y https://example.com/a.json", "a.json", REQUEST),
    ] {
        let repository = Repository::new(&[("ops/run.sh", script), (path, text)]);
        assert!(repository.open_with(marking()).entry("ops/run.sh").is_none(), "{script}");
    }
    let repository = Repository::new(&[("run.sh", "aws x --y file://a.json")]);
    repository.write("a.json", format!("{REQUEST}{}", " ".repeat(300 << 10)));
    assert!(repository.open_with(marking()).entry("run.sh").is_none(), "no request is as long");
}

#[cfg(unix)]
#[test]
fn no_file_outside_of_the_root_is_handed_over() {
    let repository = Repository::new(&[("run.sh", "aws x --y file://link.json --z file://folder/a.json")]);
    let outside = repository.root.parent().unwrap().join("a.json");
    fs::write(&outside, REQUEST).unwrap();
    repository.link("link.json", "../a.json");
    repository.link("folder", "..");
    assert!(repository.open_with(marking()).entry("run.sh").is_none());
}

#[test]
fn configurations_of_beanstalk_lie_in_their_folder() {
    for (path, is_one) in [
        (".ebextensions/a.config", true),
        ("app/.ebextensions/a.config", true),
        (".ebextensions/a/b.config", false),
        ("web.config", false),
        (".ebextensions/a.txt", false),
    ] {
        assert_eq!(configures_beanstalk(path), is_one, "{path}");
    }
}
