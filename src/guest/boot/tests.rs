//! What hosts do at boot, and where the findings about it point.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::guest::laboratory::{self, BLOCK, answers, start, text_with_holes};
use crate::guest::{EventKind, Options};
use crate::network::Answer;
use crate::source::{FileId, SourceFile};
use crate::syntax::user_data;

fn parts(texts: &[Text]) -> Vec<Part> {
    texts.iter().flat_map(|text| user_data::parse(text, &Limits::default())).collect()
}

/// The ends of a boot with user data in which `<?>` is a part that is not known.
fn ends(source: &str) -> Vec<Guest> {
    let (_, text) = text_with_holes(source);
    boot(&parts(&[text]), None, start(), &Limits::default()).0
}

/// What the one end's first reason for a block points to.
fn blocker(source: &str) -> String {
    laboratory::blocker(source, &ends(source))
}

#[test]
fn the_blocking_command_is_found_in_each_form() {
    let forms = [
        "#!/bin/bash\nBLOCK\n",
        "#!/bin/bash\r\nBLOCK\r\n",
        "#cloud-boothook\n#!/bin/sh\nBLOCK\n",
        "#cloud-config\nruncmd:\n  - BLOCK\n",
        "#cloud-config\nruncmd:\n  - echo a\n  - |\n    if true; then\n      BLOCK\n    fi\n",
        "#cloud-config\nbootcmd:\n  - 'BLOCK'\n",
        "#cloud-config\nwrite_files:\n  - path: /opt/f.sh\n    permissions: '0755'\n    content: |\n      #!/bin/sh\n      BLOCK\nruncmd:\n  - /opt/f.sh\n",
        "#cloud-config\nwrite_files:\n- {path: /opt/f, content: \"BLOCK\\n\", defer: true}\nruncmd:\n- [sh, /opt/f]\n",
        "#cloud-config\nwrite_files:\n- {path: /opt/f, content: \"a=b\\n\"}\n- {path: /opt/f, append: true, content: \"BLOCK\\n\"}\nruncmd: [\". /opt/f\"]\n",
        "#cloud-config\nwrite_files:\n- path: /var/lib/cloud/scripts/per-boot/a.sh\n  permissions: '0755'\n  content: |\n    #!/bin/sh\n    BLOCK\n",
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/x-shellscript\n\n#!/bin/sh\nBLOCK\n--x\nContent-Type: text/cloud-config\n\npackages: [a]\n--x--\n",
        "## template: jinja\n#cloud-config\nruncmd:\n{% if a %}\n- echo {{ b }}\n{% endif %}\n- BLOCK\n",
    ];
    for form in forms {
        let source = form.replace("BLOCK", BLOCK);
        assert_eq!(blocker(&source), BLOCK, "{source}");
    }
    let wrapped = format!("cloud-init-per once block {BLOCK}");
    assert_eq!(blocker(&format!("#cloud-config\nbootcmd:\n  - {wrapped}\n")), wrapped);
}

#[test]
fn a_list_of_words_is_a_command_without_a_shell() {
    let list = "iptables, -A, OUTPUT, -d, 169.254.169.254, -j, DROP";
    assert_eq!(blocker(&format!("#cloud-config\nruncmd:\n - [{list}]\n")), list);
    let ends =
        ends("#cloud-config\nruncmd:\n - [echo, '$(iptables -P OUTPUT DROP)', \"it's; iptables -P OUTPUT DROP\"]\n");
    assert_eq!(answers(&ends), [Answer::Reachable]);
}

#[test]
fn encoded_content_is_pointed_to_as_a_whole() {
    let encoded = STANDARD.encode(format!("#!/bin/sh\n{BLOCK}\n"));
    for content in [format!("encoding: b64, content: {encoded}"), format!("content: !!binary {encoded}")] {
        let source = format!("#cloud-config\nwrite_files:\n- {{path: /f, {content}}}\nruncmd: [[bash, /f]]\n");
        assert_eq!(blocker(&source), encoded);
    }
}

