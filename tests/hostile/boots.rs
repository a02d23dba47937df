//! Boot scripts, documents and packet filters that cost much: what they come to, and how much of them is followed.

use std::fmt::Write as _;

use imdslint::assess::{Asked, Assessment};
use imdslint::engine::{Configuration, Input, analyse};
use imdslint::network::Answer;
use imdslint::source::Limits;

use crate::support::Project;

/// What the hosts of `files` come to.
fn hosts(files: &[(String, String)], limits: Limits) -> Vec<Assessment> {
    let project = Project::new(&[]);
    for (path, text) in files {
        project.write(path, text);
    }
    let input = Input {
        paths: vec![project.path("")],
        root: Some(project.path("")),
        configuration: Configuration::None,
        limits,
        ..Input::default()
    };
    analyse(&input, Asked::Usual).unwrap().assessments.hosts
}

/// What a host comes to that boots with `script`, which is about the service.
fn host(script: &str, limits: Limits) -> Assessment {
    let mut hosts = hosts(&[("a.sh".to_owned(), format!("#!/bin/bash\ncurl 169.254.169.254\n{script}"))], limits);
    assert_eq!(hosts.len(), 1);
    hosts.remove(0)
}

/// The answer about root, with how many things it depends on.
fn answer(host: &Assessment) -> (Answer, usize) {
    let root = host.boot.reachability.iter().find(|each| each.who.name == "root").unwrap();
    (root.answer, root.depends_on.len())
}

/// Whether the boot was followed to its end. Where it was not, that is remembered with a place, and nothing is certain.
fn is_followed(host: &Assessment) -> bool {
    let is_cut = host.boot.assumes.iter().any(|step| step.text.contains("takes more steps than are followed"));
    assert!(!is_cut || answer(host).0 == Answer::Depends);
    !is_cut
}

fn script_of(lines: usize) -> String {
    format!("#!/bin/bash\ncurl 169.254.169.254\n{}", "true a b c\n".repeat(lines))
}

#[test]
fn scripts_that_no_host_is_given_share_what_one_project_may_take() {
    let limits = Limits { boot_steps: 20_000, ..Limits::default() };
    let scripts = |count: usize, lines: usize| -> Vec<(String, String)> {
        (0..count).map(|number| (format!("s{number}.sh"), script_of(lines))).collect()
    };
    // Each needs some 2,000 steps, and has 500 of them.
    let found = hosts(&scripts(40, 400), limits);
    assert_eq!(found.len(), 40);
    assert!(!found.iter().any(is_followed));
    // What 39 of them leave is enough for the last one.
    let mut files = scripts(39, 10);
    files.push(("t.sh".to_owned(), script_of(400)));
    let found = hosts(&files, limits);
    assert_eq!(found.len(), 40);
    assert!(found.iter().all(is_followed));
}

#[test]
fn documents_by_themselves_share_it_too() {
    let commands = "    - iptables -A OUTPUT -d 169.254.169.254 -j DROP\n".repeat(10);
    let step = |number: usize| {
        format!("- action: aws:runShellScript\n  name: s{number}\n  inputs:\n    runCommand:\n{commands}")
    };
    let steps: String = (0..30).map(step).collect();
    let document = format!("schemaVersion: '2.2'\nmainSteps:\n{steps}");
    let files: Vec<(String, String)> = (0..20).map(|number| (format!("d{number}.yaml"), document.clone())).collect();
    let proof = |host: &Assessment| host.boot.blockages.first().map_or(0, |blockage| blockage.proof.len());
    let whole = hosts(&files, Limits::default());
    assert_eq!(whole.iter().map(proof).collect::<Vec<_>>(), [300; 20]);
    let cut = hosts(&files, Limits { boot_steps: 10_000, ..Limits::default() });
    assert_eq!(cut.len(), 20);
    assert!(!cut.iter().any(is_followed));
}

#[test]
fn hosts_on_which_the_same_is_run_are_followed_once() {
    let document = "schemaVersion: '2.2'\nmainSteps:\n- action: aws:runShellScript\n  name: a\n  inputs:\n    runCommand:\n    \
                    - iptables -A OUTPUT -d 169.254.169.254 -j DROP\n";
    let root = "resource \"aws_ssm_document\" \"d\" {\n  name = \"d\"\n  content = file(\"d.yaml\")\n}\n\
                resource \"aws_instance\" \"w\" {\n  count = 50\n}\n\
                resource \"aws_ssm_association\" \"a\" {\n  count = 20\n  name = aws_ssm_document.d.name\n  targets {\n    \
                key = \"InstanceIds\"\n    values = aws_instance.w[*].id\n  }\n}\n";
    let files = [("main.tf".to_owned(), root.to_owned()), ("d.yaml".to_owned(), document.to_owned())];
    // One boot takes some 400 steps. Each of 50 would have 200.
    let found = hosts(&files, Limits { boot_steps: 1_000, ..Limits::default() });
    let commanded: Vec<_> = found.iter().filter(|host| !host.host.commands.is_empty()).collect();
    assert_eq!(commanded.len(), 50);
    assert!(commanded.iter().all(|host| is_followed(host) && !host.boot.blockages.is_empty()));
}

