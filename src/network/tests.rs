//! The semantics of the packet machine, one rule of the kernel or the tools a test.

use std::collections::BTreeMap;

use super::*;
use crate::source::FileId;

/// What the tests' host is like: nothing open but what a test opens.
fn stock() -> Assumptions {
    Assumptions {
        docker: Some(Docker::Before),
        layout: Some(Layout::Gateway),
        backend: Some(Backend::Nft),
        listen: Some(vec![8181]),
        users: BTreeMap::from([("web".to_owned(), User { uid: 48, gid: 48 })]),
        interface: Some("eth0".to_owned()),
        addresses: vec!["10.0.1.23".parse().unwrap()],
        ..Assumptions::default()
    }
}

/// The words of a line; `?` is an unknown one.
fn words(line: &str) -> Vec<Word> {
    let word = |word: &str| if word == "?" { Word::Unknown } else { Word::Known(word.to_owned()) };
    line.split(' ').map(word).collect()
}

/// Runs lines of commands; each command's span is its number.
fn run(network: &mut Network, lines: &[&str]) -> Vec<Effect> {
    let mut effects = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let words = words(line);
        let Some((Word::Known(program), arguments)) = words.split_first() else { continue };
        let span = Span::new(FileId(0), number..number + 1);
        effects.push(network.run(&Invocation { program, arguments, input: None, span }));
    }
    effects
}

fn after(assumptions: &Assumptions, lines: &[&str]) -> Network {
    let mut network = Network::new(assumptions);
    run(&mut network, lines);
    network
}

fn restore(network: &mut Network, line: &str, text: &str) -> Effect {
    let words = words(line);
    let Some((Word::Known(program), arguments)) = words.split_first() else { panic!("a program") };
    let text = Text::verbatim(text, Span::new(FileId(1), 0..text.len()));
    let span = Span::new(FileId(0), 0..1);
    network.run(&Invocation { program, arguments, input: Some(Input::Text(&text)), span })
}

fn root(network: &Network) -> Answer {
    network.verdict(Family::V4, &Principal::Root).answer
}

#[track_caller]
fn check(lines: &[&str], expected: Answer) {
    let verdict = after(&stock(), lines).verdict(Family::V4, &Principal::Root);
    assert_eq!(verdict.answer, expected, "{verdict:#?}");
}

/// Each line fails with its status and changes nothing.
#[track_caller]
fn fails(before: &[&str], failing: &[(&str, u8)]) {
    let network = after(&stock(), before);
    for (line, status) in failing {
        let mut changed = network.clone();
        let effect = run(&mut changed, &[line]).remove(0);
        assert_eq!(effect.status, Status::Known(*status), "{line}: {effect:?}");
        assert!(effect.note.is_some(), "{line}");
        assert!(!effect.changed && root(&changed) == root(&network), "{line}");
    }
}

use Answer::{Blocked, Depends, Diverted, Reachable};

const DROP: &str = "iptables -A OUTPUT -d 169.254.169.254 -j DROP";

#[test]
fn the_first_rule_that_matches_decides() {
    check(&[DROP, "iptables -A OUTPUT -j ACCEPT"], Blocked);
    check(&[DROP, "iptables -I OUTPUT -j ACCEPT"], Reachable);
    check(&["iptables -I OUTPUT -j ACCEPT", "iptables -I OUTPUT -j DROP"], Blocked);
}

#[test]
fn a_drop_in_any_table_is_final_and_an_accept_ends_its_own_chain_only() {
    check(&["iptables -t mangle -A OUTPUT -j ACCEPT", DROP], Blocked);
    check(&["iptables -t raw -A OUTPUT -j DROP", "iptables -A OUTPUT -j ACCEPT"], Blocked);
    check(&["iptables-legacy -A OUTPUT -j ACCEPT", DROP], Blocked);
    check(&["iptables -A OUTPUT -j ACCEPT", "iptables-legacy -A OUTPUT -j DROP"], Blocked);
    check(&["iptables -A OUTPUT -j ACCEPT", "iptables -t security -A OUTPUT -j DROP"], Blocked);
    check(&["iptables -t mangle -A INPUT -j ACCEPT", "iptables -P INPUT DROP"], Blocked);
    check(&["iptables-legacy -A OUTPUT -j DROP", "iptables -F"], Blocked);
}

