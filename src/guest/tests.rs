//! What scripts do, as bash does it, and what of it is not known.

use super::laboratory::{BLOCK, answers, start, text_with_holes};
use super::*;
use crate::network::{Answer, Family, Principal};
use crate::source::{FileId, SourceFile};
use crate::syntax::shell;

fn ends(script: &str) -> Vec<Guest> {
    ends_within(script, &Limits::default())
}

fn ends_within(script: &str, limits: &Limits) -> Vec<Guest> {
    let file = SourceFile::new(FileId(1), "user-data.sh", script.into());
    run_text(&Text::verbatim(script, file.span(0..script.len())), limits)
}

fn run_text(text: &Text, limits: &Limits) -> Vec<Guest> {
    let (parsed, _, _) = shell::parse(text, limits);
    run(&parsed, start(), limits)
}

/// A script after a template, in which `<?>` is a part that is not known.
fn ends_of_template(script: &str) -> Vec<Guest> {
    run_text(&text_with_holes(script).1, &Limits::default())
}

/// What the one end of a script leaves in the file `/out`.
fn output(script: &str) -> String {
    let ends = ends(script);
    assert_eq!(ends.len(), 1, "{script}: {:?}", ends.iter().map(|end| &end.branches).collect::<Vec<_>>());
    match ends[0].file("/out") {
        Some(Content::Text(text)) => text.known().map_or_else(|| "unknown".to_owned(), str::to_owned),
        Some(Content::SavedRules(_)) => "rules".to_owned(),
        None => "no file".to_owned(),
    }
}

#[test]
fn arguments_that_are_passed_on_whole_are_as_open_as_those_of_the_script() {
    for script in [
        format!("[ \"$2\" = deny ] && {BLOCK}"),
        format!("main() {{ [ \"$2\" = deny ] && {BLOCK}; }}; main \"$@\""),
        format!("main() {{ [ \"$3\" = deny ] && {BLOCK}; }}; main first $*"),
        format!("main() {{ shift; [ \"$1\" = deny ] && {BLOCK}; }}; main \"$@\""),
        format!("set -- -v \"$@\"; [ \"$3\" = deny ] && {BLOCK}"),
    ] {
        let file = SourceFile::new(FileId(1), "user-data.sh", script.as_str().into());
        let (parsed, _, _) = shell::parse(&Text::verbatim(&*script, file.span(0..script.len())), &Limits::default());
        let mut guest = start();
        guest.shell.open_arguments = true;
        let ends = run(&parsed, guest, &Limits::default());
        assert_eq!(answers(&ends), [Answer::Reachable, Answer::Blocked], "{script}");
    }
    let known = format!("main() {{ [ \"$2\" = deny ] && {BLOCK}; }}; main allow deny");
    assert_eq!(answers(&ends(&known)), [Answer::Blocked]);
}

#[test]
fn expansions_give_what_bash_gives() {
    let cases = [
        ("x=a.b.c; echo ${x%.*} ${x%%.*} ${x#*.} ${x##*.} ${#x} >/out", "a.b a b.c c 5\n"),
        ("x=aXbX; echo ${x/X/-} ${x//X/-} ${x/#a/-} ${x/%X/-} >/out", "a-bX a-b- -XbX aXb-\n"),
        ("echo ${x:-one} ${x:=two} $x ${x:+three} ${y+four}. >/out", "one two two three .\n"),
        ("x=abcdef; echo ${x:2:3} ${x: -2} ${x^^} >/out", "cde ef ABCDEF\n"),
        ("x='a  b'; echo $x \"$x\" '$x' >/out", "a b a  b $x\n"),
        ("echo {a,b}{1..3} {03..01} >/out", "a1 a2 a3 b1 b2 b3 03 02 01\n"),
        ("echo $((1 + 2 * 3)) $(( (1 + 2) ** 2 % 5 )) $((0x10 > 010 ? 7 : 8)) >/out", "7 4 7\n"),
        (
            "x=(a 'b c'); x+=(d); for i in \"${x[@]}\"; do echo \"<$i>\"; done >/out; echo ${#x[@]} ${x[1]} >>/out",
            "<a>\n<b c>\n<d>\n3 b c\n",
        ),
        ("declare -A m; m[one]=1; m[two]=2; echo ${m[two]}${m[one]} >/out", "21\n"),
        (
            "f() { local x=in; y=out; echo $1 $# \"$@\"; }; x=kept; f a 'b c' >/out; echo $x $y >>/out",
            "a 2 a b c\nkept out\n",
        ),
        ("IFS=,; x=a,b; for i in $x; do echo $i; done >/out", "a\nb\n"),
        ("n=x; x=deep; echo ${!n} >/out", "deep\n"),
        ("echo $(echo a; echo b) `printf '%s-%s' 1 2` >/out", "a b 1-2\n"),
        ("set -- p q r; shift; echo $1 $* >/out", "q q r\n"),
    ];
    for (script, expected) in cases {
        assert_eq!(output(script), expected, "{script}");
    }
}

