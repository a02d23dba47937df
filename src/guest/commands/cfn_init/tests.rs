//! What templates have cfn-init do, and where the findings about it point.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::eval::cloudformation::{Inputs, evaluate};
use crate::guest::laboratory::{self, BLOCK, answers, start};
use crate::guest::{ServiceAction, boot};
use crate::model::build;
use crate::network::{Answer, Family, Principal};
use crate::source::{FileId, Limits, SourceFile};
use crate::syntax::tree::parse;
use crate::syntax::user_data;

/// A template with a host that runs cfn-init, whose `AWS::CloudFormation::Init` has these lines.
fn template(options: &str, init: &str) -> String {
    let init: String = init.lines().flat_map(|line| ["        ", line, "\n"]).collect();
    format!(
        "Parameters:\n  Free: {{Type: String}}\nResources:\n  Web:\n    Type: AWS::EC2::Instance\n    Metadata:\n      \
         AWS::CloudFormation::Init:\n{init}    Properties:\n      UserData:\n        Fn::Base64: !Sub |\n          \
         #!/bin/bash -e\n          yum update -y aws-cfn-bootstrap\n          /opt/aws/bin/cfn-init -v --stack \
         ${{AWS::StackName}} {options} --region ${{AWS::Region}}\n          touch /done\n"
    )
    .replace("BLOCK", BLOCK)
}

fn ends(template: &str) -> Vec<Guest> {
    let file = SourceFile::new(FileId(0), "stack.yaml", template.into());
    let limits = Limits::default();
    let parsed = parse(&file, &limits);
    assert_eq!(parsed.problems, [], "{template}");
    let inputs = Inputs { file: &file, root: &parsed.documents[0], parameters: &[], limits: &limits };
    let estate = build(&evaluate(&inputs).resources, Vec::new(), &limits);
    let host = &estate.hosts[0];
    let data = host.user_data.iter().filter_map(Value::to_text);
    let data: Vec<_> = data.flat_map(|text| user_data::parse(&text, &limits)).collect();
    boot(&data, host.init.as_ref(), start(), &limits).0
}

/// What the one end's first reason for a block points to.
fn blocker(template: &str) -> String {
    laboratory::blocker(template, &ends(template))
}

#[test]
fn the_blocking_command_is_found_in_each_form() {
    let forms = [
        "config:\n  commands:\n    a: {command: BLOCK}\n",
        "config:\n  commands:\n    a: {command: !Sub 'echo ${Free}; BLOCK'}\n",
        "config:\n  commands:\n    a:\n      command: |\n        if true; then\n          BLOCK\n        fi\n",
        "config:\n  commands:\n    a: {command: BLOCK, test: test 1 = 1, env: {A: b}, cwd: /opt}\n",
        "config:\n  files:\n    /opt/f.sh:\n      mode: '000755'\n      content: !Sub |\n        #!/bin/sh\n        echo ${AWS::Region}\n        BLOCK\n  commands:\n    a: {command: /opt/f.sh}\n",
        "config:\n  files:\n    /opt/f:\n      content: |\n        {{b}} -A OUTPUT -d 169.254.169.254 -j DROP\n        BLOCK\n      context: {b: ls}\n  commands:\n    a: {command: sh f, cwd: /opt}\n",
        "config:\n  files:\n    /etc/systemd/system/f.service:\n      content: |\n        [Service]\n        ExecStart=BLOCK\n  services:\n    systemd:\n      f: {enabled: true, ensureRunning: true}\n",
        "config:\n  files:\n    /etc/sysconfig/iptables:\n      content: |\n        *filter\n        -A OUTPUT -d 169.254.169.254 -j DROP\n        COMMIT\n  services:\n    sysvinit:\n      iptables: {files: [/etc/sysconfig/iptables]}\n",
    ];
    for init in forms {
        let found = blocker(&template("--resource Web", init));
        assert!(found == BLOCK || found == BLOCK.trim_start_matches("iptables "), "{init}: {found}");
    }
}