#[test]
fn look_alikes_change_nothing() {
    let silent = [
        "#cloud-config\npackages: [iptables-services]\n",
        "#cloud-config\nwrite_files:\n- {path: /opt/f.sh, permissions: '0755', content: BLOCK}\n",
        "#cloud-config\nwrite_files:\n- {path: /var/lib/cloud/scripts/per-boot/f.sh, content: BLOCK}\n",
        "#cloud-config\nbootcmd:\n- echo BLOCK\n",
        "#cloud-config\n#bootcmd:\n#- BLOCK\nruncmd:\n# - BLOCK\n- echo # BLOCK\n",
        "#cloud-config\ndisable_ec2_metadata: false\n",
        "#cloud-config\nruncmd:\n- BLOCK\n- 5\n",
        "#cloud-config\nruncmd: BLOCK\n",
        "#cloud-config\nwrite_files: [\nruncmd:\n- BLOCK\n",
        "#!/usr/bin/env python3\nBLOCK\n",
        "BLOCK\n",
        "<?>",
    ];
    for source in silent {
        assert_eq!(answers(&ends(&source.replace("BLOCK", BLOCK))), [Answer::Reachable], "{source}");
    }
}

#[test]
fn metadata_is_disabled_by_a_route() {
    assert_eq!(blocker("#cloud-config\ndisable_ec2_metadata: true\n"), "disable_ec2_metadata");
    assert_eq!(blocker("#cloud-config\ndisable_ec2_metadata: yes\n"), "disable_ec2_metadata");
    assert_eq!(answers(&ends("#cloud-config\ndisable_ec2_metadata: <?>\n")), [Answer::Reachable, Answer::Blocked]);
}

#[test]
fn what_runs_later_sees_what_ran_before() {
    let undone = [
        "#cloud-config\nbootcmd: [BLOCK]\nruncmd: [iptables -F]\n",
        "#cloud-config\nruncmd: [iptables -F]\nbootcmd: [BLOCK]\n",
        "#cloud-config\ndisable_ec2_metadata: true\nruncmd: [ip route del prohibit 169.254.169.254]\n",
        // The names of scripts order them; `runcmd` is one of them.
        "#cloud-config-archive\n- {type: text/x-shellscript, filename: z, content: \"#!/bin/sh\\niptables -F\"}\n- {type: text/cloud-config, content: 'runcmd: [BLOCK]'}\n",
        "#cloud-config-archive\n- {type: text/cloud-config, content: 'runcmd: [iptables -F]'}\n- \"#!/bin/sh\\nBLOCK\"\n",
        "#cloud-config-archive\n- {filename: a, content: \"#!/bin/sh\\nBLOCK\"}\n- {filename: a, content: \"#!/bin/sh\\ntrue\"}\n",
        // A boothook runs where it is read, before all else.
        "#cloud-config-archive\n- {type: text/cloud-config, content: 'bootcmd: [iptables -F]'}\n- \"#cloud-boothook\\n#!/bin/sh\\nBLOCK\"\n",
    ];
    for source in undone {
        assert_eq!(answers(&ends(&source.replace("BLOCK", BLOCK))), [Answer::Reachable], "{source}");
    }
    let stays = "#cloud-config\ncloud_config_modules: [[runcmd, always]]\nbootcmd: [BLOCK]\ndisable_ec2_metadata: true\nruncmd: ['iptables -F; ip route del prohibit 169.254.169.254 && BLOCK']\n";
    assert_eq!(answers(&ends(&stays.replace("BLOCK", BLOCK))), [Answer::Reachable], "the module is not in the list");
}

#[test]
fn shells_do_not_share_what_they_know() {
    let source = format!(
        "#cloud-config\nbootcmd:\n- f() {{ {BLOCK}; }}\n- X=1; set -e\nruncmd:\n- f\n- test a = b\n- '[ -n \"$X\" ] || echo none > /out'\n"
    );
    let ends = ends(&source);
    assert_eq!(answers(&ends), [Answer::Reachable]);
    assert!(ends[0].file("/out").is_some());
    assert_eq!(ends[0].shell.options, Options::default());
}