#[test]
fn conditions_that_are_known_take_one_way() {
    let cases = [
        ("if [ a = a ] && [[ abc == a* ]]; then echo yes; else echo no; fi >/out", "yes\n"),
        ("case web-1 in db*) echo db;; web*|app*) echo web;; *) echo any;; esac >/out", "web\n"),
        ("[ 3 -lt 20 -a ! -z x ] && echo yes >/out", "yes\n"),
        ("echo x >/tmp/f; [ -f /tmp/f ] && rm /tmp/f; [ -e /tmp/f ] || echo gone >/out", "gone\n"),
        ("[[ v12 =~ ^v[0-9]+$ ]] && echo match >/out", "match\n"),
        ("if [[ ! ( 1 -eq 2 || x != x ) ]]; then echo yes >/out; fi", "yes\n"),
        ("case a in a) echo 1;;& b) echo 2;; *) echo 3;; esac >/out", "1\n3\n"),
        ("! false && echo yes >/out", "yes\n"),
    ];
    for (script, expected) in cases {
        assert_eq!(output(script), expected, "{script}");
    }
}

#[test]
fn loops_run_until_they_end() {
    let cases = [
        ("for i in 1 2 3; do [ $i = 2 ] && continue; echo $i; done >/out", "1\n3\n"),
        ("i=0; while [ $i -lt 3 ]; do i=$((i+1)); done; echo $i >/out", "3\n"),
        ("for ((i = 0; i < 3; i++)); do echo $i; done >/out", "0\n1\n2\n"),
        ("for i in a b; do for j in 1 2; do [ $j = 2 ] && break 2; echo $i$j; done; done >/out", "a1\n"),
        ("while IFS=: read -r a b; do echo $b; done <<X >/out\n1:2 3\n4:5\nX\n", "2 3\n5\n"),
        ("until true; do :; done; echo left >/out", "left\n"),
        ("printf '1\\n2\\n' | while read x; do echo \"<$x>\"; done >/out", "<1>\n<2>\n"),
    ];
    for (script, expected) in cases {
        assert_eq!(output(script), expected, "{script}");
    }
}

#[test]
fn statuses_decide_what_runs() {
    let cases = [
        ("set -e; false; echo never >/out", "no file"),
        ("set -e; false || true; if false; then :; fi; echo on >/out", "on\n"),
        ("set -e; f() { false; echo inside >/out; }; f || true", "inside\n"),
        ("false | true; echo $? >/out", "0\n"),
        ("set -o pipefail; false | true; echo $? >/out", "1\n"),
        ("(exit 3); echo $? >/out", "3\n"),
        ("x=$(false) || echo failed >/out", "failed\n"),
        ("set -u; echo $missing; echo never >/out", "no file"),
        ("trap 'echo trapped >/out' EXIT; exit 1; echo never >/out", "trapped\n"),
        ("f() { return 2; }; f; echo $? >/out", "2\n"),
        ("exec true; echo never >/out", "no file"),
        ("x=1; (x=2; y=3); echo $x$y >/out", "1\n"),
    ];
    for (script, expected) in cases {
        assert_eq!(output(script), expected, "{script}");
    }
}