#[test]
fn words_and_joined_texts_are_pointed_to_from_their_first_to_their_last_part() {
    let words = "[iptables, -A, OUTPUT, -d, 169.254.169.254, -j, DROP]";
    assert_eq!(blocker(&template("-r Web", &format!("config: {{commands: {{a: {{command: {words}}}}}}}"))), words);
    let joined = "config:\n  files:\n    /f: {content: !Join ['', ['#!/bin/sh\n\n', 'iptables -A OUTPUT -d ', '169.254.169.254', ' -j DROP']]}\n  commands: {a: {command: bash /f}}\n";
    assert_eq!(blocker(&template("-r Web", joined)), "iptables -A OUTPUT -d ', '169.254.169.254', ' -j DROP");
    let encoded = STANDARD.encode(BLOCK);
    let files = format!(
        "config:\n  files:\n    /f: {{encoding: base64, content: {encoded}}}\n  commands: {{a: {{command: bash /f}}}}\n"
    );
    assert_eq!(blocker(&template("-r Web", &files)), encoded);
}

#[test]
fn sets_say_which_configurations_are_applied_and_in_which_order() {
    let sets = "configSets:\n  default: [one, {ConfigSet: more}]\n  more: [two]\n  lone: one\n\
                one: {commands: {z: {command: BLOCK}}}\ntwo: {commands: {a: {command: iptables -F}}}\n";
    let of = |options: &str| answers(&ends(&template(options, sets)));
    assert_eq!(of("-r Web"), [Answer::Reachable]);
    assert_eq!(of("-r Web -c lone"), [Answer::Blocked]);
    assert_eq!(of("-r Web --configsets more,lone"), [Answer::Blocked]);
    assert_eq!(of("-r Web --configsets=lone,more"), [Answer::Reachable]);
    assert_eq!(of("-r Web -c absent"), [Answer::Reachable]);
    assert_eq!(ends(&template("-r Web -c absent", sets))[0].file("/done"), None, "the script stops at errors");
    let endless = "configSets: {default: [{ConfigSet: default}, {ConfigSet: default}]}\n";
    assert_eq!(answers(&ends(&template("-r Web", endless))), [Answer::Reachable]);
}

#[test]
fn a_command_that_fails_ends_all_unless_errors_are_ignored() {
    let commands = |options: &str| {
        let init = format!("config: {{commands: {{a: {{command: exit 1{options}}}, b: {{command: BLOCK}}}}}}");
        ends(&template("-r Web", &init))
    };
    let stopped = commands("");
    assert_eq!((answers(&stopped), stopped[0].file("/done")), (vec![Answer::Reachable], None));
    assert_eq!(answers(&commands(", ignoreErrors: true")), [Answer::Blocked]);
    assert_eq!(answers(&commands(", test: exit 1")), [Answer::Blocked], "a command that does not run cannot fail");
}

#[test]
fn a_test_that_is_not_known_leads_both_ways() {
    let init = "config: {commands: {a: {test: test -e /etc/x, command: BLOCK}}}";
    assert_eq!(answers(&ends(&template("-r Web", init))), [Answer::Reachable, Answer::Blocked]);
}

#[test]
fn alternatives_that_the_template_gives_are_kept_apart() {
    let condition = "Mappings: {Table: {eu-west-1: {Run: BLOCK}, us-east-1: {Run: echo}}}\n".replace("BLOCK", BLOCK);
    let init = "config: {commands: {a: {command: !FindInMap [Table, !Ref AWS::Region, Run]}}}";
    assert_eq!(answers(&ends(&(template("-r Web", init) + &condition))), [Answer::Reachable, Answer::Blocked]);
}

#[test]
fn look_alikes_change_nothing() {
    let silent = [
        "config: {files: {/opt/f.sh: {content: BLOCK}}}",
        "config: {commands: {a: {command: echo BLOCK}}}",
        "config: {commands: {a: {command: BLOCK}, b: {command: iptables -F}}}",
        "config: {packages: {yum: {iptables-services: []}}}",
        "other: {commands: {a: {command: BLOCK}}}",
        "#config: {commands: {a: {command: BLOCK}}}\nconfig: {}",
    ];
    for init in silent {
        assert_eq!(answers(&ends(&template("-r Web", init))), [Answer::Reachable], "{init}");
    }
    let called = template("-r Web", "config: {commands: {a: {command: BLOCK}}}");
    assert_eq!(answers(&ends(&called.replace("/opt/aws/bin/cfn-init", "# cfn-init"))), [Answer::Reachable]);
}