#[test]
fn early_scripts_know_the_instance_and_later_ones_do_not() {
    let source = |key: &str| format!("#cloud-config\n{key}: ['[ -z \"$INSTANCE_ID\" ] && {BLOCK}']\n");
    assert_eq!(answers(&ends(&source("bootcmd"))), [Answer::Reachable, Answer::Blocked]);
    assert_eq!(answers(&ends(&source("runcmd"))), [Answer::Blocked]);
    let script = Text::encoded(format!("#!/bin/sh\n[ -z \"$X\" ] && {BLOCK}"), Span::new(FileId(1), 0..1));
    let mut foreign = start();
    foreign.shell.foreign = true;
    let ends = boot(&parts(&[script]), None, foreign, &Limits::default()).0;
    assert_eq!(answers(&ends), [Answer::Reachable, Answer::Blocked], "someone may have set the variable");
}

#[test]
fn later_configurations_replace_lists_unless_they_say_otherwise() {
    let archive = |second: &str| {
        ends(&format!(
            "#cloud-config-archive\n- {{type: text/cloud-config, content: 'runcmd: [{BLOCK}]'}}\n- {{type: text/cloud-config, content: '{second}'}}\n"
        ))
    };
    assert_eq!(answers(&archive("packages: [a]")), [Answer::Blocked]);
    assert_eq!(answers(&archive("runcmd: [echo]")), [Answer::Reachable]);
    let append = [
        "merge_how: list(append)+dict(recurse_array)+str()",
        "merge_type: [{name: list, settings: [append]}, {name: dict, settings: [no_replace, recurse_list]}]",
    ];
    for how in append {
        assert_eq!(
            answers(&archive(&format!("{{{how}, runcmd: [echo]}}").replace("+str()", ""))),
            [Answer::Blocked],
            "{how}"
        );
    }
    let header = "Content-Type: multipart/mixed; boundary=x\nMIME-Version: 1.0\n\n--x\nContent-Type: text/cloud-config\n\nruncmd: [BLOCK]\n--x\nContent-Type: text/cloud-config\nX-Merge-Type: list(append)+dict(recurse_array)+str()\n\nruncmd: [echo]\n--x--\n";
    assert_eq!(answers(&ends(&header.replace("BLOCK", BLOCK))), [Answer::Blocked]);
}

#[test]
fn packages_users_and_reboots_are_told() {
    let source = "#cloud-config\npackages: [mackerel-agent, [nginx, 1.2], {apt: [curl]}]\nusers: [default, {name: app, groups: 'web, db'}]\ngroups: {ops: [app]}\npower_state: {mode: reboot}\nruncmd:\n- iptables -A OUTPUT -d 169.254.169.254 -m owner ! --uid-owner app -j DROP\n";
    let ends = ends(source);
    assert_eq!(answers(&ends), [Answer::Blocked]);
    let told: Vec<&str> = ends[0]
        .events
        .iter()
        .map(|event| match &event.kind {
            EventKind::Packages(names) => names[0].as_str(),
            EventKind::Reboot => "reboot",
            _ => "other",
        })
        .collect();
    assert_eq!(told, ["mackerel-agent", "nginx=1.2", "curl", "reboot"]);
    assert_eq!(&source[ends[0].events[1].span.range()], "[nginx, 1.2]");
}

#[test]
fn what_cannot_be_followed_is_named() {
    let cases = [
        ("#!/usr/bin/python3\nx\n", "#!/usr/bin/python3"),
        ("#include\nhttps://example.com/a\n", "#include\nhttps://example.com/a\n"),
        ("#cloud-config\nruncmd: <?>\n", "runcmd"),
        ("#cloud-config\n<?>\n", "#cloud-config\n<?>\n"),
        ("#cloud-config\npackages: []\n<?>\nusers: []\n", "<?>\n"),
        ("#cloud-config\na: [\n", "#cloud-config\na: [\n"),
        ("#cloud-config\na: b\n---\nc: d\n", "#cloud-config\na: b\n---\nc: d\n"),
        ("#cloud-config-jsonp\n[]\n", "#cloud-config-jsonp\n[]\n"),
        ("#part-handler\nx\n", "#part-handler\nx\n"),
        ("#upstart-job\nx\n", "#upstart-job\nx\n"),
        ("#cloud-config\npuppet: {install: <?>}\n", "puppet"),
        ("#cloud-config\nsalt_minion: <?>\n", "salt_minion"),
        ("#cloud-config\npackage_upgrade: <?>\n", "package_upgrade"),
        ("<?>", "<?>"),
        ("## template: jinja\n#cloud-config\n{% if %", "#cloud-config\n{% if %"),
    ];
    for (source, expected) in cases {
        let ends = ends(source);
        assert_eq!(ends.len(), 1);
        let steps: Vec<&str> = ends[0].opaque.iter().map(|step| &source[step.span.range()]).collect();
        assert_eq!(steps, [expected], "{source}");
    }
}