#[test]
fn scripts_that_scripts_write_are_run() {
    let wrappers = [
        "sudo BLOCK",
        "sudo -u root env A=b nohup timeout 5 BLOCK &",
        "bash -c 'BLOCK'",
        "eval \"BLOCK\"",
        "cat > /opt/f.sh <<'X'\n#!/bin/bash\nBLOCK\nX\nchmod +x /opt/f.sh; /opt/f.sh",
        "cat > /opt/f <<X\nBLOCK\nX\n. /opt/f",
        "cd /opt; echo 'BLOCK' > f; sh ./f",
        "echo 'BLOCK' | bash",
        "echo 'BLOCK' | tee /tmp/a >/dev/null; bash -e /tmp/a",
        "source <(echo 'BLOCK')",
        "f() { $1 ${@:2}; }; f BLOCK",
        "A=169.254.169.254; export A; bash -c 'iptables -A OUTPUT -d $A -j DROP'",
        "cat > /etc/systemd/system/b.service <<X\n[Service]\nExecStart=/usr/sbin/BLOCK\nX\nsystemctl enable --now b.service",
        "printf '[Service]\\nExecStart=-/bin/sh \\\\\\n  /opt/f\\n' > /etc/systemd/system/b.service; echo 'BLOCK' > /opt/f; systemctl enable b --now",
        "echo '[ $1 = start ] && BLOCK' > /etc/init.d/b; chmod +x /etc/init.d/b; service b start",
        "echo 'BLOCK' > /etc/rc.local; systemctl restart rc-local",
        "flock -n /run/lock BLOCK",
        "flock -w 9 /run/lock -c 'BLOCK'",
        "su -c 'BLOCK'",
        "su - app -c 'sudo BLOCK'",
        "runuser -u root BLOCK",
        "runuser -u root -- BLOCK",
        "setsid sh -c 'BLOCK' &",
        "su - root <<X\nBLOCK\nX",
        "iptables-save > /tmp/empty; BLOCK; iptables-save > /tmp/full; iptables-restore < /tmp/empty; iptables-restore /tmp/full",
        "cat > /etc/sysconfig/iptables <<X\n*filter\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -d 169.254.169.254 -j DROP\nCOMMIT\nX\nservice iptables restart",
    ];
    for wrapper in wrappers {
        let script = wrapper.replace("BLOCK", BLOCK);
        assert_eq!(answers(&ends(&script)), [Answer::Blocked], "{script}");
    }
}

#[test]
fn look_alikes_change_nothing() {
    let silent = [
        "echo BLOCK",
        "x='BLOCK'",
        "# BLOCK",
        "f() { BLOCK; }",
        "if false; then BLOCK; fi",
        "cat > /etc/rc.fw <<X\nBLOCK\nX\n",
        "BLOCK; iptables -F",
        "exit 0; BLOCK",
        "unset X; bash -c 'exit 1' && BLOCK",
        "grep -q 'BLOCK' /etc/rc.local; logger 'BLOCK'",
        "yum install -y iptables-services; which iptables",
        "su - app -c 'BLOCK'",
        "runuser -u app -- BLOCK",
        "sudo -u app bash -c 'BLOCK'",
        "printf '[Service]\\nUser=app\\nExecStart=/sbin/BLOCK\\n' > /etc/systemd/system/b.service; systemctl start b",
    ];
    for script in silent {
        let script = script.replace("BLOCK", BLOCK);
        assert_eq!(answers(&ends(&script)), [Answer::Reachable], "{script}");
    }
}

