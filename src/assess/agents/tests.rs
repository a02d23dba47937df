//! Which agents scripts show, and when they are started.

use super::*;
use crate::guest;
use crate::network::{Assumptions, Network};
use crate::source::{FileId, Limits, SourceFile};
use crate::syntax::shell;

struct Host {
    script: &'static str,
    agents: Vec<SeenAgent>,
}

fn host(script: &'static str) -> Host {
    let file = SourceFile::new(FileId(1), "user-data.sh", script.into());
    let limits = Limits::default();
    let (parsed, _, _) = shell::parse(&Text::verbatim(script, file.span(0..script.len())), &limits);
    let ends = guest::run(&parsed, Guest::new(Network::new(&Assumptions::default())), &limits);
    Host { script, agents: on_host(&ends.iter().collect::<Vec<_>>(), &[], &[]) }
}

impl Host {
    /// The one agent that is seen.
    #[track_caller]
    fn only(&self) -> &SeenAgent {
        assert_eq!(self.agents.len(), 1, "{}: {:?}", self.script, self.agents);
        &self.agents[0]
    }

    fn at(&self, span: Option<Span>) -> &str {
        span.map_or("", |span| &self.script[span.range()])
    }

    /// What the scripts ask for, and the text at its place.
    fn version(&self) -> Option<(&str, &str)> {
        self.only().version.as_ref().map(|version| (&*version.text, self.at(Some(version.origin.span))))
    }

    /// The commands that start the one agent.
    fn starts(&self) -> Vec<&str> {
        self.only().starts.iter().map(|start| self.at(Some(start.event.span))).collect()
    }
}

#[test]
fn packages_and_their_pins_are_seen_where_they_are_written() {
    for (script, version) in [
        ("yum install -y mackerel-agent", None),
        ("yum install -y jq mackerel-agent-0.58.0-1", Some(("0.58.0", "0.58.0"))),
        ("apt-get install -y mackerel-agent=0.58.0-1.v2", Some(("0.58.0", "0.58.0"))),
        ("V=0.58.0\nsudo dnf install -y \"mackerel-agent-$V\"", Some(("0.58.0", "0.58.0"))),
        ("rpm -ivh https://example.com/mackerel-agent-0.58.0-1.noarch.rpm", Some(("0.58.0", "0.58.0"))),
        ("apk add mackerel-agent=0.58.0-r0", Some(("0.58.0", "0.58.0"))),
    ] {
        let host = host(script);
        assert_eq!(host.version(), version, "{script}");
        assert_eq!(host.at(host.only().seen_at), "mackerel-agent", "{script}");
        assert!(!host.only().container && host.starts().is_empty(), "{script}");
    }
}

#[test]
fn a_downloaded_package_is_known_by_its_address() {
    let host = host("curl -o /tmp/agent.rpm https://example.com/mackerel-agent-0.58.0-1.rpm\nrpm -ivh /tmp/agent.rpm");
    let address = "https://example.com/mackerel-agent-0.58.0-1.rpm";
    assert_eq!(host.version(), Some(("0.58.0", address)));
    assert_eq!(host.at(host.only().seen_at), address);
}

#[test]
fn scripts_of_the_vendor_start_the_agent_at_once() {
    let host =
        host("curl -fsSL https://mackerel.io/file/script/amznlinux/setup-all-yum-v2.sh | MACKEREL_APIKEY=x sh\n");
    assert!(host.at(host.only().seen_at).starts_with("https://mackerel.io/"));
    assert_eq!(host.starts().len(), 1);
    assert!(host.only().starts[0].is_verified);
}

#[test]
fn a_start_that_nobody_verified_is_marked_so() {
    let host = host("wget -q -O - https://mackerel.io/file/script/setup-all-apt-v2.sh | MACKEREL_APIKEY=x sh\n");
    assert_eq!(host.only().starts.iter().map(|start| start.is_verified).collect::<Vec<_>>(), [false]);
}

#[test]
fn containers_are_seen_with_their_tags() {
    for (script, version, starts) in [
        ("docker run -d -h `hostname` -e apikey=x mackerel/mackerel-agent:0.66.0", Some(("0.66.0", "0.66.0")), 1),
        ("docker run -d example.com/mackerel/mackerel-agent", None, 1),
        ("docker create mackerel/mackerel-agent:latest", None, 0),
    ] {
        let host = host(script);
        assert_eq!(host.version(), version, "{script}");
        assert_eq!(host.starts().len(), starts, "{script}");
        assert!(host.only().container, "{script}");
    }
    assert!(!host("docker run mackerel/mackerel-agent\nyum install -y mackerel-agent").only().container);
}

#[test]
fn an_agent_is_started_by_its_service_its_program_and_a_reboot() {
    for (script, starts) in [
        ("systemctl start mackerel-agent", vec!["systemctl start mackerel-agent"]),
        ("systemctl enable --now mackerel-agent", vec!["systemctl enable --now mackerel-agent"]),
        ("systemctl enable mackerel-agent", vec![]),
        ("systemctl enable mackerel-agent\nreboot", vec!["reboot"]),
        ("systemctl enable mackerel-agent\nsystemctl disable mackerel-agent\nreboot", vec![]),
        ("yum install -y mackerel-agent\nreboot", vec!["reboot"]),
        ("/usr/bin/mackerel-agent supervise -v", vec!["/usr/bin/mackerel-agent supervise -v"]),
        ("mackerel-agent -conf /etc/x.conf", vec!["mackerel-agent -conf /etc/x.conf"]),
        ("mackerel-agent init -apikey=x", vec![]),
        ("mackerel-agent -conf /etc/x.conf configtest", vec![]),
        ("mackerel-agent retire -force", vec![]),
        ("/etc/init.d/mackerel-agent restart", vec!["/etc/init.d/mackerel-agent restart"]),
    ] {
        assert_eq!(host(script).starts(), starts, "{script}");
    }
}