#[test]
fn what_falls_through_a_chain_returns_after_a_jump_and_not_after_a_goto() {
    let chain = ["iptables -N B", "iptables -A B -p udp -j DROP"];
    check(&[&chain[..], &["iptables -A OUTPUT -j B", DROP]].concat(), Blocked);
    check(&[&chain[..], &["iptables -A OUTPUT -g B", DROP]].concat(), Reachable);
    // A goto inside a chain leads back to whoever called that chain.
    let nested = ["iptables -N C", "iptables -A C -g B", "iptables -A C -j DROP", "iptables -A OUTPUT -j C"];
    check(&[&chain[..], &nested].concat(), Reachable);
    check(&[&chain[..], &nested, &[DROP]].concat(), Blocked);
}

#[test]
fn a_return_in_a_built_in_chain_leads_to_its_policy() {
    check(&["iptables -P OUTPUT DROP", "iptables -A OUTPUT -j RETURN", "iptables -A OUTPUT -j ACCEPT"], Blocked);
}

#[test]
fn answers_come_in_through_input() {
    check(&["iptables -P INPUT DROP"], Blocked);
    let established = "iptables -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT";
    check(&["iptables -P INPUT DROP", established], Reachable);
    check(&["iptables -P INPUT DROP", established, "iptables -t raw -A OUTPUT -j NOTRACK"], Blocked);
    check(&["iptables -A INPUT -p tcp --syn -j DROP"], Reachable);
}

#[test]
fn a_connection_needs_its_later_packets_too() {
    check(&["iptables -A OUTPUT -d 169.254.169.254 -p tcp --tcp-flags ACK ACK -j DROP"], Blocked);
    check(&["iptables -P OUTPUT DROP", "iptables -A OUTPUT -m state --state NEW -j ACCEPT"], Blocked);
    check(&["iptables -P OUTPUT DROP", "iptables -A OUTPUT -m state --state NEW,ESTABLISHED -j ACCEPT"], Reachable);
}

#[test]
fn commands_that_fail_change_nothing_and_say_why() {
    fails(
        &["iptables -N EMPTY", "iptables -N B", "iptables -A B -j DROP"],
        &[
            ("iptables -I OUTPUT -j NOSUCH", 2),
            ("iptables -A OUTPUT -j drop", 2),
            ("iptables -A output -j DROP", 1),
            ("iptables -P OUTPUT REJECT", 1),
            ("iptables -P OUTPUT drop", 1),
            ("iptables -A OUTPUT --dport 80 -j DROP", 2),
            ("iptables -A OUTPUT -m tcp --dport 80 -j DROP", 2),
            ("iptables -A OUTPUT -m multiport --dports 80 -j DROP", 2),
            ("iptables -A OUTPUT -j REJECT --reject-with tcp-reset", 4),
            ("iptables -A INPUT -m owner --uid-owner 0 -j DROP", 4),
            ("iptables-legacy -A FORWARD -m owner --uid-owner 0 -j DROP", 1),
            ("iptables -A OUTPUT -m owner ! --uid-owner 0 ! --uid-owner 1 -j DROP", 2),
            ("iptables -t nat -A OUTPUT -j DROP", 2),
            ("iptables -t nat -A POSTROUTING -j DNAT --to-destination 127.0.0.1", 4),
            ("iptables -A OUTPUT -j REDIRECT --to-ports 1", 2),
            ("iptables -t mangle -A OUTPUT -j REJECT", 4),
            ("iptables -A OUTPUT -d fd00:ec2::254 -j DROP", 2),
            ("iptables -6 -A OUTPUT -j DROP", 2),
            ("iptables -A OUTPUT -j DROP -F", 2),
            ("iptables -A OUTPUT -d -j DROP", 2),
            ("iptables -A OUTPUT -m nosuchmatch -j DROP", 2),
            ("iptables -A OUTPUT -i eth0 -j DROP", 2),
            ("iptables -I OUTPUT 0 -j DROP", 2),
            ("iptables -I OUTPUT 2 -j DROP", 1),
            ("iptables -D OUTPUT 1", 1),
            ("iptables -D OUTPUT -j DROP", 1),
            ("iptables -C OUTPUT -j DROP", 1),
            ("iptables -N B", 1),
            ("iptables -X B", 4),
            ("iptables -F NOSUCH", 1),
            ("iptables -t nosuch -F", 3),
            ("ip route add blackhole 0.0.0.0/0", 2),
            ("ip route del 169.254.169.254", 2),
            ("route add -host 169.254.169.254", 7),
        ],
    );
}