#[test]
fn a_condition_that_is_not_known_leads_both_ways_and_is_named() {
    let script = format!("if [ -f /etc/some-file ]; then {BLOCK}; fi");
    let ends = ends(&script);
    assert_eq!(answers(&ends), [Answer::Reachable, Answer::Blocked]);
    let named: Vec<bool> = ends.iter().map(|end| end.branches[0].succeeded).collect();
    assert_eq!(named, [true, false]);
    assert_eq!(&script[ends[0].branches[0].span.range()], "[ -f /etc/some-file ]");
}

#[test]
fn a_script_that_gives_up_is_presumed_not_to() {
    let guards = "if ! c; then echo bad; exit 1; fi\nif d; then echo good; else exit 2; fi\n".repeat(8);
    let ends = ends(&format!("{guards}{BLOCK}"));
    assert_eq!(answers(&ends), [Answer::Blocked]);
    assert!(ends[0].branches.is_empty(), "{:?}", ends[0].branches);
    for script in ["if c; then exit 0; fi", "if [ -e /x ]; then iptables -F; fi"] {
        let ends = self::ends(&format!("{script}\n{BLOCK}"));
        assert_eq!(ends.len(), 2, "{script}");
    }
}

#[test]
fn a_command_that_is_not_known_is_presumed_to_succeed_unless_it_is_asked() {
    assert_eq!(answers(&ends(&format!("set -e; frobnicate; frobnicate || exit 1; {BLOCK}"))), [Answer::Blocked]);
    for condition in ["frobnicate", "curl -sf http://example.com/", "! frobnicate", "true && frobnicate"] {
        let ends = ends(&format!("if {condition}; then {BLOCK}; fi"));
        assert_eq!(answers(&ends), [Answer::Reachable, Answer::Blocked], "{condition}");
    }
}

#[test]
fn the_first_line_of_a_script_sets_options() {
    let file = |line: &str| format!("cat > /opt/f <<'X'\n{line}\nfalse\n{BLOCK}\nX\n/opt/f");
    assert_eq!(answers(&ends(&file("#!/bin/bash -ex"))), [Answer::Reachable]);
    assert_eq!(answers(&ends(&file("#!/bin/bash"))), [Answer::Blocked]);
    assert!(Options::of_first_line("#!/usr/bin/env -S bash -eu\n").unset_is_error);
    assert_eq!(Options::of_first_line("set -e\n"), Options::default());
}

#[test]
fn a_rule_for_a_user_that_the_script_made_is_no_failure() {
    let rule = "iptables -A OUTPUT -d 169.254.169.254 -m owner ! --uid-owner agent -j DROP";
    assert_eq!(answers(&ends(&format!("useradd -r agent; {rule}"))), [Answer::Blocked]);
}

#[test]
fn ways_that_change_nothing_become_one() {
    let script = "if grep -q x /etc/y; then echo a; else echo b; fi\n".repeat(40);
    let ends = ends(&script);
    assert_eq!(ends.len(), 1);
    assert!(ends[0].branches.is_empty());
}

#[test]
fn too_many_ways_are_joined_with_a_doubt() {
    let mut script = String::new();
    for number in 0..8 {
        let rule = format!("iptables -A OUTPUT -d 10.0.0.{number} -j DROP");
        script.push_str(&["if grep -q x /etc/y; then ", &rule, "; fi\n"].concat());
    }
    let limits = Limits { script_paths: 4, ..Limits::default() };
    let ends = ends_within(&script, &limits);
    assert_eq!(ends.len(), 4);
    assert!(answers(&ends).contains(&Answer::Depends));
}

#[test]
fn endless_scripts_end_with_a_doubt() {
    let limits = Limits { script_steps: 2_000, ..Limits::default() };
    for script in
        ["f() { f; }; f", "i=0; while true; do i=$((i+1)); done", ":(){ :|:& };:", "eval 'x() { eval x; }; x'"]
    {
        assert_eq!(answers(&ends_within(script, &limits)), [Answer::Depends], "{script}");
    }
}