#[test]
fn packages_users_and_services_are_told_in_order() {
    let init = "config:\n  services: {sysvinit: {httpd: {enabled: 'true', ensureRunning: 'false'}}}\n  users: {app: {}}\n  \
                commands: {a: {command: 'iptables -A OUTPUT -m owner ! --uid-owner app -d 169.254.169.254 -j DROP'}}\n  \
                packages: {yum: {httpd: []}, rpm: {epel: 'https://example.com/epel.rpm'}}\n";
    let ends = ends(&template("-r Web", init));
    assert_eq!(answers(&ends), [Answer::Blocked]);
    let told: Vec<String> = ends[0]
        .events
        .iter()
        .map(|event| match &event.kind {
            EventKind::Packages(names) => names[0].as_str().to_owned(),
            EventKind::Service { name, action: ServiceAction::Enable } => format!("enable {}", name.as_str()),
            EventKind::Service { name, action: ServiceAction::Stop } => format!("stop {}", name.as_str()),
            EventKind::Update(names) => format!("update {}", names[0].as_str()),
            other => format!("{other:?}"),
        })
        .collect();
    let (first, told) = told.split_first().unwrap();
    assert_eq!(first, "update aws-cfn-bootstrap");
    assert_eq!(told, ["https://example.com/epel.rpm", "httpd", "enable httpd", "stop httpd"]);
}

#[test]
fn a_script_that_is_downloaded_is_named_by_its_address() {
    let init = "config: {files: {/f: {source: !Sub 'https://example.com/${AWS::Region}/f'}}, commands: {a: {command: bash /f}}}";
    let ends = ends(&template("-r Web", init));
    assert!(ends[0].opaque[0].text.contains("https://example.com/"), "{:?}", ends[0].opaque);
}

#[test]
fn content_that_is_no_text_becomes_json() {
    let init = "config: {files: {/etc/a.json: {content: {b: [1, !Sub 'x\"${AWS::Region}', true], a: {}}}}}";
    let ends = ends(&template("-r Web", init));
    let Some(Content::Text(text)) = ends[0].file("/etc/a.json") else { panic!("no text") };
    assert_eq!(text.as_str(), "{\"a\": {}, \"b\": [1, \"x\\\"\u{fffc}\", true]}");
}

#[test]
fn the_resource_is_chosen_by_its_name() {
    let second = "  Other:\n    Type: AWS::SSM::Parameter\n    Metadata: {AWS::CloudFormation::Init: {config: {}}}\n    Properties: {}\n";
    let init = "config: {commands: {a: {command: BLOCK}}}";
    assert_eq!(answers(&ends(&template("-r ${Free}", init))), [Answer::Blocked], "there is only one");
    let two = |options: &str| ends(&(template(options, init) + second));
    assert_eq!(answers(&two("-r Web")), [Answer::Blocked]);
    assert_eq!(answers(&two("-r Other")), [Answer::Reachable]);
    let unknown = two("-r ${Free}");
    assert_eq!((answers(&unknown), unknown[0].opaque.len()), (vec![Answer::Reachable], 1));
}

/// What happened to the software at the first end, in order, without what the script around does.
fn told(ends: &[Guest]) -> Vec<String> {
    let words = |words: &[Text]| words.iter().map(Text::as_str).collect::<Vec<_>>().join(" ");
    let event = |kind: &EventKind| match kind {
        EventKind::Packages(names) => Some(words(names)),
        EventKind::Program(program) => Some(format!("run {}", words(program))),
        EventKind::Service { name, action } => Some(format!("{action:?} {}", name.as_str()).to_lowercase()),
        EventKind::Installer { address, called } => Some(format!("installer {} {called}", address.as_str())),
        EventKind::Reboot => Some("reboot".to_owned()),
        _ => None,
    };
    ends[0].events.iter().filter_map(|each| event(&each.kind)).collect()
}

#[test]
fn packages_are_installed_in_the_order_of_their_managers_and_with_their_versions() {
    let init = "config:\n  packages:\n    yum: {a: [], b: [\"1.2\"], c: \"3\", d: [\"1\", \"2\"]}\n    apt: {e: \"1.2-1\"}\n    \
                rpm: {f: [\"https://example.com/f.rpm\"]}\n    rubygems: {g: [\"4\"]}\n    python: {h: []}\n    \
                unheard: {i: []}\n";
    let expected = ["https://example.com/f.rpm", "e=1.2-1", "a", "b-1.2", "c-3", "d", "run gem install g:4"];
    assert_eq!(told(&ends(&template("-r Web", init))), expected);
}