#[test]
fn a_jump_before_its_chain_is_absent_for_ever() {
    let jump = "iptables -I OUTPUT -d 169.254.169.254 -j EC2";
    let rest = ["iptables -N EC2", "iptables -A EC2 -j REJECT"];
    check(&[&[jump], &rest[..]].concat(), Reachable);
    check(&[rest[0], jump, rest[1]], Blocked);
}

#[test]
fn chains_cannot_lead_to_each_other() {
    let chains = ["iptables -N A", "iptables -N B", "iptables -A A -j B", "iptables -A OUTPUT -j A"];
    fails(&chains, &[("iptables -A B -j A", 4), ("iptables -A B -g B", 4), ("iptables -A B -j OUTPUT", 2)]);
}

#[test]
fn a_chain_takes_what_all_hooks_that_lead_to_it_take() {
    let owner = "iptables -A B -m owner --uid-owner 0 -j DROP";
    fails(&["iptables -N B", "iptables -A INPUT -j B"], &[(owner, 4)]);
    fails(&["iptables -N B", owner], &[("iptables -A FORWARD -j B", 4)]);
    check(&["iptables -N B", owner, "iptables -A OUTPUT -j B"], Blocked);
}

#[test]
fn deletion_goes_by_what_a_rule_says() {
    check(&[DROP, "iptables -D OUTPUT -j DROP --destination 169.254.169.254/32"], Reachable);
    check(&[DROP, DROP, "iptables -D OUTPUT -d 169.254.169.254 -j DROP"], Blocked);
    check(&[DROP, "iptables -D OUTPUT -d 169.254.169.254 -p tcp -j DROP"], Blocked);
    let ports = ["iptables -A OUTPUT -p tcp -m tcp --dport 80 -j DROP", "iptables -D OUTPUT -p tcp --dport 80 -j DROP"];
    check(&ports, Reachable);
}

#[test]
fn policies_stay_when_rules_go() {
    check(&["iptables -P OUTPUT DROP", "iptables -A OUTPUT -j ACCEPT", "iptables -F", "iptables -X"], Blocked);
    check(&["iptables -P OUTPUT DROP", "iptables -P OUTPUT ACCEPT"], Reachable);
}

#[test]
fn a_renamed_chain_is_still_led_to() {
    let lines = ["iptables -N B", "iptables -A OUTPUT -j B", "iptables -E B BLOCK", "iptables -A BLOCK -j DROP"];
    check(&lines, Blocked);
}

#[test]
fn options_may_be_short_for_longer_ones() {
    check(&["iptables --app OUTPUT --dest 169.254.169.254 --ju DROP"], Blocked);
    check(&["iptables -w 5 -t filter -A OUTPUT -p tcp --dport http -j DROP"], Blocked);
    // Both `--destination` and the loaded match's `--destination-port` begin so.
    fails(&[], &[("iptables -A OUTPUT -p tcp -m tcp --dest 169.254.169.254 -j DROP", 2)]);
}

#[test]
fn rules_for_another_user_are_no_matter() {
    let network = after(&stock(), &["iptables -A OUTPUT -d 169.254.169.254 -m owner ! --uid-owner web -j DROP"]);
    let answer = |principal: &Principal| network.verdict(Family::V4, principal).answer;
    assert_eq!(answer(&Principal::Root), Blocked);
    assert_eq!(answer(&Principal::Other), Blocked);
    assert_eq!(answer(&Principal::User("web".to_owned())), Reachable);
    assert_eq!(answer(&Principal::Process { uid: 48, gid: 0, groups: Vec::new() }), Reachable);
    assert_eq!(answer(&Principal::Container), Reachable);
    assert_eq!(network.verdict(Family::V6, &Principal::Root).answer, Reachable);
}

