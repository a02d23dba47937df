//! The arguments as clap knows them: names, help, and what excludes what.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use super::terminal::{Color, Surroundings};
use super::{Baseline, Check, Command, Fixing, Input, Listing, Output, Schema};
use crate::config::FailOn;
use crate::discover::Kind;
use crate::engine::{self, Configuration, Variables};
use crate::finding::{Confidence, Safety, Severity};
use crate::network::Principal;
use crate::report::{Format, Style};
use crate::source::Limits;

const EXIT_CODES: &str = "\
Exit codes:
  0  nothing at or above --fail-on
  1  findings
  2  wrong usage or configuration, a path that does not exist, or an internal error
  3  some input could not be read or parsed
  4  nothing to check";

const TABLE: [(&str, Listing); 3] = [("text", Listing::Text), ("json", Listing::Json), ("markdown", Listing::Markdown)];
const LIST: [(&str, Listing); 2] = [("text", Listing::Text), ("json", Listing::Json)];
const KINDS: [(&str, GivenKind); 6] = [
    ("auto", GivenKind(None)),
    ("terraform", GivenKind(Some(Kind::Terraform))),
    ("cloudformation", GivenKind(Some(Kind::CloudFormation))),
    ("image-builder", GivenKind(Some(Kind::ImageBuilder))),
    ("packer", GivenKind(Some(Kind::Packer))),
    ("user-data", GivenKind(Some(Kind::UserData))),
];
const SEVERITIES: [(&str, Severity); 3] =
    [("error", Severity::Error), ("warning", Severity::Warning), ("note", Severity::Note)];
const CONFIDENCES: [(&str, Confidence); 3] =
    [("high", Confidence::High), ("medium", Confidence::Medium), ("low", Confidence::Low)];
const FAIL_ON: [(&str, FailOn); 4] =
    [("error", FailOn::Error), ("warning", FailOn::Warning), ("note", FailOn::Note), ("never", FailOn::Never)];
const COLORS: [(&str, Color); 3] = [("auto", Color::Auto), ("always", Color::Always), ("never", Color::Never)];
const SCHEMAS: [(&str, Schema); 5] = [
    ("report", Schema::Report),
    ("hosts", Schema::Hosts),
    ("config", Schema::Config),
    ("agent", Schema::Agent),
    ("resource", Schema::Resource),
];

/// Says, before anything is launched, whether the monitoring agent on every EC2 host that a repository describes can
/// reach the instance metadata service (IMDS).
#[derive(Parser)]
#[command(name = "imdslint", version, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Subcommands,
}

#[derive(Subcommand)]
enum Subcommands {
    /// Lint files and folders.
    #[command(after_help = EXIT_CODES)]
    Check(Box<CheckArguments>),
    /// Write the findings of today to a file, so that `check --baseline` fails on new ones only.
    ///
    /// A baseline that is there is brought up to date: it gets what is new and loses what is mended.
    Baseline {
        #[command(flatten)]
        input: InputArguments,
        #[command(flatten)]
        rules: RuleArguments,
        /// The baseline [default: that of the configuration, or else `imdslint-baseline.json`].
        #[arg(long, value_name = "FILE", help_heading = "Output")]
        output: Option<PathBuf>,
        /// Take out what is mended, and add nothing.
        #[arg(long, help_heading = "Output")]
        prune: bool,
    },
    /// Show the resolved hosts, and who on them reaches the metadata service.
    Hosts {
        #[command(flatten)]
        input: InputArguments,
        /// Ask about this principal instead of the usual ones: root, other, container, or
        /// uid=N[,gid=N][,groups=N+N…]. Repeatable.
        #[arg(long = "principal", value_name = "SPEC", value_parser = principal, help_heading = "Values")]
        principals: Vec<(String, Principal)>,
        /// How to print them.
        #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = choice(LIST), help_heading = "Output")]
        format: Listing,
    },
    /// Show which files are read, as what kind, why, and which hosts use them.
    Files {
        #[command(flatten)]
        input: InputArguments,
        /// How to print them.
        #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = choice(LIST), help_heading = "Output")]
        format: Listing,
    },
    /// Show the page of a rule.
    Explain {
        /// The rule, by id or name.
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        rule: Option<String>,
        /// Show the pages of all rules.
        #[arg(long)]
        all: bool,
    },
    /// List the rules.
    Rules {
        /// How to print them.
        #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = choice(TABLE))]
        format: Listing,
    },
    /// List the agents that are known.
    Agents {
        /// How to print them.
        #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = choice(LIST))]
        format: Listing,
    },
    /// Print a JSON schema.
    Schema {
        /// What it describes.
        #[arg(value_parser = choice(SCHEMAS))]
        name: Schema,
    },
    /// Print a completion script.
    Completions {
        /// The shell that it is for.
        shell: clap_complete::Shell,
    },
}