#[test]
fn no_more_starts_are_kept_than_are_of_use() {
    let script = "for a in 1 2 3 4 5 6 7 8 9 10; do\n  for b in 1 2 3 4 5 6 7 8 9 10; do\n    \
                  iptables -A OUTPUT -d 10.0.$a.$b -j DROP\n    systemctl restart mackerel-agent\n  done\ndone\n";
    assert_eq!(host(script).only().starts.len(), MOST_STARTS);
}

#[test]
fn starts_know_the_packet_filter_of_their_time() {
    let host = host(
        "yum install -y mackerel-agent\nsystemctl start mackerel-agent\n\
         iptables -A OUTPUT -d 169.254.169.254 -j DROP\nsystemctl restart mackerel-agent\n",
    );
    let [first, second] = host.only().starts.as_slice() else { panic!("{:?}", host.only()) };
    assert_ne!(first.event.network, second.event.network);
}

#[test]
fn mentioning_stopping_or_describing_an_agent_does_not_install_it() {
    for script in [
        "echo mackerel-agent",
        "rm -f /var/lib/mackerel-agent/id",
        "systemctl stop mackerel-agent",
        "/etc/init.d/mackerel-agent stop",
        "systemctl disable --now mackerel-agent",
        "cat > /etc/systemd/system/mackerel-agent.service <<EOF\n[Service]\nExecStart=/usr/bin/mackerel-agent\nEOF",
        "command -v mackerel-agent",
        "yum install -y mackerel-agent-plugins mackerel-check-plugins",
        "yum remove -y mackerel-agent",
        "curl -fsSL https://mackerel.io/file/script/amznlinux/setup-yum-v2.sh | sh",
        "curl -O https://mackerel.io/file/agent/rpm/mackerel-agent-latest.amzn2.x86_64.rpm",
        "aws logs create-log-group --log-group-name mackerel-agent",
        "docker pull mackerel/mackerel-agent",
        "docker run -d mackerel/mackerel-container-agent",
        "useradd mackerel-agent",
    ] {
        let host = host(script);
        assert!(host.agents.is_empty(), "{script}: {:?}", host.agents);
    }
}

#[test]
fn a_version_is_certain_when_every_way_installs_it() {
    let certain = "if grep -q x /etc/os-release; then A=1; fi\nyum install -y mackerel-agent-0.58.0\n";
    assert!(host(certain).only().version.as_ref().unwrap().is_certain);
    let either = "if grep -q x /etc/os-release; then\n  yum install -y mackerel-agent-0.60.0\nelse\n  \
                  apt-get install -y mackerel-agent=0.58.0-1\nfi\n";
    let either = host(either);
    assert_eq!(either.version(), Some(("0.58.0", "0.58.0")));
    assert!(!either.only().version.as_ref().unwrap().is_certain);
}

#[test]
fn the_last_installation_decides_the_version() {
    assert_eq!(host("yum install -y mackerel-agent-0.58.0\nyum install -y mackerel-agent\n").version(), None);
}

#[test]
fn what_was_not_run_is_searched_and_what_is_required_counts_as_seen() {
    let yaml = "#cloud-config\n# mackerel-agent\npackages: [mackerel-agent]\n";
    let file = SourceFile::new(FileId(1), "user-data.yaml", yaml.into());
    let text = Text::verbatim(yaml, file.span(0..yaml.len()));
    let found = on_host(&[], &[text], &[]);
    assert_eq!(found.len(), 1);
    assert_eq!(&yaml[found[0].seen_at.unwrap().range()], "mackerel-agent");
    assert!(found[0].seen_at.unwrap().start > 40);
    let required = on_host(&[], &[], &["mackerel-agent".into()]);
    assert_eq!(
        required.iter().map(|seen| (&*seen.agent.name, seen.seen_at)).collect::<Vec<_>>(),
        [("mackerel-agent", None)]
    );
}

#[test]
fn a_common_word_shows_an_agent_only_where_it_is_surely_a_name() {
    let yaml = "#cloud-config\nbootcmd: [aws ecs list-clusters, echo splunk and consul]\n";
    let file = SourceFile::new(FileId(1), "user-data.yaml", yaml.into());
    let text = Text::verbatim(yaml, file.span(0..yaml.len()));
    assert!(on_host(&[], &[text], &[]).is_empty());
    assert_eq!(host("systemctl enable --now ecs").only().agent.name, "amazon-ecs-agent");
}

#[test]
fn words_are_not_found_inside_names_and_paths() {
    let found = |text| first_mention(text, "mackerel-agent", true).map(|(_, word)| word.start);
    assert_eq!(found("yum install -y mackerel-agent mkr"), Some(15));
    assert_eq!(found("rm /var/lib/mackerel-agent/id"), None);
    assert_eq!(found("yum install mackerel-agent-plugins"), None);
    assert_eq!(found("systemctl start mackerel-agent.service"), Some(16));
    assert_eq!(found("# mackerel-agent\nx/mackerel-agent\n REM mackerel-agent\n\nb mackerel-agent\n"), Some(57));
}