#[test]
fn supplementary_groups_count_only_when_they_are_asked_for() {
    let member = Principal::Process { uid: 1000, gid: 1000, groups: vec![1600] };
    for (option, expected) in [("", Blocked), (" --suppl-groups", Reachable)] {
        let line = format!("iptables -A OUTPUT -m owner ! --gid-owner 1600{option} -j DROP");
        assert_eq!(after(&stock(), &[&line]).verdict(Family::V4, &member).answer, expected, "{option}");
    }
}

#[test]
fn a_user_who_may_not_exist_leaves_the_rule_open() {
    let line = "iptables -A OUTPUT -m owner --uid-owner app -j DROP";
    let mut network = Network::new(&stock());
    assert_eq!(run(&mut network, &[line]).remove(0).status, Status::Unknown);
    let app = network.verdict(Family::V4, &Principal::User("app".to_owned()));
    assert_eq!(app.answer, Depends);
    let condition = app.depends_on.first().unwrap();
    assert_eq!((condition.if_true, condition.if_false), (Blocked, Reachable), "{condition:?}");
    assert!(condition.text.contains("user `app`"), "{condition:?}");
    // The rule concerns neither root nor a user without a rule, whether it is there or not.
    assert_eq!(root(&network), Reachable);
    assert_eq!(network.verdict(Family::V4, &Principal::Other).answer, Reachable);
    let known = Assumptions { all_users_known: true, ..stock() };
    let mut network = Network::new(&known);
    assert_eq!(run(&mut network, &[line]).remove(0).status, Status::Known(2));
    // Once a command has made the user the rule is there, whatever the user's number.
    network.add_user("app", None);
    assert_eq!(run(&mut network, &[line]).remove(0).status, Status::Known(0));
    assert_eq!(network.verdict(Family::V4, &Principal::User("app".to_owned())).answer, Blocked);
    assert_eq!(root(&network), Reachable);
}

#[test]
fn an_unknown_word_makes_an_open_rule_and_no_lost_one() {
    check(&["iptables -A OUTPUT -d ? -j DROP"], Depends);
    check(&["iptables -A OUTPUT -d ? -j LOG"], Reachable);
    check(&["iptables -A OUTPUT -d 10.0.0.0/8 -p tcp --dport ? -j DROP"], Reachable);
    check(&[DROP, "iptables -I OUTPUT -d ? -j ACCEPT"], Depends);
    check(&[DROP, "iptables -A OUTPUT -d ? -j ACCEPT"], Blocked);
    check(&["iptables -A OUTPUT -d 169.254.169.254 -j ?"], Depends);
    check(&[DROP, "iptables ? OUTPUT 1"], Depends);
    check(&["iptables -A ? -j DROP"], Depends);
}

#[test]
fn the_same_open_fact_is_answered_alike() {
    // Whatever the interface is called, one of the two rules drops.
    let open = Assumptions { interface: None, ..stock() };
    let lines = ["iptables -A OUTPUT -o ens5 -j DROP", "iptables -A OUTPUT ! -o ens5 -j DROP"];
    assert_eq!(root(&after(&open, &lines)), Blocked);
    assert_eq!(root(&after(&open, &lines[..1])), Depends);
    assert_eq!(root(&after(&open, &["iptables -A OUTPUT -o lo -j DROP"])), Reachable);
}

#[test]
fn a_translation_comes_before_the_filter() {
    let redirect = "iptables -t nat -A OUTPUT -d 169.254.169.254 -p tcp --dport 80 -j REDIRECT --to-ports 8181";
    check(&[redirect], Diverted);
    check(&[redirect, DROP], Diverted);
    check(&[redirect, "iptables -A OUTPUT -m conntrack --ctorigdst 169.254.169.254 -j DROP"], Blocked);
    check(&[&redirect.replace("8181", "9")], Blocked);
    check(&["iptables -t nat -A OUTPUT -j RETURN", redirect], Reachable);
    let unknown = Assumptions { listen: None, ..stock() };
    assert_eq!(root(&after(&unknown, &[redirect])), Depends);
}