/// What happens at the one end of a boot, in order.
fn told(source: &str) -> Vec<String> {
    let ends = ends(source);
    assert_eq!(ends.len(), 1, "{source}");
    told_of(&ends[0])
}

fn told_of(end: &Guest) -> Vec<String> {
    let words = |words: &[Text]| words.iter().map(Text::as_str).collect::<Vec<_>>().join(" ");
    let event = |kind: &EventKind| match kind {
        EventKind::Service { name, action } => format!("{action:?} {}", name.as_str()),
        EventKind::Packages(names) => format!("install {}", words(names)),
        EventKind::Update(names) => format!("update {}", words(names)),
        EventKind::Installer { address, called } => format!("{called} from {}", address.as_str()),
        EventKind::Program(program) => words(program),
        EventKind::Unfollowed => "unfollowed".to_owned(),
        EventKind::Reboot => "reboot".to_owned(),
        other => format!("{other:?}"),
    };
    end.events.iter().map(|each| event(&each.kind)).collect()
}

#[test]
fn agents_that_have_modules_are_installed_and_started() {
    let cases: [(&str, &[&str]); 22] = [
        ("puppet: {}", &["install puppet-agent", "Enable puppet", "Start puppet"]),
        ("puppet:", &[]),
        (
            "puppet: {package_name: openvox-agent, version: 8.1}",
            &["install openvox-agent=8.1", "Enable puppet", "Start puppet"],
        ),
        ("puppet: {install: false, start_service: false, exec: true}", &["puppet agent --test"]),
        (
            "puppet: {start_service: no, exec: true, exec_args: [--noop, --test]}",
            &["install puppet-agent", "puppet agent --noop --test"],
        ),
        (
            "puppet: {install_type: aio, version: 7.1, start_service: no}",
            &["puppet-install -v 7.1 from https://raw.githubusercontent.com/puppetlabs/install-puppet/main/install.sh"],
        ),
        ("chef: {server_url: a}", &["install chef"]),
        ("chef: {exec: true, exec_arguments: [-z]}", &["install chef", "/usr/bin/chef-client -z"]),
        (
            "chef: {install_type: omnibus, exec: true, omnibus_url: 'https://a/b.sh'}",
            &["chef-omnibus-install from https://a/b.sh", "/usr/bin/chef-client -d -i 1800 -s 20"],
        ),
        ("chef: {install_type: gems}", &["gem install chef", "/usr/bin/chef-client -d -i 1800 -s 20"]),
        ("salt_minion: {conf: {master: a}}", &["install salt-minion", "Enable salt-minion", "Start salt-minion"]),
        (
            "salt_minion: {pkg_name: salt, service_name: salt, conf: {file_client: local}}",
            &["install salt", "Disable salt", "Stop salt", "salt-call --local state.apply", "unfollowed"],
        ),
        (
            "ansible: {install_method: distro, package_name: ansible-core, galaxy: {actions: [[ansible-galaxy, install, a]]}, pull: {url: b, playbook_name: c}}",
            &["install ansible-core", "ansible-galaxy install a", "ansible-pull", "unfollowed"],
        ),
        ("ansible: {pull: {url: b}}", &[]),
        ("mcollective: {}", &["install mcollective", "Start mcollective"]),
        (
            "snap: {commands: [[install, amazon-ssm-agent, --classic], snap start a, [snap, install, b], [~, c]]}",
            &["install amazon-ssm-agent", "install b", "c"],
        ),
        ("snap: {commands: {01: [install, b], 00: [install, a]}}", &["install a", "install b"]),
        ("package_upgrade: true\npackages: nginx", &["update ", "install nginx"]),
        (
            "rsyslog: {install_rsyslog: true, packages: [rsyslog]}\nntp: {enabled: false, config: {packages: [a]}}",
            &["install rsyslog"],
        ),
        ("puppet: {}\ncloud_final_modules: [scripts-user]", &[]),
        ("random_seed: {command: [seeder, -q]}", &["seeder -q"]),
        ("random_seed: {file: /dev/urandom}", &[]),
    ];
    for (config, expected) in cases {
        let source = format!("#cloud-config\n{config}\n");
        assert_eq!(told(&source), expected, "{config}");
    }
}

