//! What a build does with a machine before it becomes an image: its steps, one after the other, each script in a shell
//! of its own.

use super::join::merge_ended;
use super::machine::{Machine, Spent};
use super::{Content, Dialect, EventKind, FileChange, Flow, Guest, Options, Shell, Variable};
use crate::eval::{ANY_VARIABLE, BuildStep, BuildStepKind, Interpreter, Value, ValueKind};
use crate::network::Status;
use crate::source::{Limits, Span, Text};
use crate::syntax::shell;

/// The folder in which scripts start. Which one it is depends on the user of the build; all scripts share it.
const HOME: &str = "/home/build";

/// The status by which a script has Image Builder start the machine again, and then run the script once more.
pub(super) const RESTART_REQUESTED: u8 = 194;

/// Where a script lies that a build runs, beside other files that it uploads. Its name is anybody's guess.
const UPLOADED: &str = "/tmp/script.sh";

/// Runs the `steps` of a build from each of the states `starts`: every end that is possible. There is at least one.
///
/// The ends are limited and joined as those of [`run`](super::run); the steps of all scripts together are limited by
/// [`Limits::build_steps`]. A script that fails ends the build without an image, so that its end counts only where there is no other.
#[must_use]
pub fn build(steps: &[BuildStep], starts: Vec<Guest>, limits: &Limits) -> Vec<Guest> {
    run_steps(steps, starts, Failure::EndsAll, limits).0
}

/// Runs the `steps` that somebody has a host do which has booted, from each of the states `starts`, as [`build`] does:
/// a script that fails ends nothing. Beside the ends stands what was taken of [`Limits::boot_steps`].
#[must_use]
pub fn command(steps: &[BuildStep], starts: Vec<Guest>, limits: &Limits) -> (Vec<Guest>, Spent) {
    run_steps(steps, starts, Failure::EndsNothing, limits)
}

/// What a script does that fails.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Failure {
    EndsAll,
    EndsNothing,
}

fn run_steps(steps: &[BuildStep], starts: Vec<Guest>, failure: Failure, limits: &Limits) -> (Vec<Guest>, Spent) {
    let mut machine = Machine::of_build(limits);
    let mut ends = starts;
    for end in &mut ends {
        end.shell = Shell::default();
        end.flow = Flow::Next;
    }
    for step in steps {
        let mut next = Vec::new();
        for guest in ends {
            for mut end in run_step(&mut machine, step, guest) {
                if end.shell.status != Status::Known(RESTART_REQUESTED) {
                    next.push(end);
                    continue;
                }
                end.event(EventKind::Reboot, step.header);
                end.shell = Shell::default();
                end.flow = Flow::Next;
                next.extend(run_step(&mut machine, step, end));
            }
        }
        if let [first, _, ..] = next.as_slice() {
            machine.charge(next.len().saturating_mul(first.copied_bytes()));
        }
        let has_failed =
            |end: &Guest| !matches!(end.shell.status, Status::Known(0 | RESTART_REQUESTED) | Status::Unknown);
        if failure == Failure::EndsAll && next.iter().any(|end| !has_failed(end)) {
            next.retain(|end| !has_failed(end));
        }
        for end in &mut next {
            end.shell = Shell::default();
            end.flow = Flow::Next;
        }
        ends = merge_ended(next, limits.script_paths, step.header);
    }
    (ends, machine.spent())
}