#[test]
fn a_loop_that_waits_for_ever_keeps_what_was_done() {
    assert_eq!(answers(&ends(&format!("{BLOCK}; while true; do sleep 60; done; iptables -F"))), [Answer::Blocked]);
    assert_eq!(answers(&ends(&format!("until ping -c1 host; do sleep 1; done; {BLOCK}"))), [Answer::Blocked]);
    let polls = "until [ \"$state\" == ok ]; do state=$(aws elb describe-instance-health); note; sleep 10; done";
    assert_eq!(answers(&ends(&format!("{polls}; {BLOCK}"))), [Answer::Blocked]);
}

#[test]
fn words_that_are_not_known_are_told_to_the_network() {
    assert_eq!(answers(&ends_of_template("iptables -A OUTPUT -d <?> -j DROP")), [Answer::Depends]);
    assert_eq!(answers(&ends_of_template("X=<?>; iptables -A OUTPUT -d 169.254.169.254 -j \"$X\"")), [Answer::Depends]);
    assert_eq!(answers(&ends_of_template("<?> -A OUTPUT -d 169.254.169.254 -j DROP")), [Answer::Depends]);
    assert_eq!(answers(&ends_of_template("echo '<?>' | iptables-restore")), [Answer::Depends]);
    assert_eq!(answers(&ends_of_template("hostnamectl set-hostname <?>")), [Answer::Reachable]);
}

#[test]
fn rules_point_into_the_file_from_which_a_script_was_written() {
    let script = format!("cat > /opt/f <<'X'\n{BLOCK}\nX\nbash /opt/f");
    let verdict = ends(&script)[0].network.verdict(Family::V4, &Principal::Root);
    let span = verdict.proof[0].span.unwrap();
    assert_eq!(&script[span.range()], BLOCK);
}

#[test]
fn services_packages_and_installers_are_events_with_the_network_of_their_time() {
    let script = format!(
        "yum -y install mackerel-agent\nsystemctl start mackerel-agent.service\n{BLOCK}\ncurl -fsSL https://example.com/i.sh | sh\n\
         curl -o /tmp/a.rpm https://example.com/a.rpm && rpm -Uvh /tmp/a.rpm\nbash -c \"$(curl -L https://example.com/s.sh)\"\n/opt/agent --run\n"
    );
    let ends = ends(&script);
    assert_eq!(ends.len(), 1);
    let told: Vec<(String, Answer)> = ends[0]
        .events
        .iter()
        .map(|event| {
            let text = match &event.kind {
                EventKind::Service { name, action } => format!("{action:?} {}", name.as_str()),
                EventKind::Packages(names) => format!("packages {}", names[0].as_str()),
                EventKind::Installer { address, .. } => format!("installer {}", address.as_str()),
                EventKind::Program(words) => format!("program {}", words[0].as_str()),
                EventKind::Removal(names) => format!("removal {}", names[0].as_str()),
                EventKind::Update(names) => format!("update {}", names.len()),
                EventKind::Reboot => "reboot".to_owned(),
                EventKind::Files { named, change } => format!("{change:?} {named}"),
                EventKind::Endpoint(call) => format!("{} {:?}", call.command, call.whose),
                EventKind::Unfollowed => "unfollowed".to_owned(),
            };
            (text, event.network.verdict(Family::V4, &Principal::Root).answer)
        })
        .collect();
    let (open, shut) = (Answer::Reachable, Answer::Blocked);
    let expected = [
        ("packages mackerel-agent", open),
        ("Start mackerel-agent", open),
        ("installer https://example.com/i.sh", shut),
        ("packages https://example.com/a.rpm", shut),
        ("installer https://example.com/s.sh", shut),
        ("program /opt/agent", shut),
    ];
    assert_eq!(told, expected.map(|(text, answer)| (text.to_owned(), answer)));
    assert_eq!(ends[0].opaque.len(), 2);
}

