//! What templates have cfn-init do, and where the findings about it point.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::eval::cloudformation::{Inputs, evaluate};
use crate::guest::laboratory::{self, BLOCK, answers, start};
use crate::guest::{ServiceAction, boot};
use crate::model::build;
use crate::network::Answer;
use crate::source::{FileId, SourceFile};
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
    boot(&data, host.init.as_ref(), start(), &limits)
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