fn run_step(machine: &mut Machine, step: &BuildStep, mut guest: Guest) -> Vec<Guest> {
    let at = step.header;
    if !machine.step() {
        unfollowed(&mut guest, at, "the build takes more steps than are followed");
        return vec![guest];
    }
    match &step.kind {
        BuildStepKind::Script { text, interpreter, environment } => {
            let environments = environments(environment);
            let mut run = |text: &Value| {
                let mut run_in = |given: &Environment| script(machine, guest.clone(), text, *interpreter, given, at);
                environments.iter().flat_map(&mut run_in).collect::<Vec<_>>()
            };
            return text.alternatives().iter().flat_map(&mut run).collect();
        }
        BuildStepKind::File { content, destination } => {
            let content = text_of(content).unwrap_or_else(|| Text::hole(at, "a file whose content is not known"));
            match text_of(destination).as_ref().and_then(|destination| path(&mut guest, destination)) {
                Some(path) => guest.put(path, Some(Content::Text(content)), at),
                None => guest.opaque(at, "a file is written whose path is not known"),
            }
        }
        BuildStepKind::Removal(paths) => {
            for named in paths {
                let Some(path) = text_of(named).as_ref().and_then(|named| path(&mut guest, named)) else {
                    guest.opaque(at, "files are removed whose paths are not known");
                    continue;
                };
                guest.note_files(&path, FileChange::Removed { recursive: true }, named.origin.span);
                guest.files.insert(path, None);
            }
        }
        BuildStepKind::Package(package) => match text_of(package) {
            Some(name) => guest.event(EventKind::Packages(vec![name]), at),
            None => guest.opaque(at, "a package that is not known is installed"),
        },
        BuildStepKind::Restart => guest.event(EventKind::Reboot, at),
        BuildStepKind::Opaque(name) => unfollowed(&mut guest, at, name),
    }
    vec![guest]
}

/// The variables that a script is given.
type Environment = Vec<(std::sync::Arc<str>, Value)>;

/// The most combinations of declared alternatives with which a script is run.
const MOST_ENVIRONMENTS: usize = 8;

/// The variables that a script is given, once for each combination of their declared alternatives.
fn environments(environment: &Environment) -> Vec<Environment> {
    let mut all: Vec<Environment> = vec![Vec::new()];
    for (name, value) in environment {
        let alternatives = value.alternatives();
        let few = alternatives.len().saturating_mul(all.len()) <= MOST_ENVIRONMENTS;
        let values = if few { &*alternatives } else { std::slice::from_ref(value) };
        all = all
            .into_iter()
            .flat_map(|before| {
                let with = |value: &Value| before.iter().cloned().chain([(name.clone(), value.clone())]).collect();
                values.iter().map(with).collect::<Vec<Environment>>()
            })
            .collect();
    }
    all
}

/// Something that may do anything to the machine.
fn unfollowed(guest: &mut Guest, at: Span, what: &str) {
    guest.opaque(at, what);
    guest.event(EventKind::Unfollowed, at);
}

fn text_of(value: &Value) -> Option<Text> {
    match &value.kind {
        ValueKind::String(text) => Some(text.through(&value.origin.trail)),
        _ => None,
    }
}

/// The path that a text names, in the language of paths that it is written in.
fn path(guest: &mut Guest, named: &Text) -> Option<String> {
    let has_drive = named.as_str().as_bytes().get(1) == Some(&b':');
    guest.shell.dialect = if has_drive { Dialect::PowerShell } else { Dialect::Posix };
    guest.shell.directory = Some(HOME.to_owned());
    guest.path(named)
}

