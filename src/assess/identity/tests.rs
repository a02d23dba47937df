//! What builds leave of identities.

use super::*;
use crate::catalog;
use crate::guest;
use crate::network::{Assumptions, Network};
use crate::source::{FileId, Limits, SourceFile};
use crate::syntax::shell;

/// What the one way through a script leaves, with the text at the place that created it.
#[track_caller]
fn left(agent: &str, script: &'static str) -> (Identity, &'static str) {
    let file = SourceFile::new(FileId(1), "build.sh", script.into());
    let limits = Limits::default();
    let (parsed, _, _) = shell::parse(&Text::verbatim(script, file.span(0..script.len())), &limits);
    let ends = guest::run(&parsed, Guest::new(Network::new(&Assumptions::default())), &limits);
    let agent = catalog::agent(agent).unwrap();
    let mut found: Vec<_> = ends.iter().map(|end| after(agent, Platform::Linux, &end.events)).collect();
    found.dedup();
    assert_eq!(found.len(), 1, "{script}: {found:?}");
    let identity = found.remove(0);
    let at = match &identity {
        Identity::Left(left) => &script[left.created.event.span.range()],
        _ => "",
    };
    (identity, at)
}

#[track_caller]
fn creator(script: &'static str) -> &'static str {
    let (identity, at) = left("mackerel-agent", script);
    assert!(matches!(identity, Identity::Left(_)), "{script}: {identity:?}");
    at
}

#[test]
fn starting_enrolling_and_copying_leave_an_identity() {
    for (script, at) in [
        ("yum install -y mackerel-agent\nsystemctl start mackerel-agent", "systemctl start mackerel-agent"),
        ("systemctl enable --now mackerel-agent", "systemctl enable --now mackerel-agent"),
        (
            "systemctl mask mackerel-agent\nsystemctl unmask mackerel-agent\nsystemctl start mackerel-agent",
            "systemctl start mackerel-agent",
        ),
        ("service mackerel-agent start\nservice mackerel-agent stop", "service mackerel-agent start"),
        ("yum install -y mackerel-agent\nreboot", "reboot"),
        ("yum install -y mackerel-agent\nsudo systemctl reboot", "sudo systemctl reboot"),
        ("yum install -y mackerel-agent\ninit 6", "init 6"),
        ("rc-service mackerel-agent start", "rc-service mackerel-agent start"),
        ("service Mackerel-Agent start", "service Mackerel-Agent start"),
        ("mackerel-agent supervise &", "mackerel-agent supervise"),
        ("echo 3aBcDeFgHiJ > /var/lib/mackerel-agent/id", "echo 3aBcDeFgHiJ > /var/lib/mackerel-agent/id"),
        ("cp /tmp/id /var/lib/mackerel-agent/id", "cp /tmp/id /var/lib/mackerel-agent/id"),
    ] {
        assert_eq!(creator(script), at);
    }
}

#[test]
fn what_was_installed_or_enabled_only_leaves_nothing() {
    for script in [
        "yum install -y mackerel-agent",
        "yum install -y mackerel-agent\nsystemctl enable mackerel-agent",
        "yum install -y mackerel-agent\nsystemctl disable mackerel-agent\nreboot",
        "mackerel-agent init -apikey=x",
        "yum install -y mackerel-agent\nsystemctl mask mackerel-agent\nsystemctl start mackerel-agent || true\nreboot",
        "rm -f /var/lib/mackerel-agent/id",
        "docker run -d mackerel/mackerel-agent",
    ] {
        assert_eq!(left("mackerel-agent", script).0, Identity::Absent, "{script}");
    }
}

#[test]
fn a_cleanup_counts_when_it_comes_after_the_last_start() {
    for script in [
        "systemctl start mackerel-agent\nsystemctl stop mackerel-agent\nrm -f /var/lib/mackerel-agent/id",
        "systemctl start mackerel-agent\nrm -rf /var/lib/mackerel-agent",
        "systemctl start mackerel-agent\n: > /var/lib/mackerel-agent/id",
        "systemctl start mackerel-agent\nmackerel-agent retire -force",
        "systemctl start mackerel-agent\nif [ -f /var/lib/mackerel-agent/id ]; then rm /var/lib/mackerel-agent/id; fi",
    ] {
        assert_eq!(left("mackerel-agent", script).0, Identity::Cleaned, "{script}");
    }
    let (identity, at) = left(
        "mackerel-agent",
        "systemctl start mackerel-agent\nrm -f /var/lib/mackerel-agent/id\nsystemctl restart mackerel-agent",
    );
    let Identity::Left(left) = identity else { panic!("{identity:?}") };
    assert_eq!((left.removed.len(), at), (1, "systemctl restart mackerel-agent"));
}

#[test]
fn a_cleanup_of_other_files_is_none() {
    for script in [
        "systemctl start mackerel-agent\nrm -f /var/lib/mackerel-agent/pid",
        "systemctl start mackerel-agent\nrm -f /var/lib/mackerel-agent",
        "systemctl start mackerel-agent\nrm -rf /var/lib/amazon/ssm/*",
        "systemctl start mackerel-agent\nrm -rf \"$UNSET_BY_ANYBODY_KNOWN\"",
    ] {
        assert_eq!(creator(script), "systemctl start mackerel-agent");
    }
}

#[test]
fn an_installation_that_starts_an_agent_which_is_not_registered_leaves_nothing() {
    for (agent, script) in [
        ("amazon-ssm-agent", "rpm -i https://example.com/amazon-ssm-agent.rpm"),
        ("amazon-ssm-agent", "/etc/init.d/amazon-ssm-agent start"),
        ("elastic-agent", "apt-get install -y elastic-agent"),
        ("tailscale", "curl -fsSL https://tailscale.com/install.sh | sh"),
    ] {
        assert_eq!(left(agent, script).0, Identity::Absent, "{script}");
    }
}

#[test]
fn options_may_hold_their_values() {
    let install = "elastic-agent install --url=https://fleet.example.com --enrollment-token=x";
    let Identity::Left(created) = left("elastic-agent", install).0 else { panic!("it enrols") };
    assert!(created.created.is_verified);
    let delayed = "elastic-agent install --enrollment-token=x --delay-enroll";
    assert_eq!(left("elastic-agent", delayed).0, Identity::Absent);
}

#[test]
fn a_service_that_is_started_only_when_it_runs_creates_nothing() {
    for verb in ["try-restart", "condrestart", "reload", "status", "is-active"] {
        let script = format!("yum install -y mackerel-agent\nsystemctl {verb} mackerel-agent || true");
        assert_eq!(left("mackerel-agent", script.leak()).0, Identity::Absent, "{verb}");
    }
}

#[test]
fn the_identity_in_the_registry_of_windows_is_removed_with_its_keys() {
    let network = || Network::new(&Assumptions::default());
    let of = |commands: &[&str]| {
        let span = SourceFile::new(FileId(1), "x.ps1", "x".into()).span(0..1);
        let name = Text::encoded("CSFalconService", span);
        let mut events = vec![EventKind::Service { name, action: ServiceAction::Start }];
        let words = |line: &str| line.split(' ').map(|word| Text::encoded(word, span)).collect();
        events.extend(commands.iter().map(|line| EventKind::Program(words(line))));
        let event = |kind| Arc::new(Event::new(kind, span, network()));
        let events: Vec<_> = events.into_iter().map(event).collect();
        after(catalog::agent("crowdstrike-falcon").unwrap(), Platform::Windows, &events)
    };
    let key = r"HKLM:\SYSTEM\CrowdStrike\{9b03c1d9-3138-44ed-9fae-d9f4c034b88d}\{16e0423f-7058-48c9-a204-725362b67639}\Default";
    let other = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\CSAgent\Sim";
    let one = format!("Remove-ItemProperty -Path {key} -Name AG");
    let two = format!("Remove-ItemProperty -Path {key},{other} -Name AG");
    let unlike = r"reg delete HKLM\SOFTWARE\Other /f".to_owned();
    assert!(matches!(of(&[&unlike]), Identity::Left(_)));
    assert_eq!(of(&[&one]), Identity::Unknown);
    assert_eq!(of(&[&two]), Identity::Cleaned);
}

#[test]
fn files_that_a_running_agent_writes_again_are_removed_only_when_it_is_stopped() {
    let up = "tailscale up --auth-key x\n";
    let remove = "rm -f /var/lib/tailscale/tailscaled.state\n";
    let stop = "systemctl stop tailscaled\n";
    let after = |script: String| left("tailscale", script.leak()).0;
    let Identity::Left(left) = after(format!("{up}{remove}")) else { panic!("it is written again") };
    assert_eq!(left.too_early.len(), 1);
    assert_eq!(after(format!("{up}{stop}{remove}")), Identity::Cleaned);
}

#[test]
fn what_is_not_known_about_a_cleanup_makes_the_identity_unknown() {
    let script = "systemctl start mackerel-agent\nD=$(cat /etc/root)\nrm -f \"$D/mackerel-agent/id\"";
    assert_eq!(left("mackerel-agent", script).0, Identity::Unknown);
}

#[test]
fn only_what_makes_an_agent_register_leaves_an_identity() {
    for (agent, script) in [
        // The installer starts the service, which waits for `tailscale up`.
        ("tailscale", "curl -fsSL https://tailscale.com/install.sh | sh"),
        ("tailscale", "apt-get install -y tailscale\nsystemctl enable --now tailscaled\nreboot"),
        ("amazon-ssm-agent", "yum install -y https://s3.amazonaws.com/x/latest/linux_amd64/amazon-ssm-agent.rpm"),
        ("amazon-ssm-agent", "/etc/init.d/amazon-ssm-agent start"),
        ("elastic-agent", "apt-get install -y elastic-agent"),
    ] {
        assert_eq!(left(agent, script).0, Identity::Absent, "{script}");
    }
    for (agent, script, at) in [
        ("tailscale", "curl -fsSL https://tailscale.com/install.sh | sh\ntailscale up", "tailscale up"),
        ("mackerel-agent", "/etc/init.d/mackerel-agent start", "/etc/init.d/mackerel-agent start"),
        ("salt-minion", "curl -L https://bootstrap.saltproject.io | sh", "sh"),
    ] {
        let (identity, found) = left(agent, script);
        assert!(matches!(identity, Identity::Left(_)), "{script}: {identity:?}");
        assert_eq!(found, at, "{script}");
    }
}

#[test]
fn what_is_not_followed_and_may_remove_the_identity_makes_it_unknown() {
    for script in [
        "sudo /opt/image/cleanup.sh",
        "aws s3 cp s3://bucket/clean.sh /tmp/clean.sh && bash /tmp/clean.sh",
        "curl -fsSL https://example.com/cleanup.sh | sudo bash",
        "sudo python3 /tmp/cleanup.py",
        "ansible-playbook -c local site.yml",
        "find /var/lib/mackerel-agent -type f | xargs sudo rm -f",
        "find /var/lib/mackerel-agent -type f -print0 | xargs -0 -I {} rm {}",
        "find /var/lib/mackerel-agent -type f | while read -r file; do rm \"$file\"; done",
        "find /var/lib/mackerel-agent -type f ! -name '*.conf' -delete",
    ] {
        let script = format!("systemctl start mackerel-agent\n{script}");
        assert_eq!(left("mackerel-agent", script.clone().leak()).0, Identity::Unknown, "{script}");
    }
    for script in [
        "sudo yum clean all",
        "cloud-init clean --logs",
        "package-cleanup --oldkernels",
        "curl -fsSL https://get.docker.com | sh",
        "find /var/log -type f | xargs truncate -s 0",
        "find /tmp -mtime +1 -delete",
    ] {
        let script = format!("systemctl start mackerel-agent\n{script}");
        assert_eq!(creator(script.leak()), "systemctl start mackerel-agent");
    }
}

#[test]
fn an_agent_whose_start_stores_nothing_is_not_in_doubt_after_a_step_that_is_not_followed() {
    let script = "systemctl enable --now amazon-ssm-agent";
    let file = SourceFile::new(FileId(1), "build.sh", script.into());
    let limits = Limits::default();
    let (parsed, _, _) = shell::parse(&Text::verbatim(script, file.span(0..script.len())), &limits);
    let mut ends = guest::run(&parsed, Guest::new(Network::new(&Assumptions::default())), &limits);
    let mut events = ends.remove(0).events.to_vec();
    let mut unfollowed = Event::clone(&events[0]);
    unfollowed.kind = EventKind::Unfollowed;
    events.push(Arc::new(unfollowed));
    let of = |agent| after(catalog::agent(agent).unwrap(), Platform::Linux, &events);
    assert_eq!(of("amazon-ssm-agent"), Identity::Absent);
}

#[test]
fn an_installer_that_is_told_not_to_start_the_agent_leaves_nothing() {
    let address =
        "https://raw.githubusercontent.com/CrowdStrike/falcon-scripts/v1.7.3/bash/install/falcon-linux-install.sh";
    for (called, is_left) in [
        ("curl -L URL | bash", true),
        ("export FALCON_CID=x\ncurl -L URL | bash", true),
        ("export PREP_GOLDEN_IMAGE=true\ncurl -L URL | bash", false),
        ("curl -L URL | PREP_GOLDEN_IMAGE=\"true\" bash", false),
        ("curl -L URL | FALCON_INSTALL_ONLY=true bash", false),
        ("curl -o x.sh URL\nFALCON_INSTALL_ONLY=true bash x.sh", false),
        ("curl -o x.sh URL\nchmod +x x.sh\nsudo PREP_GOLDEN_IMAGE=true ./x.sh", false),
    ] {
        let script: &'static str = called.replace("URL", address).leak();
        let (identity, _) = left("crowdstrike-falcon", script);
        assert_eq!(matches!(identity, Identity::Left(_)), is_left, "{script}: {identity:?}");
    }
}

#[test]
fn options_with_their_values_in_one_word_are_options_too() {
    for (script, is_left) in [
        ("elastic-agent enroll --url=https://a --enrollment-token=x -f", true),
        ("elastic-agent install --url=https://a --enrollment-token=x", true),
        ("elastic-agent install --url=https://a --enrollment-token=x --delay-enroll", false),
    ] {
        let (identity, _) = left("elastic-agent", script);
        assert_eq!(matches!(identity, Identity::Left(_)), is_left, "{script}: {identity:?}");
    }
}

#[test]
fn asking_an_agent_for_help_starts_nothing() {
    for script in ["mackerel-agent --help", "mackerel-agent -version", "netdata -h", "mackerel-agent supervise -h"] {
        assert_eq!(left(script.split(' ').next().unwrap(), script).0, Identity::Absent, "{script}");
    }
}

#[test]
fn an_agent_that_is_removed_leaves_nothing() {
    let script = "yum install -y mackerel-agent\nsystemctl start mackerel-agent\nyum remove -y mackerel-agent";
    assert_eq!(left("mackerel-agent", script).0, Identity::Absent);
}