#[test]
fn containers_pass_through_forward_and_need_the_hosts_address() {
    let container = |lines: &[&str]| after(&stock(), lines).verdict(Family::V4, &Principal::Container).answer;
    assert_eq!(container(&[DROP]), Reachable);
    assert_eq!(container(&["iptables -I DOCKER-USER -d 169.254.169.254 -j DROP"]), Blocked);
    assert_eq!(container(&["iptables -A FORWARD -d 169.254.169.254 -j DROP"]), Reachable);
    assert_eq!(container(&["iptables -t nat -F"]), Blocked);
    assert_eq!(container(&["ip route add blackhole 169.254.169.254"]), Blocked);
    let short = Assumptions { hop_limit: Some(1), ..stock() };
    assert_eq!(after(&short, &[]).verdict(Family::V4, &Principal::Container).answer, Blocked);
    assert_eq!(after(&short, &[]).verdict(Family::V4, &Principal::Root).answer, Reachable);
    assert_eq!(after(&stock(), &[]).verdict(Family::V6, &Principal::Container).answer, Blocked);
}

#[test]
fn docker_that_starts_later_puts_its_jumps_on_top() {
    let line = "iptables -I FORWARD -i docker0 -d 169.254.169.254 -j DROP";
    let answer = |docker| {
        let assumptions = Assumptions { docker, ..stock() };
        after(&assumptions, &[line]).verdict(Family::V4, &Principal::Container)
    };
    assert_eq!(answer(Some(Docker::Before)).answer, Blocked);
    assert_eq!(answer(Some(Docker::After)).answer, Reachable);
    let open = answer(None);
    assert_eq!(open.answer, Depends);
    assert!(open.depends_on.iter().any(|condition| condition.text.contains("docker")), "{open:?}");
}

#[test]
fn the_longest_prefix_and_then_the_smallest_metric_choose_the_route() {
    let on_link = Assumptions { layout: Some(Layout::OnLink), ..stock() };
    let answer = |assumptions: &Assumptions, line: &str| root(&after(assumptions, &[line]));
    assert_eq!(answer(&stock(), "ip route add blackhole 169.254.0.0/16"), Blocked);
    assert_eq!(answer(&on_link, "ip route add blackhole 169.254.0.0/16"), Reachable);
    assert_eq!(answer(&on_link, "ip route add blackhole 169.254.169.254/32"), Reachable);
    assert_eq!(answer(&on_link, "ip route replace blackhole 169.254.169.254/32"), Blocked);
    assert_eq!(answer(&on_link, "ip route add blackhole 169.254.169.254 metric 9"), Reachable);
    assert_eq!(answer(&on_link, "ip r d default"), Reachable);
    assert_eq!(answer(&stock(), "ip r d default"), Blocked);
    let open = Assumptions { layout: None, ..stock() };
    assert_eq!(answer(&open, "ip route add blackhole 169.254.169.254/32"), Depends);
    assert_eq!(answer(&open, "ip route replace blackhole 169.254.169.254/32"), Blocked);
}

#[test]
fn routes_of_both_tools_block_and_repairs_do_not() {
    check(&["route add -host 169.254.169.254 reject"], Blocked);
    check(&["route add -net 169.254.0.0 netmask 255.255.0.0 reject"], Blocked);
    check(&["ip route add prohibit 169.254.169.254"], Blocked);
    check(&["ip route add throw 169.254.169.254"], Blocked);
    check(&["ip route add 169.254.169.254 dev lo"], Blocked);
    check(&["ip -4 ro add unreachable 169.254.169.254/32", "ip route del 169.254.169.254"], Reachable);
    check(&["ip route add 169.254.169.254 dev eth0"], Reachable);
    check(&["route add -host 169.254.169.254 dev eth0"], Reachable);
    check(&["ip route add 169.254.169.254 via ?"], Depends);
}