#[test]
fn agents_start_with_the_network_of_their_time() {
    let source = format!("#cloud-config\nbootcmd: ['{BLOCK}']\npuppet: {{}}\nruncmd: [iptables -F]\n");
    let ends = ends(&source);
    assert_eq!(answers(&ends), [Answer::Reachable]);
    let start = ends[0].events.last().unwrap();
    assert_eq!(&source[start.span.range()], "puppet");
    assert_eq!(
        start.network.verdict(crate::network::Family::V4, &crate::network::Principal::Root).answer,
        Answer::Blocked
    );
}

#[test]
fn a_tunnel_runs_its_commands_and_may_take_the_way() {
    let tunnel = |lines: &str| {
        format!(
            "#cloud-config\nwireguard:\n  interfaces:\n  - name: wg0\n    config_path: /etc/wireguard/wg0.conf\n    content: |\n      [Interface]\n      {lines}\n"
        )
    };
    let blocking = "iptables -A OUTPUT ! -o %i -d 169.254.169.254 -j DROP";
    assert_eq!(blocker(&tunnel(&format!("PostUp = {blocking}"))), blocking);
    assert_eq!(answers(&ends(&tunnel("AllowedIPs = 10.0.0.0/8, 192.168.0.0/16"))), [Answer::Reachable]);
    assert_eq!(answers(&ends(&tunnel("AllowedIPs = 0.0.0.0/0"))), [Answer::Depends]);
    assert_eq!(answers(&ends(&tunnel(&format!("PostDown = {BLOCK}")))), [Answer::Reachable]);
}

#[test]
fn the_conditions_of_a_template_are_taken_both_ways() {
    let template = |body: &str| format!("## template: jinja\n#cloud-config\n{body}").replace("BLOCK", BLOCK);
    let either = template("runcmd:\n{% if v1.distro == 'ubuntu' %}\n- BLOCK\n{% else %}\n- iptables -F\n{% endif %}\n");
    let ends_of_either = ends(&either);
    assert_eq!(answers(&ends_of_either), [Answer::Reachable, Answer::Blocked]);
    let condition = &ends_of_either[0].branches[0];
    assert_eq!((&either[condition.span.range()], condition.succeeded), ("v1.distro == 'ubuntu'", true));
    let both = template("{% if a %}\nbootcmd: ['BLOCK']\n{% else %}\nruncmd: ['BLOCK']\n{% endif %}\n");
    assert_eq!(answers(&ends(&both)), [Answer::Blocked]);
    let undone =
        template("{% if a %}\nbootcmd: ['BLOCK']\n{% endif %}\n{% if a %}\nruncmd: [iptables -F]\n{% endif %}\n");
    assert_eq!(answers(&ends(&undone)), [Answer::Reachable]);
    let set =
        template("{% set address = '169.254.169.254' %}\nruncmd:\n- iptables -A OUTPUT -d {{ address }} -j DROP\n");
    assert_eq!(answers(&ends(&set)), [Answer::Blocked]);
    let each = template(
        "runcmd:\n{% for address in ['10.0.0.1', '169.254.169.254'] %}\n- iptables -A OUTPUT -d {{ address }} -j DROP\n{% endfor %}\n",
    );
    assert_eq!(answers(&ends(&each)), [Answer::Blocked]);
}