#[test]
fn parameters_of_the_kernel_are_set_by_files_too() {
    let scripts = [
        "sysctl -w net.ipv6.conf.all.disable_ipv6=1",
        "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6",
        "echo 1 | sudo tee /proc/sys/net/ipv6/conf/all/disable_ipv6",
        "echo 'net.ipv6.conf.all.disable_ipv6 = 1' >> /etc/sysctl.d/9.conf; sysctl --system",
        "printf 'net.ipv6.conf.all.disable_ipv6=1\\n' > /etc/x.conf; sysctl -p /etc/x.conf",
    ];
    for script in scripts {
        let answer = ends(script)[0].network.verdict(Family::V6, &Principal::Root).answer;
        assert_eq!(answer, Answer::Blocked, "{script}");
    }
}

#[test]
fn growing_texts_end_soon() {
    let script = "x=abcdefgh; for i in {1..40}; do x=$x$x; done; echo ${#x} >/out; y=$(echo $x$x$x); eval \"$y\"";
    assert!(!ends(script).is_empty());
    let script = "x=abcdefgh; for i in {1..13}; do x=$x$x; done; for i in {1..9999}; do eval v$i=\\$x; z=$(:); done";
    assert_eq!(answers(&ends(script)), [Answer::Depends]);
}

#[test]
fn growing_files_are_not_known_any_more() {
    for grow in ["cat /tmp/a /tmp/a >>/tmp/a\n", "x=$(cat /tmp/a /tmp/a); echo \"$x\" >>/tmp/a\n"] {
        let ends = ends(&format!("echo abcdefgh >/tmp/a\n{}", grow.repeat(40)));
        assert_eq!(ends.len(), 1);
        assert!(ends[0].bytes() <= 2 * LONGEST_CONTENT, "{}", ends[0].bytes());
        let Some(Content::Text(text)) = ends[0].file("/tmp/a") else { panic!("{:?}", ends[0].files.keys()) };
        assert!(text.has_holes());
    }
}

proptest::proptest! {
    #[test]
    fn any_script_has_an_end(words in proptest::collection::vec(proptest::sample::select(FRAGMENTS), 0..60)) {
        let limits = Limits { script_steps: 3_000, ..Limits::default() };
        let ends = ends_within(&words.join(" "), &limits);
        proptest::prop_assert!(!ends.is_empty() && ends.len() <= 6 * limits.script_paths);
        for end in ends {
            proptest::prop_assert!(end.outputs.is_empty() && end.inputs.is_empty());
        }
    }
}

const FRAGMENTS: &[&str] = &[
    "if",
    "then",
    "else",
    "fi",
    "for i in",
    "do",
    "done",
    "while",
    "case x in",
    "*)",
    ";;",
    "esac",
    "(",
    ")",
    "{",
    "}",
    ";",
    ";",
    ";",
    "\n",
    "\n",
    "&&",
    "||",
    "|",
    "!",
    "&",
    "a=1",
    "a+=x",
    "b=(1 2)",
    "$a",
    "\"${b[@]}\"",
    "${a:-$(echo x)}",
    "${a%%*}",
    "$((a+1))",
    "`f`",
    "f() {",
    "f",
    "f x",
    "return 1",
    "exit",
    "break",
    "continue 2",
    "shift",
    "set -e",
    "set -u",
    "set -o pipefail",
    "trap f EXIT",
    "[ -f /x ]",
    "[[ $a == b* ]]",
    "grep -q a b",
    "echo hi",
    "cat",
    "read x",
    "> /tmp/f",
    "< /tmp/f",
    ">> f",
    "2>&1",
    "<<X\nf $a\nX\n",
    "<<<x",
    "bash -c",
    "'f; exit 1'",
    "sudo",
    "eval",
    ". /tmp/f",
    "bash /tmp/f",
    "iptables -A OUTPUT -d 169.254.169.254 -j DROP",
    "iptables -F",
    "iptables-save",
    "iptables-restore",
    "unknown",
    "exec",
    "local x=1",
    "systemctl restart iptables",
    "{1..3}",
    "a{b,c}",
];