/// The kind of the named files; found out for each when absent. clap would take a bare `Option` for an argument that
/// may be left out, which this one may not: it has a default.
#[derive(Clone, Copy)]
struct GivenKind(Option<Kind>);

#[derive(Args)]
#[command(next_help_heading = "Input")]
struct InputArguments {
    /// Files and folders; `-` reads standard input.
    #[arg(value_name = "PATH", default_value = ".", help_heading = None)]
    paths: Vec<PathBuf>,
    /// The path that standard input counts as; its unsaved content takes the place of that file.
    #[arg(long, value_name = "PATH")]
    stdin_filename: Option<PathBuf>,
    /// What kind of file the named files and standard input are; user-data is whatever a host is given at boot.
    #[arg(long, value_name = "KIND", default_value = "auto", value_parser = choice(KINDS))]
    kind: GivenKind,
    /// The workspace root [default: the nearest folder above with `.git` or `imdslint.yaml`].
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Do not lint files that match, relative to the root.
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,
    /// Apply `--exclude` to named files too.
    #[arg(long)]
    force_exclude: bool,
    /// Exit with 0 when there is nothing to check.
    #[arg(long)]
    allow_empty: bool,
    #[command(flatten)]
    variables: VariablesInOrder,
    /// Set a CloudFormation parameter.
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = assignment, help_heading = "Values")]
    parameters: Vec<(String, String)>,
    /// Take every host to carry this agent.
    #[arg(long = "require-agent", value_name = "NAME", value_delimiter = ',', help_heading = "Values")]
    require_agents: Vec<String>,
    /// Assume something of the base image: docker=before|after|absent, routes=gateway|on-link, iptables=nft|legacy,
    /// hop-limit=N, listen=PORT[,PORT], users=NAME:UID:GID[,…]. What is not assumed and matters is tried both ways.
    #[arg(long = "assume", value_name = "KEY=VALUE", value_parser = assignment, help_heading = "Values")]
    assumptions: Vec<(String, String)>,
    /// Read the configuration from this file [default: the nearest `imdslint.yaml`, from the first path up to the root].
    #[arg(long, value_name = "FILE", help_heading = "Configuration")]
    config: Option<PathBuf>,
    /// Read no configuration.
    #[arg(long, conflicts_with = "config", help_heading = "Configuration")]
    no_config: bool,
}

#[derive(Args)]
#[command(next_help_heading = "Rules")]
struct RuleArguments {
    /// Run these rules only: ids, names or prefixes of ids.
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    select: Vec<String>,
    /// Do not run these rules.
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    ignore: Vec<String>,
    /// Report values that decide a rule but could not be resolved.
    #[arg(long)]
    strict_unknown: bool,
}

#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each one is a switch of the command line")]
struct CheckArguments {
    #[command(flatten)]
    input: InputArguments,
    #[command(flatten)]
    rules: RuleArguments,
    /// Report findings of this severity and above.
    #[arg(long, value_name = "SEVERITY", value_parser = choice(SEVERITIES), help_heading = "Rules")]
    min_severity: Option<Severity>,
    /// Report findings of this confidence and above.
    #[arg(long, value_name = "CONFIDENCE", value_parser = choice(CONFIDENCES), help_heading = "Rules")]
    min_confidence: Option<Confidence>,
    /// Hide the findings that are in this file, which `imdslint baseline` writes.
    #[arg(long, value_name = "FILE", help_heading = "Result")]
    baseline: Option<PathBuf>,
    #[command(flatten)]
    fixing: FixingArguments,
    /// Fail on findings of this severity and above [default: warning].
    #[arg(long, value_name = "SEVERITY", value_parser = choice(FAIL_ON), help_heading = "Result")]
    fail_on: Option<FailOn>,
    /// Exit with 0 where it would be 1.
    #[arg(long, help_heading = "Result")]
    exit_zero: bool,
    /// How to report: text, concise, json, json-lines, sarif, github, gitlab, rdjson or junit; `FORMAT=FILE` writes to
    /// a file. Repeatable [default: text].
    #[arg(long = "format", value_name = "FORMAT[=FILE]", value_parser = output, help_heading = "Output")]
    outputs: Vec<Output>,
    /// When to use colours.
    #[arg(long, value_name = "WHEN", default_value = "auto", value_parser = choice(COLORS), help_heading = "Output")]
    color: Color,
    /// Leave out the summary.
    #[arg(long, help_heading = "Output")]
    quiet: bool,
    /// Show how often each rule fired; text and github only.
    #[arg(long, help_heading = "Output")]
    statistics: bool,
    /// Show suppressed findings and those of the baseline; json, json-lines and sarif always have them, gitlab, rdjson and junit never.
    #[arg(long, help_heading = "Output")]
    show_suppressed: bool,
}