#[test]
fn the_families_are_apart() {
    let network = after(&stock(), &["ip6tables -A OUTPUT -d fd00:ec2::254 -j DROP"]);
    assert_eq!(root(&network), Reachable);
    assert_eq!(network.verdict(Family::V6, &Principal::Root).answer, Blocked);
    let network = after(&stock(), &["sysctl -w net.ipv6.conf.all.disable_ipv6=1"]);
    assert_eq!(network.verdict(Family::V6, &Principal::Root).answer, Blocked);
}

#[test]
fn without_neighbour_discovery_ipv6_depends_on_what_the_host_knows() {
    let lines = ["ip6tables -P OUTPUT DROP", "ip6tables -A OUTPUT -p tcp -j ACCEPT"];
    let answer = |lines: &[&str]| after(&stock(), lines).verdict(Family::V6, &Principal::Root).answer;
    assert_eq!(answer(&lines), Depends);
    assert_eq!(answer(&[lines[0], lines[1], "ip6tables -A OUTPUT -p ipv6-icmp -j ACCEPT"]), Reachable);
}

#[test]
fn a_restored_table_is_taken_over_at_its_commit_or_not_at_all() {
    let mut network = after(&stock(), &[DROP]);
    let failing = [
        ("*filter\n:OUTPUT ACCEPT [0:0]\n", 1),
        ("*filter\n:OUTPUT ACCEPT\n-A OUTPUT -j NOSUCH\nCOMMIT\n", 2),
        ("*filter\n-A NOSUCH -j DROP\nCOMMIT\n", 1),
    ];
    for (text, status) in failing {
        assert_eq!(restore(&mut network, "iptables-restore -w", text).status, Status::Known(status), "{text}");
        assert_eq!(root(&network), Blocked);
    }
    restore(&mut network, "iptables-restore --test", "*filter\nCOMMIT\n");
    restore(&mut network, "iptables-restore", "*nat\nCOMMIT\n");
    restore(&mut network, "iptables-restore -n", "*filter\n-A OUTPUT -j ACCEPT\nCOMMIT\n");
    assert_eq!(root(&network), Blocked);
    restore(&mut network, "iptables-restore", "*filter\nCOMMIT\n");
    assert_eq!(root(&network), Reachable);
}

#[test]
fn a_restored_rule_points_at_its_line() {
    let text = "*filter\n# a comment\n-A OUTPUT -d 169.254.169.254 -j DROP\nCOMMIT\n";
    let mut network = Network::new(&stock());
    restore(&mut network, "iptables-restore", text);
    let step = network.verdict(Family::V4, &Principal::Root).proof.remove(0);
    let span = step.span.unwrap();
    assert_eq!((span.file, text.get(span.range())), (FileId(1), Some("-A OUTPUT -d 169.254.169.254 -j DROP")));
    assert_eq!(step.place, Place::Rule { table: "filter", chain: "OUTPUT".to_owned(), number: 1 });
}

#[test]
fn saved_rules_come_back_with_their_places() {
    let mut network = after(&stock(), &[DROP]);
    let before = network.verdict(Family::V4, &Principal::Root);
    let saved = network.saved("iptables-save");
    run(&mut network, &["iptables -F"]);
    assert_eq!(root(&network), Reachable);
    let span = Span::new(FileId(0), 5..6);
    let input = Some(Input::Saved(&saved));
    network.run(&Invocation { program: "/sbin/iptables-restore", arguments: &[], input, span });
    assert_eq!(network.verdict(Family::V4, &Principal::Root), before);
    assert_eq!(root(&network.after_reboot()), Reachable);
}

#[test]
fn a_proof_names_every_blocker_in_order() {
    let lines = [
        "iptables -A OUTPUT -d 169.254.0.0/16 -j REJECT",
        DROP,
        "iptables -A OUTPUT -j ACCEPT",
        "iptables -P OUTPUT DROP",
        "iptables -P INPUT DROP",
        "ip route add prohibit 169.254.169.254",
    ];
    let verdict = after(&stock(), &lines).verdict(Family::V4, &Principal::Root);
    let spans: Vec<u32> = verdict.proof.iter().map(|step| step.span.unwrap().start).collect();
    assert_eq!(spans, [5, 0, 1, 4], "{:#?}", verdict.proof);
    let packets: Vec<Packet> = verdict.proof.iter().map(|step| step.packet).collect();
    assert_eq!(packets, [Packet::Request, Packet::Request, Packet::Request, Packet::Answer]);
}