fn script(
    machine: &mut Machine,
    mut guest: Guest,
    text: &Value,
    interpreter: Interpreter,
    environment: &Environment,
    at: Span,
) -> Vec<Guest> {
    let Some(text) = text_of(text) else {
        unfollowed(&mut guest, at, "a script that is not known");
        return vec![guest];
    };
    let dialect = match interpreter {
        Interpreter::FirstLine => Dialect::Posix,
        Interpreter::PowerShell => Dialect::PowerShell,
        Interpreter::Batch => Dialect::Batch,
    };
    if dialect == Dialect::Posix && !shell::is_shell(text.as_str()) {
        let first = text.as_str().lines().next().unwrap_or_default();
        unfollowed(&mut guest, at, &format!("a script for `{}`", first.trim_start_matches(['#', '!', ' '])));
        return vec![guest];
    }
    let options = if dialect == Dialect::Posix { Options::of_first_line(text.as_str()) } else { Options::default() };
    guest.shell = Shell { options, directory: Some(HOME.to_owned()), ..Shell::default() };
    if dialect == Dialect::Posix {
        guest.shell.set_script(&Text::encoded(UPLOADED, at));
    }
    for (name, value) in environment {
        if &**name == ANY_VARIABLE {
            guest.shell.foreign = true;
            continue;
        }
        let value = text_of(value).unwrap_or_else(|| Text::hole(value.origin.span, format!("the value of `{name}`")));
        let name = if dialect == Dialect::Posix { name.to_string() } else { name.to_lowercase() };
        guest.shell.variables.insert(name.clone(), Variable::Text(value));
        guest.shell.exported.insert(name);
    }
    if dialect == Dialect::Posix {
        machine.process(guest, |machine, guest| machine.evaluate(&text, guest))
    } else {
        machine.run_windows_text(guest, &text, dialect, Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::super::laboratory::start;
    use super::*;
    use crate::source::{FileId, SourceFile};

    /// Steps that each run one script.
    fn steps(scripts: &[&str], interpreter: Interpreter) -> Vec<BuildStep> {
        let step = |(index, script): (usize, &&str)| {
            let id = FileId(u32::try_from(index).unwrap());
            let file = SourceFile::new(id, "build", (*script).into());
            let span = file.span(0..script.len());
            let text = Value::text(Text::verbatim(*script, span), span);
            let kind = BuildStepKind::Script { text, interpreter, environment: Vec::new() };
            BuildStep { kind, header: file.span(0..0) }
        };
        scripts.iter().enumerate().map(step).collect()
    }

    fn changes(ends: &[Guest]) -> Vec<Vec<(String, FileChange)>> {
        let of_end = |end: &Guest| {
            let change = |event: &std::sync::Arc<super::super::Event>| match &event.kind {
                EventKind::Files { named, change } => Some((named.to_string(), *change)),
                _ => None,
            };
            end.events.iter().filter_map(change).collect()
        };
        ends.iter().map(of_end).collect()
    }

    const ID: &str = "/var/lib/mackerel-agent/id";
    const GONE: FileChange = FileChange::Removed { recursive: false };

    #[test]
    fn what_is_done_to_identity_files_is_remembered_however_it_is_written() {
        for (script, named, change) in [
            ("rm -f /var/lib/mackerel-agent/id", ID, GONE),
            ("sudo rm /var/lib/mackerel-agent/id", ID, GONE),
            ("D=/var/lib/mackerel-agent; rm -f \"$D/id\"", ID, GONE),
            ("for f in /tmp/x /var/lib/mackerel-agent/id; do rm -f $f; done", ID, GONE),
            ("cd /var/lib/mackerel-agent && rm -f id", ID, GONE),
            ("rm -rf /var/lib/mackerel-agent", "/var/lib/mackerel-agent", FileChange::Removed { recursive: true }),
            ("rm -f /var/lib/mackerel-agent/*", "/var/lib/mackerel-agent/*", GONE),
            ("rm -f /var/lib/mackerel-agent/{id,pid}", ID, GONE),
            ("unlink /var/lib/mackerel-agent/id", ID, GONE),
            ("shred -zu /var/lib/mackerel-agent/id", ID, GONE),
            (": > /var/lib/mackerel-agent/id", ID, FileChange::Emptied),
            ("> /var/lib/mackerel-agent/id", ID, FileChange::Emptied),
            ("sudo truncate -s 0 /var/lib/mackerel-agent/id", ID, FileChange::Emptied),
            ("cp /dev/null /var/lib/mackerel-agent/id", ID, FileChange::Emptied),
            ("sudo dd if=/dev/null of=/var/lib/mackerel-agent/id", ID, FileChange::Emptied),
            ("cat /dev/null | sudo tee /var/lib/mackerel-agent/id", ID, FileChange::Emptied),
            ("echo 2abc > /var/lib/mackerel-agent/id", ID, FileChange::Written),
            (
                "find /var/lib/mackerel-agent -type f -delete",
                "/var/lib/mackerel-agent/**/*",
                FileChange::Removed { recursive: true },
            ),
            (
                "find /var/lib/mackerel-agent -name id -exec rm -f {} \\;",
                "/var/lib/mackerel-agent/**/id",
                FileChange::Removed { recursive: true },
            ),
        ] {
            let ends = build(&steps(&[script], Interpreter::FirstLine), vec![start()], &Limits::default());
            assert_eq!(changes(&ends), [[(named.to_owned(), change)]], "{script}");
        }
    }

    #[test]
    fn other_files_are_not_remembered() {
        for script in [
            "rm -rf /tmp/* ~/.ssh \"$WORK\" /var/lib/mackerel-agent/*.log",
            "echo x > /etc/motd",
            "ls /var/lib/mackerel-agent/id",
        ] {
            let ends = build(&steps(&[script], Interpreter::FirstLine), vec![start()], &Limits::default());
            assert_eq!(changes(&ends), [[]], "{script}");
        }
    }

    #[test]
    fn a_file_that_a_test_does_not_find_is_missing_on_that_way() {
        let missing = (ID.to_owned(), FileChange::Missing);
        let removed = (ID.to_owned(), GONE);
        for script in [
            "if [ -f /var/lib/mackerel-agent/id ]; then rm -f /var/lib/mackerel-agent/id; fi",
            "[[ -e /var/lib/mackerel-agent/id ]] && rm -f /var/lib/mackerel-agent/id; true",
            "test ! -s /var/lib/mackerel-agent/id || rm -f /var/lib/mackerel-agent/id",
            "if ! [ -f /var/lib/mackerel-agent/id ]; then echo none; else rm /var/lib/mackerel-agent/id; fi",
        ] {
            let ends = build(&steps(&[script], Interpreter::FirstLine), vec![start()], &Limits::default());
            let mut found = changes(&ends);
            found.sort_by_key(|changes| changes.first() == Some(&missing));
            assert_eq!(found, [[removed.clone()], [missing.clone()]], "{script}");
        }
    }

    #[test]
    fn windows_removes_identity_files_too() {
        let id = "c:/program files/mackerel/mackerel-agent/id".to_owned();
        let gone = FileChange::Removed { recursive: true };
        for (script, interpreter) in [
            ("Remove-Item 'C:\\Program Files\\Mackerel\\mackerel-agent\\id'", Interpreter::PowerShell),
            ("gi 'C:\\Program Files\\Mackerel\\mackerel-agent\\id' | Remove-Item -Force", Interpreter::PowerShell),
            ("del \"C:\\Program Files\\Mackerel\\mackerel-agent\\id\"", Interpreter::Batch),
        ] {
            let ends = build(&steps(&[script], interpreter), vec![start()], &Limits::default());
            assert_eq!(changes(&ends), [[(id.clone(), gone)]], "{script}");
        }
        for (script, interpreter) in [
            (
                "$f = 'C:\\Program Files\\Mackerel\\mackerel-agent\\id'\nif (Test-Path $f) { Remove-Item -Force $f }",
                Interpreter::PowerShell,
            ),
            (
                "if exist \"C:\\Program Files\\Mackerel\\mackerel-agent\\id\" del \"C:\\Program Files\\Mackerel\\mackerel-agent\\id\"",
                Interpreter::Batch,
            ),
        ] {
            let ends = build(&steps(&[script], interpreter), vec![start()], &Limits::default());
            let mut found = changes(&ends);
            found.sort_by_key(|changes| changes.iter().any(|(_, change)| *change == FileChange::Missing));
            assert_eq!(found, [[(id.clone(), gone)], [(id.clone(), FileChange::Missing)]], "{script}");
        }
    }

    #[test]
    fn conditions_that_concern_no_agent_make_no_ways_of_their_own() {
        let other = |number| {
            format!("if grep -q a /etc/x{number}; then yum install -y p{number}; service s{number} start; fi\n")
        };
        let others = (0..20).map(other).collect::<Vec<_>>().concat();
        let script = format!("{others}systemctl start mackerel-agent\n{others}");
        let ends = build(&steps(&[&script, &others], Interpreter::FirstLine), vec![start()], &Limits::default());
        assert_eq!(ends.len(), 1);
        assert!(ends[0].events.iter().all(|event| event.kind != EventKind::Unfollowed));
    }

    #[test]
    fn ways_that_differ_in_files_only_are_one_when_a_script_ends() {
        let script = "if grep -q a /etc/x; then echo a > /etc/y; else rm /etc/y /etc/z; fi";
        let ends = build(&steps(&[script], Interpreter::FirstLine), vec![start()], &Limits::default());
        assert_eq!(ends.len(), 1);
        let Some(Content::Text(text)) = ends[0].file("/etc/y") else { panic!("{:?}", ends[0].files) };
        assert!(text.has_holes());
    }

    #[test]
    fn files_that_are_removed_where_they_are_there_make_no_ways_of_their_own() {
        let script = "clean() {\nfor f in \"$@\"; do\nif sudo test -f $f; then sudo shred -zuf $f; fi\n\
                      if sudo test -f $f; then exit 1; fi\ndone\n}\nclean /var/log/{a,b,c,d}{1..9}\nclean /etc/{a,b}{1..9}";
        let limits = Limits { build_steps: 2_000, ..Limits::default() };
        let ends = build(&steps(&[script], Interpreter::FirstLine), vec![start()], &limits);
        assert_eq!(ends.len(), 1);
        assert!(ends[0].opaque.is_empty(), "{:?}", ends[0].opaque);
    }

    #[test]
    fn what_is_not_followed_to_its_end_may_be_anything() {
        let limits = Limits { build_steps: 50, ..Limits::default() };
        let script = format!("systemctl start agent\n{}rm /var/lib/mackerel-agent/id", "true\n".repeat(100));
        let ends = build(&steps(&[&script], Interpreter::FirstLine), vec![start()], &limits);
        assert!(ends.iter().all(|end| end.events.iter().any(|event| event.kind == EventKind::Unfollowed)));
    }

    #[test]
    fn a_variable_that_may_be_given_is_no_mistake_of_the_script() {
        let mut steps = steps(&["set -u\necho \"$GIVEN\"\nrm /var/lib/mackerel-agent/id"], Interpreter::FirstLine);
        assert_eq!(changes(&build(&steps, vec![start()], &Limits::default())), [[]]);
        let header = steps[0].header;
        let BuildStepKind::Script { environment, .. } = &mut steps[0].kind else { unreachable!() };
        environment.push((ANY_VARIABLE.into(), Value::text(Text::hole(header, "unknown"), header)));
        assert_eq!(changes(&build(&steps, vec![start()], &Limits::default())), [[(ID.to_owned(), GONE)]]);
    }

    #[test]
    fn scripts_find_the_files_beside_them() {
        for script in [
            ". \"$(dirname \"$0\")/more.sh\"",
            "DIR=\"$(cd \"$(dirname \"${BASH_SOURCE[0]}\")\" &>/dev/null && pwd)\"\n. \"${DIR}/more.sh\"",
            "mkdir /opt/x; echo '. \"$(dirname \"$0\")/b.sh\"' >/opt/x/a.sh; cp /tmp/more.sh /opt/x/b.sh; bash /opt/x/a.sh",
        ] {
            let first = "echo 'rm /var/lib/mackerel-agent/id' > /tmp/more.sh";
            let ends = build(&steps(&[first, script], Interpreter::FirstLine), vec![start()], &Limits::default());
            assert_eq!(changes(&ends), [[(ID.to_owned(), GONE)]], "{script}");
        }
    }

    #[test]
    fn folders_are_copied_moved_and_removed_with_what_lies_in_them() {
        let first = "echo 'rm /var/lib/mackerel-agent/id' > /tmp/s/a.sh; echo x > /tmp/s/b.txt";
        for (script, runs) in [
            ("cp -r /tmp/s /usr/local/x\nbash /usr/local/x/s/a.sh", true),
            ("mkdir /usr/local/x; sudo cp -rv /tmp/s/ /usr/local/x\nbash /usr/local/x/a.sh", true),
            ("cp -rv /tmp/s/* /usr/bin/; a.sh", true),
            ("cp /tmp/s/*.sh /opt; /opt/a.sh", true),
            ("cp /tmp/s/b.txt /tmp/s/a.sh /srv; /srv/a.sh", true),
            ("cp -a /tmp/s/. /opt/y && bash /opt/y/a.sh", true),
            ("mv /tmp/s /opt; bash /opt/s/a.sh", true),
            ("cp -r /tmp/s /; /s/a.sh", true),
            ("mv /tmp/s /opt; bash /tmp/s/a.sh", false),
            ("cp /tmp/s /usr/local/x; bash /usr/local/x/a.sh", false),
            ("cp /tmp/s/*.txt /opt/z; bash /opt/z/a.sh", false),
            ("rm -rf /tmp/*; bash /tmp/s/a.sh", false),
        ] {
            let ends = build(&steps(&[first, script], Interpreter::FirstLine), vec![start()], &Limits::default());
            let found = if runs { vec![(ID.to_owned(), GONE)] } else { Vec::new() };
            assert_eq!(changes(&ends), [found], "{script}");
        }
    }

    #[test]
    fn copies_of_copies_come_to_an_end() {
        let copies = (0..60).map(|number| format!("cp -r /a /a/{number}\n")).collect::<Vec<_>>();
        let script = format!("echo x > /a/b\n{}", copies.concat());
        let ends = build(&steps(&[&script], Interpreter::FirstLine), vec![start()], &Limits::default());
        assert!(ends[0].files.len() <= 8_192, "{}", ends[0].files.len());
    }

    #[test]
    fn a_script_that_fails_makes_no_image() {
        let script = "if [ ! -x /usr/bin/agent ]; then exit 1; fi\nsystemctl start mackerel-agent";
        let steps_of = |scripts: &[&str]| steps(scripts, Interpreter::FirstLine);
        let ends = build(&steps_of(&[script, "systemctl stop mackerel-agent"]), vec![start()], &Limits::default());
        assert_eq!(ends.len(), 1);
        assert_eq!(ends[0].events.len(), 2);
        let ends = build(&steps(&["exit 1"], Interpreter::FirstLine), vec![start()], &Limits::default());
        assert_eq!(ends.len(), 1);
        // A test that fails at the end of a script is a failure of the script.
        let script = "grep -q a /etc/x && systemctl start mackerel-agent";
        for (script, count) in [(script.to_owned(), 1), (format!("{script}; true"), 2)] {
            let ends = build(&steps(&[&script], Interpreter::FirstLine), vec![start()], &Limits::default());
            assert_eq!(ends.len(), count, "{script}");
        }
    }

    #[test]
    fn a_script_that_asks_for_a_restart_has_not_failed() {
        let script =
            "if [ -f /var/tmp/done ]; then exit 0; fi\nsystemctl start mackerel-agent\ntouch /var/tmp/done\nexit 194";
        let ends = build(&steps(&[script], Interpreter::FirstLine), vec![start()], &Limits::default());
        let is_followed = |end: &Guest| {
            let kinds: Vec<_> = end.events.iter().map(|event| event.kind == EventKind::Reboot).collect();
            kinds == [false, true]
        };
        assert!(ends.iter().any(is_followed), "{ends:?}");
    }
}