#[derive(Args)]
struct VariableArguments {
    /// Set a Terraform variable.
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = assignment, help_heading = "Values")]
    values: Vec<(String, String)>,
    /// Read Terraform variables from a file.
    #[arg(long = "var-file", value_name = "FILE", help_heading = "Values")]
    files: Vec<PathBuf>,
}

/// The [`VariableArguments`] in the order of the command line, where clap keeps each option by itself.
struct VariablesInOrder(Vec<Variables>);

impl Args for VariablesInOrder {
    fn augment_args(command: clap::Command) -> clap::Command {
        VariableArguments::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        VariableArguments::augment_args_for_update(command)
    }
}

impl FromArgMatches for VariablesInOrder {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let VariableArguments { values, files } = VariableArguments::from_arg_matches(matches)?;
        let places = |option: &str| matches.indices_of(option).into_iter().flatten();
        let values = values.into_iter().map(|(name, value)| Variables::Value(name, value));
        let values = places("values").zip(values);
        let mut all: Vec<_> = values.chain(places("files").zip(files.into_iter().map(Variables::File))).collect();
        all.sort_by_key(|(place, _)| *place);
        Ok(Self(all.into_iter().map(|(_, variables)| variables).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[derive(Args)]
#[command(next_help_heading = "Fixes")]
struct FixingArguments {
    /// Write safe fixes into the files that are checked, and report what is left.
    #[arg(long, conflicts_with = "diff")]
    fix: bool,
    /// With --fix or --diff, also fixes that may change more than the finding is about, or replace hosts.
    #[arg(long)]
    unsafe_fixes: bool,
    /// Show what --fix would change as a unified diff instead of a report, and exit with 1 if that is something.
    #[arg(long, conflicts_with_all = ["outputs", "statistics", "show_suppressed"])]
    diff: bool,
}

/// Parses `arguments`, the first of which is the program's name.
pub(super) fn parse(
    arguments: impl IntoIterator<Item = OsString>,
    surroundings: &Surroundings<'_>,
) -> Result<Command, clap::Error> {
    let mut command = Arguments::command();
    let mut matches = command.try_get_matches_from_mut(arguments)?;
    let parsed = Arguments::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))?;
    lower(parsed.command, surroundings).map_err(|message| command.error(ErrorKind::ValueValidation, message))
}

fn lower(subcommand: Subcommands, surroundings: &Surroundings<'_>) -> Result<Command, String> {
    Ok(match subcommand {
        Subcommands::Check(arguments) => Command::Check(Box::new(check(*arguments, surroundings)?)),
        Subcommands::Baseline { input: arguments, rules, output, prune } => Command::Baseline(Box::new(Baseline {
            input: input(arguments)?,
            select: rules.select,
            ignore: rules.ignore,
            strict_unknown: rules.strict_unknown,
            output,
            prune,
            today: surroundings.today()?,
        })),
        Subcommands::Hosts { input: arguments, principals, format } => {
            let mut input = input(arguments)?;
            input.read.principals = principals;
            Command::Hosts(input, format)
        }
        Subcommands::Files { input: arguments, format } => Command::Files(input(arguments)?, format),
        Subcommands::Explain { rule, .. } => Command::Explain(rule),
        Subcommands::Rules { format } => Command::Rules(format),
        Subcommands::Agents { format } => Command::Agents(format),
        Subcommands::Schema { name } => Command::Schema(name),
        Subcommands::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "imdslint", &mut script);
            Command::Print(String::from_utf8_lossy(&script).into_owned())
        }
    })
}