#[test]
fn what_is_not_modelled_is_never_passed_over_in_silence() {
    for line in [
        "nft -f /etc/nftables.conf",
        "nft add table ip f { chain o { type filter hook output priority 0; drop; }; }",
        "nft add chain ip f o { type filter hook output priority 0; policy drop; }",
        "ufw deny out to any",
        "firewall-cmd --reload",
        "ip rule add to 169.254.169.254 blackhole",
    ] {
        check(&[line], Depends);
        check(&[DROP, line], Depends);
    }
    for line in [
        "nft list ruleset",
        "nft add table ip f",
        "nft add chain ip f o { type filter hook output priority -5 ; policy accept; }",
        "ufw status",
        "firewall-cmd --state",
        "ip rule show",
        "ip netns exec a iptables -F",
    ] {
        check(&[line], Reachable);
        check(&[DROP, line], Blocked);
    }
    check(&["ufw allow 22/tcp", "ufw deny 23", "ufw default deny incoming"], Reachable);
    check(&[DROP, "ufw allow out 80/tcp"], Depends);
    check(&["ufw --force enable"], Depends);
    check(&["iptables -A OUTPUT -m set --match-set x dst -j DROP"], Depends);
}

#[test]
fn nft_removes_what_iptables_made_of_its_kind() {
    check(&[DROP, "iptables -P INPUT DROP", "nft flush ruleset"], Reachable);
    check(&["iptables-legacy -A OUTPUT -j DROP", "nft flush ruleset"], Blocked);
    check(&["iptables -t mangle -A OUTPUT -j DROP", DROP, "nft delete table ip filter"], Blocked);
    let network = after(&stock(), &["nft flush ruleset"]);
    assert_eq!(network.verdict(Family::V4, &Principal::Container).answer, Blocked, "docker's translation is gone");
}

#[test]
fn hostile_rules_end() {
    // Thirty chains that each lead twice to the next one would be walked a billion times.
    let mut lines = vec!["iptables -N C0".to_owned()];
    for number in 1..30 {
        lines.push(format!("iptables -N C{number}"));
        lines.extend((0..2).map(|_| format!("iptables -A C{} -j C{number}", number - 1)));
    }
    lines.push("iptables -A OUTPUT -j C0".to_owned());
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    check(&lines, Depends);
    let open: Vec<String> =
        (0..40).map(|port| format!("iptables -A OUTPUT -m limit --limit {port}/s -j ACCEPT")).collect();
    let mut open: Vec<&str> = open.iter().map(String::as_str).collect();
    open.push("iptables -P OUTPUT DROP");
    check(&open, Depends);
    // More commands, or a longer text, than anybody writes.
    let many = vec!["iptables -I OUTPUT -p udp -j DROP"; 10_000];
    check(&many, Depends);
    let mut network = Network::new(&stock());
    let lines = "-I OUTPUT -p udp -j DROP\n".repeat(100_000);
    restore(&mut network, "iptables-restore", &format!("*filter\n{lines}COMMIT\n"));
    assert_eq!(root(&network), Depends);
}

#[test]
fn what_cannot_open_the_way_leaves_a_block_as_it_is() {
    const BLOCK: &str = "iptables -A OUTPUT -d 169.254.169.254 -j DROP";
    for line in ["ip addr add ? dev eth1", "ip link set dev ? mtu 1500", "ip link set ? down", "ip link del ?"] {
        check(&[BLOCK, line], Blocked);
    }
    for line in ["ip link set dev ? mtu 1500", "ip link set ? up", "ip link add ? type bridge"] {
        check(&[line], Reachable);
    }
    for line in ["ip link set dev eth0 ?", "ip link set ? down", "ip addr add ? dev eth1", "ip rule add from ?"] {
        check(&[line], Depends);
    }
}