#[test]
fn what_lies_in_an_archive_is_named_by_its_address_when_it_is_run() {
    let run = |folder: &str, command: &str| {
        let sources = format!("{{{folder}: 'https://example.com/app.tgz'}}");
        ends(&template("-r Web", &format!("config: {{sources: {sources}, commands: {{a: {{command: {command}}}}}}}")))
    };
    for command in ["/opt/app/bin/setup --now", "sh /opt/app/setup.sh", "cd /opt/app && ./setup"] {
        let ends = run("/opt/app", command);
        assert!(ends[0].opaque[0].text.contains("https://example.com/app.tgz"), "{command}: {:?}", ends[0].opaque);
    }
    assert_eq!(run("/opt/app", "/opt/other/setup")[0].opaque.len(), 0);
    let stock = run("/", "/usr/sbin/iptables -A OUTPUT -d 169.254.169.254 -j DROP");
    assert_eq!(answers(&stock), [Answer::Blocked], "programs of the image are no part of an archive");
    let removed = run("/opt/app", "rm -rf /opt/app && sh /opt/app/setup.sh");
    assert_eq!(removed[0].opaque.iter().filter(|step| step.text.contains("app.tgz")).count(), 0);
}

#[test]
fn a_link_is_what_it_leads_to() {
    let files = "/a: {content: BLOCK}, /b: {content: /a, mode: '120755'}";
    let init = format!("config: {{files: {{{files}}}, commands: {{a: {{command: sh /b}}}}}}");
    assert_eq!(blocker(&template("-r Web", &init)), BLOCK);
}

#[test]
fn a_file_with_several_contents_is_written_with_each() {
    let mappings = "Mappings: {Table: {eu-west-1: {Run: BLOCK}, us-east-1: {Run: echo}}}\n".replace("BLOCK", BLOCK);
    let init =
        "config: {files: {/a: {content: !FindInMap [Table, !Ref AWS::Region, Run]}}, commands: {a: {command: sh /a}}}";
    assert_eq!(answers(&ends(&(template("-r Web", init) + &mappings))), [Answer::Reachable, Answer::Blocked]);
    let unknown =
        ends(&template("-r Web", "config: {files: {/a: {content: !Ref Free}}, commands: {a: {command: sh /a}}}"));
    assert_eq!(unknown[0].opaque.len(), 1, "{:?}", unknown[0].opaque);
}

#[test]
fn services_are_started_again_after_what_they_depend_on() {
    let services = |depends: &str| {
        let init = format!(
            "config:\n  packages: {{yum: {{nginx: []}}}}\n  sources: {{/var/www: 'https://example.com/a.zip'}}\n  \
             services: {{systemd: {{web: {{ensureRunning: false, {depends}}}}}}}\n"
        );
        told(&ends(&template("-r Web", &init))).pop()
    };
    assert_eq!(services("packages: {yum: [nginx]}").as_deref(), Some("start web"));
    assert_eq!(services("sources: [/var/www]").as_deref(), Some("start web"));
    assert_eq!(services("sources: [/var/other], packages: {apt: [nginx]}").as_deref(), Some("stop web"));
}

#[test]
fn users_and_groups_get_their_numbers() {
    let rule = |owner: &str| format!("iptables -A OUTPUT -d 169.254.169.254 -m owner {owner} -j DROP");
    let answer = |owner: &str, principal: &Principal| {
        let init = format!(
            "config: {{groups: {{staff: {{gid: '45'}}}}, users: {{app: {{uid: '50', groups: [staff]}}}}, \
             commands: {{a: {{command: '{}'}}}}}}",
            rule(owner)
        );
        ends(&template("-r Web", &init))[0].network.verdict(Family::V4, principal).answer
    };
    let process = |uid, gid| Principal::Process { uid, gid, groups: Vec::new() };
    assert_eq!(answer("--uid-owner app", &process(50, 50)), Answer::Blocked);
    assert_eq!(answer("--uid-owner app", &process(51, 50)), Answer::Reachable);
    assert_eq!(answer("--gid-owner staff", &process(50, 45)), Answer::Blocked);
    assert_eq!(answer("--gid-owner staff", &process(50, 46)), Answer::Reachable);
}