fn check(arguments: CheckArguments, surroundings: &Surroundings<'_>) -> Result<Check, String> {
    let mut outputs = arguments.outputs;
    if outputs.is_empty() {
        outputs.push(Output { format: Format::Text, file: None });
    }
    for (index, output) in outputs.iter().enumerate() {
        if outputs.iter().take(index).any(|earlier| earlier.file == output.file) {
            let place = output.file.as_ref().map_or("standard output".into(), |file| file.display().to_string());
            return Err(format!("two formats go to {place}: write one to another file with `--format FORMAT=FILE`"));
        }
    }
    let has_statistics = |output: &Output| matches!(output.format, Format::Text | Format::GitHub);
    if arguments.statistics && !outputs.iter().any(has_statistics) {
        return Err("`--statistics` needs `--format text` or `--format github`".into());
    }
    let input = input(arguments.input)?;
    Ok(Check {
        fixing: fixing(&arguments.fixing, input.stdin)?,
        input,
        select: arguments.rules.select,
        ignore: arguments.rules.ignore,
        min_severity: arguments.min_severity,
        min_confidence: arguments.min_confidence,
        fail_on: arguments.fail_on,
        baseline: arguments.baseline,
        exit_zero: arguments.exit_zero,
        strict_unknown: arguments.rules.strict_unknown,
        outputs,
        style: Style {
            show_suppressed: arguments.show_suppressed,
            quiet: arguments.quiet,
            statistics: arguments.statistics,
            ..surroundings.style(arguments.color)
        },
        today: surroundings.today()?,
    })
}

fn fixing(arguments: &FixingArguments, is_buffer: bool) -> Result<Fixing, String> {
    let safety = if arguments.unsafe_fixes { Safety::Unsafe } else { Safety::Safe };
    match (arguments.fix, arguments.diff) {
        (false, false) if arguments.unsafe_fixes => Err("`--unsafe-fixes` needs `--fix` or `--diff`".into()),
        (false, false) => Ok(Fixing::Offer),
        _ if is_buffer => {
            Err("standard input cannot be fixed: name files, or take the fixes from `--format json`".into())
        }
        (true, _) => Ok(Fixing::Write(safety)),
        (false, true) => Ok(Fixing::Diff(safety)),
    }
}

fn input(arguments: InputArguments) -> Result<Input, String> {
    let is_stdin = |path: &PathBuf| path.as_os_str() == "-";
    let stdin = arguments.paths.iter().any(is_stdin);
    if arguments.stdin_filename.is_some() && !stdin {
        return Err("`--stdin-filename` needs `-` among the paths".into());
    }
    Ok(Input {
        read: engine::Input {
            paths: arguments.paths.into_iter().filter(|path| !is_stdin(path)).collect(),
            root: arguments.root,
            exclude: arguments.exclude,
            force_exclude: arguments.force_exclude,
            buffer: None,
            kind: arguments.kind.0,
            configuration: match arguments.config {
                Some(file) => Configuration::File(file),
                None if arguments.no_config => Configuration::None,
                None => Configuration::Nearest,
            },
            variables: arguments.variables.0,
            parameters: arguments.parameters,
            required_agents: arguments.require_agents,
            assumptions: arguments.assumptions,
            principals: Vec::new(),
            limits: Limits::default(),
        },
        stdin,
        stdin_filename: arguments.stdin_filename,
        allow_empty: arguments.allow_empty,
    })
}

/// A parser of one of `choices`, by name.
fn choice<T: Clone + Send + Sync + 'static, const N: usize>(
    choices: [(&'static str, T); N],
) -> impl TypedValueParser<Value = T> {
    let names = choices.clone().map(|(name, _)| name);
    PossibleValuesParser::new(names).try_map(move |given| {
        let chosen = choices.iter().find(|(name, _)| *name == given);
        chosen.map(|(_, value)| value.clone()).ok_or("is not one of the possible values")
    })
}

/// `NAME=VALUE`.
fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE".into()),
    }
}