#[test]
fn commands_in_doubt_are_told_apart_up_to_a_number() {
    let rule = |number: usize| format!("nft add rule ip filter output ip daddr 10.0.{number}.1 drop\n");
    let rules = |count: usize| (0..count).map(rule).collect::<String>();
    let (few, many) = (host(&rules(20), Limits::default()), host(&rules(1_000), Limits::default()));
    assert_eq!(answer(&few), (Answer::Depends, 20));
    assert_eq!(answer(&many), (Answer::Depends, 65));
}

#[test]
fn a_command_that_makes_too_many_rules_is_in_doubt() {
    let addresses = |first: u8, count: usize| -> String {
        (0..count).map(|number| format!("{first}.0.{}.{}", number / 250, number % 250)).collect::<Vec<_>>().join(",")
    };
    let rules =
        |count: usize| format!("iptables -A OUTPUT -s {} -d {} -j DROP\n", addresses(10, count), addresses(11, count));
    assert_eq!(answer(&host(&rules(20), Limits::default())), (Answer::Reachable, 0));
    assert_eq!(answer(&host(&rules(2_000), Limits::default())), (Answer::Depends, 1));
}

#[test]
fn rules_that_leave_everything_open_are_asked_up_to_a_number() {
    let mut script = String::new();
    for number in 0..1_000 {
        writeln!(script, "iptables -A OUTPUT -d 169.254.169.254 -m limit --limit {}/s -j DROP", number + 1).unwrap();
    }
    let unasked = "there are more rules or open questions than are followed";
    let is_cut = |host: &Assessment| {
        let root = host.boot.reachability.iter().find(|each| each.who.name == "root").unwrap();
        root.answer == Answer::Depends && root.depends_on.iter().any(|condition| condition.text == unasked)
    };
    assert!(is_cut(&host(&script, Limits::default())));
    // Every start is a question of its own; together they look at no more than one host may.
    let mut starts = "yum install -y mackerel-agent\n".to_owned() + &script;
    for number in 0..60 {
        writeln!(starts, "iptables -A OUTPUT -d 10.0.0.{number} -j DROP\nsystemctl restart mackerel-agent").unwrap();
    }
    assert!(is_cut(&host(&starts, Limits { verdict_steps: 300_000, ..Limits::default() })));
}

#[test]
fn what_texts_and_arrays_cost_counts_as_steps() {
    let limits = Limits { script_steps: 3_000, ..Limits::default() };
    let long = "a".repeat(1_900);
    let trim = |count: usize| format!("a={long}\nfor i in {{1..{count}}}; do b=${{a%%b*}}; done\n");
    assert!(is_followed(&host(&trim(1), limits)));
    assert!(!is_followed(&host(&trim(500), limits)));
    let mut array = "a=({1..1000})\n".to_owned();
    assert!(is_followed(&host(&array, limits)));
    for number in 0..400 {
        writeln!(array, "if curl a{number}; then a[1]={number}; fi").unwrap();
    }
    assert!(!is_followed(&host(&array, limits)));
}

#[test]
fn what_is_written_after_the_end_of_a_long_archive_has_its_place() {
    let part = |number: usize| {
        format!(
            "--B\nContent-Type: text/x-shellscript\n\n#!/bin/bash\nif curl a; then iptables -A OUTPUT -d 10.0.0.{} -j DROP; fi\n",
            number % 250
        )
    };
    let parts: String = (0..2_000).map(part).collect();
    let archive = format!("Content-Type: multipart/mixed; boundary=\"B\"\nMIME-Version: 1.0\n\n{parts}--B--\n");
    let root = "resource \"aws_instance\" \"x\" {\n  user_data = file(\"ud\")\n}\n";
    let files = [("main.tf".to_owned(), root.to_owned()), ("ud".to_owned(), archive.clone())];
    let found = hosts(&files, Limits { script_steps: 2_000, ..Limits::default() });
    assert!(!is_followed(&found[0]));
    let step = found[0].boot.assumes.iter().find(|step| step.text.contains("takes more steps")).unwrap();
    assert!(step.span.range().start > 1_000 && step.span.range().end < archive.len(), "{step:?}");
}

#[test]
fn user_data_that_is_too_long_to_be_read_is_searched_once_for_each_agent() {
    // A single line in which a name stands very often, and never by itself.
    let line = "mackerel-agent-x ".repeat(60_000);
    let files = [
        ("main.tf".to_owned(), "resource \"aws_instance\" \"x\" {\n  user_data = file(\"ud\")\n}\n".to_owned()),
        ("ud".to_owned(), format!("#!/bin/bash\n{line}\nsystemctl start mackerel-agent\n")),
    ];
    let found = hosts(&files, Limits::default());
    let seen = found[0].agents.iter().find(|agent| agent.agent.name == "mackerel-agent").unwrap().seen_at.unwrap();
    assert_eq!(seen.range().start, "#!/bin/bash\n".len() + line.len() + "\nsystemctl start ".len());
}