#[test]
fn templates_in_several_parts_agree_about_their_conditions() {
    let part = |body: &str| format!("- |\n  ## template: jinja\n  #!/bin/sh\n{body}");
    let condition = |command: &str| format!("  {{% if a %}}\n  {command}\n  {{% endif %}}\n");
    let undone = format!("#cloud-config-archive\n{}{}", part(&condition(BLOCK)), part(&condition("iptables -F")));
    assert_eq!(answers(&ends(&undone)), [Answer::Reachable]);
    let many: String =
        (0..10).map(|number| part(&format!("  {{% if a{number} %}}\n  echo\n  {{% endif %}}\n"))).collect();
    assert_eq!(answers(&ends(&format!("#cloud-config-archive\n{many}"))), [Answer::Depends]);
}

#[test]
fn files_of_which_it_is_not_known_how_they_are_written_are_not_known() {
    for field in ["append: <?>", "encoding: <?>"] {
        let source =
            format!("#cloud-config\nwrite_files:\n- {{path: /f, {field}, content: '{BLOCK}'}}\nruncmd: [[sh, /f]]\n");
        let ends = ends(&source);
        assert_eq!(answers(&ends), [Answer::Reachable]);
        assert_eq!(ends[0].opaque.len(), 1, "{field}");
    }
}

#[test]
fn a_condition_decides_about_the_reboot() {
    let source = |condition: &str| format!("#cloud-config\npower_state: {{mode: reboot, condition: {condition}}}\n");
    assert_eq!(told(&source("True")), ["reboot"]);
    assert_eq!(told(&source("'false'")), [""; 0]);
    assert_eq!(told(&source("['test', a, '=', a]")), ["reboot"]);
    let open: Vec<_> = ends(&source("test -f /x")).iter().map(told_of).collect();
    assert_eq!(open, [vec!["reboot".to_owned()], vec![]]);
}

#[test]
fn content_from_an_address_is_an_installer_when_it_runs() {
    let source = "#cloud-config\nwrite_files:\n- {path: /f, source: {uri: 'https://example.com/f'}, content: BLOCK}\nruncmd: [sh /f]\n";
    let ends = ends(&source.replace("BLOCK", BLOCK));
    assert_eq!(answers(&ends), [Answer::Reachable]);
    let EventKind::Installer { address, .. } = &ends[0].events[0].kind else { panic!("{:?}", ends[0].events) };
    assert_eq!(address.as_str(), "https://example.com/f");
}

#[test]
fn several_user_data_make_one_boot() {
    let sources =
        ["#cloud-config\nruncmd: [/opt/f]\n", "#cloud-boothook\n#!/bin/sh\necho 'iptables -P OUTPUT DROP' >/opt/f\n"];
    let texts = sources.map(|source| {
        let file = SourceFile::new(FileId(1), "user-data", source.into());
        Text::verbatim(source, file.span(0..source.len()))
    });
    assert_eq!(answers(&boot(&parts(&texts), None, start(), &Limits::default()).0), [Answer::Blocked]);
    assert_eq!(answers(&boot(&parts(&texts[..1]), None, start(), &Limits::default()).0), [Answer::Reachable]);
    assert_eq!(boot(&[], None, start(), &Limits::default()).0.len(), 1);
}

#[test]
fn unknown_ways_are_kept_apart_across_scripts() {
    let source = format!("#cloud-config\nbootcmd: ['if [ -f /x ]; then {BLOCK}; fi']\nruncmd: [echo]\n");
    assert_eq!(answers(&ends(&source)), [Answer::Reachable, Answer::Blocked]);
    let many = (0..8)
        .map(|number| format!("- 'if grep -q x /y; then iptables -A OUTPUT -d 10.0.0.{number} -j DROP; fi'\n"))
        .collect::<Vec<_>>()
        .concat();
    let ends = ends(&format!("#cloud-config\nbootcmd:\n{many}runcmd:\n{many}"));
    assert!(ends.len() <= Limits::default().script_paths);
    assert!(answers(&ends).contains(&Answer::Depends));
}