/// A principal, beside its specification.
fn principal(specification: &str) -> Result<(String, Principal), String> {
    Ok((specification.to_owned(), Principal::parse(specification)?))
}

/// `FORMAT` or `FORMAT=FILE`.
fn output(text: &str) -> Result<Output, String> {
    let (name, file) = match text.split_once('=') {
        Some((_, "")) => return Err("the name of the file is missing".into()),
        Some((name, file)) => (name, Some(PathBuf::from(file))),
        None => (text, None),
    };
    match Format::ALL.iter().find(|(known, _)| *known == name) {
        Some((_, format)) => Ok(Output { format: *format, file }),
        None => Err(format!("the formats are {}", Format::ALL.map(|(name, _)| name).join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(line: &str) -> Result<Command, clap::Error> {
        let surroundings = Surroundings { variable: &|_| None, is_terminal: false, width: None, now: 0 };
        parse(std::iter::once("imdslint").chain(line.split_whitespace()).map(OsString::from), &surroundings)
    }

    fn checked(line: &str) -> Check {
        match run(&format!("check {line}")).unwrap() {
            Command::Check(check) => *check,
            other => panic!("{other:?}"),
        }
    }

    fn refused(line: &str) -> String {
        let error = run(line).expect_err("it is wrong");
        assert_eq!(error.exit_code(), 2);
        error.to_string()
    }

    #[test]
    fn clap_finds_no_fault_with_the_definitions() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn without_options_the_working_directory_is_checked_and_text_is_printed() {
        let check = checked("");
        assert_eq!(check.input.read.paths, [PathBuf::from(".")]);
        assert!(!check.input.stdin);
        assert_eq!(check.outputs, [Output { format: Format::Text, file: None }]);
        assert_eq!((check.fail_on, check.min_severity, check.input.read.kind), (None, None, None));
        assert_eq!(check.input.read.configuration, Configuration::Nearest);
        assert_eq!(check.style, Style::plain());
    }

    #[test]
    fn every_option_arrives() {
        let check = checked(
            "a.tf - --stdin-filename b.tf --kind cloudformation --root r --exclude x/** --exclude y --force-exclude \
             --allow-empty --var a=b=c --var-file v.tfvars --var d= --parameter P=1 --config c.yaml --select IMDS1,x \
             --select y --ignore IMDS103 --require-agent mackerel-agent --min-severity warning --min-confidence low \
             --strict-unknown --baseline b.json --fail-on never --exit-zero --format sarif=o.sarif --format github --color always \
             --quiet --statistics --show-suppressed",
        );
        assert_eq!((check.input.read.paths, check.input.stdin), (vec!["a.tf".into()], true));
        assert_eq!(check.input.stdin_filename, Some("b.tf".into()));
        assert_eq!((check.input.read.kind, check.input.read.root), (Some(Kind::CloudFormation), Some("r".into())));
        assert_eq!(check.input.read.exclude, ["x/**", "y"]);
        assert!(check.input.read.force_exclude && check.input.allow_empty && check.exit_zero && check.strict_unknown);
        let value = |name: &str, value: &str| Variables::Value(name.into(), value.into());
        assert_eq!(
            check.input.read.variables,
            [value("a", "b=c"), Variables::File("v.tfvars".into()), value("d", "")],
            "in the order of the command line"
        );
        assert_eq!(check.input.read.parameters, [("P".into(), "1".into())]);
        assert_eq!(check.input.read.configuration, Configuration::File("c.yaml".into()));
        assert_eq!(
            (check.select, check.ignore),
            (vec!["IMDS1".into(), "x".into(), "y".into()], vec!["IMDS103".into()])
        );
        assert_eq!(check.input.read.required_agents, ["mackerel-agent"]);
        assert_eq!((check.min_severity, check.min_confidence), (Some(Severity::Warning), Some(Confidence::Low)));
        assert_eq!((check.fail_on, check.baseline), (Some(FailOn::Never), Some("b.json".into())));
        let sarif = Output { format: Format::Sarif, file: Some("o.sarif".into()) };
        assert_eq!(check.outputs, [sarif, Output { format: Format::GitHub, file: None }]);
        let style = check.style;
        assert!(style.color && style.quiet && style.statistics && style.show_suppressed);
    }

    #[test]
    fn fixes_are_safe_unless_others_are_asked_for() {
        for (line, expected) in [
            ("--format json", Fixing::Offer),
            ("--fix", Fixing::Write(Safety::Safe)),
            ("--fix --unsafe-fixes --format sarif", Fixing::Write(Safety::Unsafe)),
            ("--diff", Fixing::Diff(Safety::Safe)),
            ("a.tf --unsafe-fixes --diff", Fixing::Diff(Safety::Unsafe)),
        ] {
            assert_eq!(checked(line).fixing, expected, "{line}");
        }
    }

    #[test]
    fn a_file_is_written_without_colours() {
        let check = checked("--format text=a.txt --color always --quiet");
        let style = check.style_of(&check.outputs[0]);
        assert_eq!(style, Style { quiet: true, ..Style::plain() });
    }

    #[test]
    fn standard_input_alone_leaves_no_path() {
        let check = checked("-");
        assert_eq!((check.input.read.paths, check.input.stdin), (vec![], true));
    }

    #[test]
    fn the_other_commands() {
        let input = checked("x --no-config").input;
        assert_eq!(input.read.configuration, Configuration::None);
        assert_eq!(run("hosts x --no-config --format json").unwrap(), Command::Hosts(input.clone(), Listing::Json));
        assert_eq!(run("files x --no-config").unwrap(), Command::Files(input, Listing::Text));
        assert_eq!(run("explain IMDS101").unwrap(), Command::Explain(Some("IMDS101".into())));
        assert_eq!(run("explain --all").unwrap(), Command::Explain(None));
        assert_eq!(run("rules --format markdown").unwrap(), Command::Rules(Listing::Markdown));
        assert_eq!(run("agents").unwrap(), Command::Agents(Listing::Text));
        assert_eq!(run("schema report").unwrap(), Command::Schema(Schema::Report));
        let Command::Baseline(baseline) = run("baseline x --select IMDS1 --prune --output o.json").unwrap() else {
            panic!("it is a baseline")
        };
        assert_eq!((baseline.input.read.paths, baseline.select), (vec!["x".into()], vec!["IMDS1".into()]));
        assert_eq!((baseline.output, baseline.prune), (Some("o.json".into()), true));
        let Command::Print(script) = run("completions bash").unwrap() else { panic!("it is printed") };
        assert!(script.contains("--require-agent"));
    }

    #[test]
    fn wrong_usage_is_refused_with_a_way_out() {
        let cases = [
            ("", "Usage"),
            ("lint", "unrecognized subcommand"),
            (
                "check --format xml",
                "the formats are text, concise, json, json-lines, sarif, github, gitlab, rdjson, junit",
            ),
            ("check --format json=", "the name of the file is missing"),
            ("check --format json --format text", "two formats go to standard output"),
            ("check --format json=a --format text=a", "two formats go to a"),
            ("check --format json --statistics", "--format text"),
            ("check --stdin-filename a.tf", "needs `-`"),
            ("check --var a", "NAME=VALUE"),
            ("check --kind ansible", "terraform"),
            ("check --unsafe-fixes", "needs `--fix` or `--diff`"),
            ("check --fix --diff", "cannot be used with"),
            ("check --diff --format json", "cannot be used with"),
            ("check - --kind terraform --fix", "--format json"),
            ("check - --stdin-filename a.tf --diff", "--format json"),
            ("check --baseline", "a value is required"),
            ("baseline --min-severity error", "unexpected argument"),
            ("check --config a --no-config", "cannot be used with"),
            ("agents --format markdown", "[possible values: text, json]"),
            ("explain", "required"),
            ("explain IMDS101 --all", "cannot be used with"),
            ("schema baseline", "report"),
        ];
        for (line, expected) in cases {
            let message = refused(line);
            assert!(message.contains(expected), "{line}: {message}");
        }
    }

    #[test]
    fn help_and_version_are_no_errors() {
        for line in ["--help", "check --help", "--version"] {
            let error = run(line).expect_err("it is printed instead");
            assert!(!error.use_stderr() && error.exit_code() == 0, "{line}");
        }
        let help = run("check --help").expect_err("it is printed instead").to_string();
        for heading in ["Input:", "Values:", "Configuration:", "Rules:", "Result:", "Output:", "Exit codes:"] {
            assert!(help.contains(heading), "{heading}");
        }
    }
}