#[test]
fn options_are_read_in_each_form() {
    let init = "configSets: {off: [none], default: [one]}\none: {commands: {a: {command: BLOCK}}}\nnone: {}\n";
    for options in ["-rWeb -coff", "--resource=Web -c 'off'", "-r Web --configsets \"off\""] {
        assert_eq!(answers(&ends(&template(options, init))), [Answer::Reachable], "{options}");
    }
}

/// A template with a host of Windows, whose user data calls cfn-init.
fn windows(tag: &str, call: &str, init: &str) -> Vec<Guest> {
    let block = "netsh advfirewall firewall add rule name=i dir=out action=block remoteip=169.254.169.254 protocol=tcp";
    let init: String = init.replace("BLOCK", block).lines().flat_map(|line| ["        ", line, "\n"]).collect();
    ends(&format!(
        "Resources:\n  Web:\n    Type: AWS::EC2::Instance\n    Metadata:\n      AWS::CloudFormation::Init:\n{init}    \
         Properties:\n      UserData:\n        Fn::Base64: !Sub |\n          <{tag}>\n          {call} --stack \
         ${{AWS::StackName}} --resource Web --region ${{AWS::Region}}\n          </{tag}>\n"
    ))
}

fn windows_answer(tag: &str, call: &str, init: &str) -> Answer {
    windows(tag, call, init)[0].network.windows_verdict(Family::V4).answer
}

#[test]
fn windows_calls_it_from_both_of_its_shells() {
    let init = "config: {commands: {a: {command: BLOCK, waitAfterCompletion: '0'}}}";
    for (tag, call) in [
        ("script", "cfn-init.exe -v"),
        ("script", "\"C:\\Program Files\\Amazon\\cfn-bootstrap\\cfn-init.exe\" -v"),
        ("powershell", "cfn-init.exe -v"),
        ("powershell", "& \"C:\\Program Files\\Amazon\\cfn-bootstrap\\cfn-init.exe\" -v"),
        ("powershell", "cmd /c cfn-init.exe -v"),
    ] {
        assert_eq!(windows_answer(tag, call, init), Answer::Blocked, "{call}");
    }
    assert_eq!(windows_answer("script", "rem cfn-init.exe", init), Answer::Reachable);
}

#[test]
fn files_and_commands_of_windows_are_run_by_its_own_shells() {
    let forms = [
        "config: {files: {'c:\\a\\b.ps1': {content: BLOCK}}, commands: {a: {command: 'powershell.exe -File c:\\a\\b.ps1'}}}",
        "config: {files: {'c:\\a\\b.cmd': {content: BLOCK}}, commands: {a: {command: 'b.cmd', cwd: 'C:/A'}}}",
        "config: {commands: {a: {command: [powershell.exe, -Command, \"BLOCK\"]}}}",
        "config: {commands: {a: {command: 'powershell.exe -Command \"BLOCK\"', env: {A: b}}}}",
        "config: {commands: {a: {test: 'exit 1', command: echo}, b: {command: BLOCK, test: 'exit 0'}}}",
    ];
    for init in forms {
        assert_eq!(windows_answer("powershell", "cfn-init.exe -v", init), Answer::Blocked, "{init}");
    }
}

#[test]
fn a_host_of_windows_starts_again_where_it_is_waited_for() {
    let init = "config:\n  packages: {msi: {app: 'https://example.com/app.msi'}}\n  services: {windows: {app: {enabled: 'true', ensureRunning: 'true', files: ['c:\\a']}}}\n  \
                files: {'c:\\a': {content: a}}\n  commands:\n    1: {command: 'join-domain.exe', waitAfterCompletion: forever}\n    \
                2: {command: 'shutdown /r', waitAfterCompletion: forever}\n    3: {command: 'setup.exe', waitAfterCompletion: '5'}\n";
    let told = told(&windows("powershell", "cfn-init.exe -v", init));
    let expected = [
        "https://example.com/app.msi",
        "run join-domain.exe",
        "reboot",
        "reboot",
        "run setup.exe",
        "enable app",
        "start app",
    ];
    assert_eq!(told, expected);
}