#[test]
fn a_boot_without_end_is_in_doubt() {
    let items = "- \"#!/bin/sh\\ntrue\"\n".repeat(200) + "- \"#include\\nhttps://example.com\"\n";
    let source = format!("#cloud-config-archive\n{items}");
    let file = SourceFile::new(FileId(1), "user-data", source.clone().into());
    let text = Text::verbatim(source.as_str(), file.span(0..source.len()));
    let boot = |script_steps| {
        boot(&parts(std::slice::from_ref(&text)), None, start(), &Limits { script_steps, ..Limits::default() }).0
    };
    let (whole, stopped) = (boot(5_000), boot(100));
    assert_eq!((answers(&whole), whole[0].opaque.len()), (vec![Answer::Reachable], 1));
    assert_eq!((answers(&stopped), stopped[0].opaque.len()), (vec![Answer::Depends], 2));
}

#[test]
fn what_aliases_repeat_ends_soon() {
    let word = "x".repeat(1 << 16);
    let many = |item: &str| format!("[{}]", vec![item; 20_000].join(", "));
    let bombs = [
        format!("a: &a {word}\nruncmd: [{}]\n", many("*a")),
        format!("a: &a {{path: /f, append: true, content: {word}}}\nwrite_files: {}\n", many("*a")),
        format!("a: &a {}\nusers: {}\ngroups: {}\n", many("u"), many("*a"), many("*a")),
        format!("a: &a {word}\npackages: {}\n", many("*a")),
        format!("a: &a 'if a; then b={word}; fi'\nbootcmd: {}\n", many("*a")),
        format!("a: &a {word}\npower_state: {{mode: reboot, condition: {}}}\n", many("*a")),
        format!("a: &a {word}\nsnap: {{commands: [{}]}}\n", many("*a")),
        format!("a: &a [{word}]\nsnap: {{commands: {}}}\n", many("*a")),
        format!("a: &a {word}\nchef: {{exec: true, exec_arguments: {}}}\n", many("*a")),
        format!("a: &a {{name: a, content: 'PostUp = {word}'}}\nwireguard: {{interfaces: {}}}\n", many("*a")),
    ];
    for bomb in bombs {
        let ends = ends(&format!("#cloud-config\n{bomb}"));
        assert!(ends.iter().all(|end| end.bytes() < 20 << 20), "{}", &bomb[..20]);
    }
}

proptest::proptest! {
    #[test]
    fn any_user_data_has_an_end(fragments in proptest::collection::vec(proptest::sample::select(FRAGMENTS), 0..24)) {
        let limits = Limits { script_steps: 2_000, ..Limits::default() };
        let source = fragments.concat();
        let file = SourceFile::new(FileId(1), "user-data", source.clone().into());
        let text = Text::verbatim(source.as_str(), file.span(0..source.len()));
        let ends = boot(&parts(&[text]), None, start(), &limits).0;
        proptest::prop_assert!(!ends.is_empty() && ends.len() <= limits.script_paths);
    }
}

const FRAGMENTS: &[&str] = &[
    "#cloud-config\n",
    "#cloud-config-archive\n",
    "- content: |\n   #!/bin/sh\n   reboot\n",
    "runcmd:\n",
    "bootcmd:\n",
    "- echo a\n",
    "- [a, 'b']\n",
    "- iptables -P OUTPUT DROP\n",
    "write_files:\n",
    "- path: /a\n  encoding: b64\n  content: IyE=\n",
    "- {path: /a, append: true, content: x}\n",
    "merge_how: list(append\n",
    "## template: jinja\n",
    "{% if a %}\n",
    "{% endif %}\n",
    "snap: {commands: [a, [b]]}\n",
    "wireguard: {interfaces: [{name: a, content: \"PostUp = b\"}]}\n",
    "ansible: {install_method: pip, package_name: a, galaxy: {actions: [a, [b]]}}\n",
    "chef: {exec: true}\n",
    "users: [a, {b: c}]\n",
    "packages: [[], {}, a]\n",
    "disable_ec2_metadata: true\n",
    "power_state: {mode: reboot}\n",
    "cloud_final_modules: [[scripts-user, always], [], a]\n",
    "#!/bin/sh\n",
    "{% if %}\n",
    "&a [*a]\n",
    "\u{fffc}\n",
];
