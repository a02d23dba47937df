//! What user data on Windows does, and what only looks like it.

use super::*;
use crate::guest::laboratory::text_with_holes;
use crate::guest::machine::Machine;
use crate::guest::{Content, EventKind, Guest, ServiceAction};
use crate::network::{Answer, Assumptions, Family, Network, Verdict};
use crate::source::SourceFile;

fn part_of(kind: PartKind, script: &str) -> (SourceFile, Part) {
    let (file, text) = text_with_holes(script);
    (file, Part::new(kind, text))
}

/// Runs a script in which `<?>` is a part that is not known.
fn ends(kind: PartKind, script: &str) -> (SourceFile, Vec<Guest>) {
    let (file, part) = part_of(kind, script);
    let limits = Limits::default();
    let mut machine = Machine::new(&limits);
    let mut ends = vec![Guest::new(Network::new(&Assumptions::default()))];
    for step in steps(&part, &limits) {
        ends = ends.into_iter().flat_map(|guest| step.run(&mut machine, guest)).collect();
    }
    assert!(!ends.is_empty());
    (file, ends)
}

fn verdicts(kind: PartKind, script: &str) -> Vec<Verdict> {
    ends(kind, script).1.iter().map(|end| end.network.windows_verdict(Family::V4)).collect()
}

#[track_caller]
fn check(kind: PartKind, expected: Answer, scripts: &[&str]) {
    for script in scripts {
        let mut answers: Vec<Answer> = verdicts(kind, script).iter().map(|verdict| verdict.answer).collect();
        answers.dedup();
        assert_eq!(answers, [expected], "{script}");
    }
}

#[track_caller]
fn powershell(expected: Answer, scripts: &[&str]) {
    check(PartKind::PowerShell, expected, scripts);
}

/// The events of the one end of a script: what happens, with the names.
fn events(kind: PartKind, script: &str) -> Vec<String> {
    let (_, ends) = ends(kind, script);
    assert_eq!(ends.len(), 1, "{script}");
    let words = |words: &[Text]| words.iter().map(Text::as_str).collect::<Vec<_>>().join(" ");
    let event = |kind: &EventKind| match kind {
        EventKind::Service { name, action: ServiceAction::Start } => format!("start {}", name.as_str()),
        EventKind::Service { name, action: ServiceAction::Stop } => format!("stop {}", name.as_str()),
        EventKind::Service { name, action: ServiceAction::Enable } => format!("enable {}", name.as_str()),
        EventKind::Service { name, action: ServiceAction::Disable } => format!("disable {}", name.as_str()),
        EventKind::Packages(names) => format!("packages {}", words(names)),
        EventKind::Installer { address, .. } => format!("installer {}", address.as_str()),
        EventKind::Program(program) => format!("program {}", words(program)),
        EventKind::Removal(names) => format!("removal {}", words(names)),
        EventKind::Update(names) => format!("update {}", words(names)),
        EventKind::Reboot => "reboot".to_owned(),
        EventKind::Files { named, change } => format!("{change:?} {named}"),
        EventKind::Endpoint(call) => format!("{} {:?}", call.command, call.whose),
        EventKind::Unfollowed => "unfollowed".to_owned(),
    };
    ends[0].events.iter().map(|each| event(&each.kind)).collect()
}

fn file(script: &str, path: &str) -> String {
    let (_, ends) = ends(PartKind::PowerShell, script);
    match ends[0].file(path) {
        Some(Content::Text(text)) => text.as_str().to_owned(),
        other => format!("{other:?} among {:?}", ends[0].files.keys()),
    }
}

const NETSH: &str =
    r#"netsh advfirewall firewall add rule name="block imds" dir=out action=block remoteip=169.254.169.254"#;
const CMDLET: &str =
    "New-NetFirewallRule -DisplayName 'Block IMDS' -Direction Outbound -Action Block -RemoteAddress 169.254.169.254";

#[test]
fn a_block_is_proven_by_its_command() {
    for command in [NETSH, CMDLET] {
        let (file, ends) = ends(PartKind::PowerShell, &format!("Write-Host 'x'\r\n{command}\r\nWrite-Host 'y'\r\n"));
        let verdict = ends[0].network.windows_verdict(Family::V4);
        assert_eq!(verdict.answer, Answer::Blocked);
        assert_eq!(file.slice(verdict.proof[0].span.unwrap()), command);
        assert_eq!(ends[0].network.windows_verdict(Family::V6).answer, Answer::Reachable);
    }
    check(PartKind::Batch, Answer::Blocked, &[NETSH, &format!("@echo off\r\n@{NETSH} > nul 2>&1\r\n")]);
}

#[test]
fn blocks_are_found_however_they_are_written() {
    powershell(
        Answer::Blocked,
        &[
            &format!("& {NETSH} | Out-Null"),
            &format!("netsh.exe {}", NETSH.strip_prefix("netsh ").unwrap()),
            "new-netfirewallrule -displayname x `\n  -dir out `\n -action:block -remoteaddr 10.0.0.1, 169.254.169.254",
            "$p = @{ DisplayName = 'x'; Direction = 'Outbound'; Action = 'Block'; RemoteAddress = '169.254.169.254' }\n\
         New-NetFirewallRule @p -ErrorAction Stop",
            "$Ip = \"169.254.169.254\"\nNew-NetFirewallRule -DisplayName \"Block $IP\" -Direction Outbound -Action Block \
         -RemoteAddress $ip",
            "$ips = @('169.254.169.254', '10.0.0.1')\nforeach ($each in $ips) { New-NetFirewallRule -DisplayName $each \
         -Direction Outbound -Action Block -RemoteAddress $each }",
            "'169.254.169.254' | ForEach-Object { netsh advfirewall firewall add rule name=x dir=out action=block \
         remoteip=$_ }",
            "function Block-Ip { param([string]$Address, $Name = 'x')\n New-NetFirewallRule -DisplayName $Name -Direction \
         Outbound -Action Block -RemoteAddress $Address | Out-Null }\nBlock-Ip -Address 169.254.169.254",
            &format!("try {{ {CMDLET} }} catch {{ Write-Error 'x' }}"),
            &format!("if (-not $done) {{ {CMDLET} }}"),
            &format!("tool.exe /x\nif (!$?) {{ exit 1 }}\nif ($LASTEXITCODE -ne 0) {{ throw 'x' }}\n{CMDLET}"),
            &format!("cmd /c '{NETSH}'"),
            &format!("Start-Process netsh -ArgumentList '{}' -Wait", NETSH.strip_prefix("netsh ").unwrap()),
            &format!("Invoke-Expression '{NETSH}'"),
            &format!("powershell -NoProfile -Command {{ {CMDLET} }}"),
            &format!("Set-Content C:\\b.ps1 @'\n{CMDLET}\n'@\n& C:\\b.ps1"),
            "Set-NetFirewallProfile -All -DefaultOutboundAction Block",
        ],
    );
    check(
        PartKind::Batch,
        Answer::Blocked,
        &[
            "set IP=169.254.169.254\r\nnetsh advfirewall firewall add rule name=\"x\" ^\r\n dir=out action=block remoteip=%ip%",
            &format!("if not \"a\"==\"b\" ( {NETSH} ) else echo x"),
            "for %%i in (10.0.0.1 169.254.169.254) do netsh advfirewall firewall add rule name=x dir=out action=block \
         remoteip=%%i",
            "powershell -Command \"New-NetFirewallRule -DisplayName x -Direction Outbound -Action Block -RemoteAddress \
         169.254.169.254\"",
            &format!("echo x && {NETSH} & echo y"),
            &format!("tool.exe\r\nif %errorlevel% neq 0 exit /b 1\r\nif errorlevel 1 exit /b 1\r\n{NETSH}"),
        ],
    );
}

#[test]
fn what_only_looks_like_a_block_is_none() {
    powershell(
        Answer::Reachable,
        &[
            &NETSH.replace("action=block", "action=allow"),
            &NETSH.replace("dir=out", "dir=in"),
            &NETSH.replace("name=\"block imds\" dir=out", "name=\"<?>\" dir=in"),
            &NETSH.replace(
                "dir=out action=block remoteip=169.254.169.254",
                "dir=in action=allow localport=<?> program=$x",
            ),
            &format!("netsh advfirewall firewall delete rule name=\"<?>\"\n{}", NETSH.replace("block", "allow")),
            &CMDLET.replace("-Action Block", "-Action Allow"),
            &CMDLET.replace("-Direction Outbound", "-Direction Inbound"),
            &CMDLET.replace("169.254.169.254", "169.254.170.2"),
            &format!("{NETSH}\nnetsh advfirewall firewall delete rule name=\"block imds\""),
            &format!("{CMDLET}\nDisable-NetFirewallRule -DisplayName 'Block IMDS'"),
            &format!("{CMDLET}\nRemove-NetFirewallRule -DisplayName 'block imds' -Confirm:$false"),
            &format!("{CMDLET}\nGet-NetFirewallRule -DisplayName 'Block IMDS' | Remove-NetFirewallRule"),
            &format!("{CMDLET}\nGet-NetFirewallRule -DisplayName 'Block IMDS' | Disable-NetFirewallRule -Verbose"),
            &format!("{CMDLET}\nSet-NetFirewallProfile -Profile Domain, Public, Private -Enabled False"),
            &format!("# {NETSH}"),
            &format!("<#\n{CMDLET}\n#>"),
            &format!("Write-Host '{NETSH}'"),
            &format!("echo '{NETSH}'"),
            &format!("$text = '{CMDLET}'"),
            &format!("{CMDLET} -WhatIf"),
            &format!("{CMDLET} -CimSession $other"),
            &format!("function Never {{ {CMDLET} }}"),
            &format!("if ($false) {{ {CMDLET} }}"),
            "Invoke-Command -ComputerName other -ScriptBlock { netdom x }",
            &format!("Set-Content C:\\b.ps1 '{CMDLET}'"),
            "Enable-NetFirewallRule -DisplayGroup 'Remote Desktop'",
            "netsh advfirewall firewall set rule group=\"remote desktop\" new enable=Yes",
            "netsh interface ipv4 set subinterface Ethernet mtu=1500 store=persistent",
            "netsh winhttp set proxy http://proxy:3128",
            "route /p add 169.254.169.254 mask 255.255.255.255 0.0.0.0",
            "route -p add 169.254.169.254 mask 255.255.255.255 10.0.0.1",
            "New-NetRoute -DestinationPrefix 169.254.169.254/32 -InterfaceIndex 3 -NextHop 10.0.0.1",
            "New-NetFirewallRule -DisplayName <?> -Direction Inbound -LocalPort <?> -Protocol TCP -Action Allow",
        ],
    );
    check(
        PartKind::Batch,
        Answer::Reachable,
        &[
            &format!("REM {NETSH}"),
            &format!("::{NETSH}"),
            &format!("echo {NETSH}"),
            &format!("goto :eof\r\n{NETSH}"),
            &NETSH.replace("dir=out", "dir=in"),
        ],
    );
}

#[test]
fn what_is_not_known_leaves_the_answer_open() {
    powershell(
        Answer::Depends,
        &[
            &NETSH.replace("169.254.169.254", "<?>"),
            &CMDLET.replace("169.254.169.254", "<?>"),
            &CMDLET.replace("169.254.169.254", "$(Get-Content x)"),
            &format!("{CMDLET}\nRemove-NetFirewallRule -DisplayName 'Block*'"),
            "New-NetFirewallRule @unknown<?>",
            "$user = New-Object -TypeName System.Security.Principal.NTAccount ('NT AUTHORITY\\IUSR')\n$sid = \
             $user.Translate([System.Security.Principal.SecurityIdentifier]).Value\n$sddl = \"D:(A;;CC;;;$sid)\"\n\
             New-NetFirewallRule -DisplayName x -Action block -Direction out -Protocol TCP -RemoteAddress \
             169.254.169.254 -LocalUser $sddl",
            "schtasks /create /tr \"netsh advfirewall firewall add rule name=x\" /sc onstart",
            "route delete 169.254.169.254",
            "Remove-NetRoute -DestinationPrefix 169.254.169.254/32 -Confirm:$false",
            "route add 169.254.169.254 mask 255.255.255.255 127.0.0.1",
            "Stop-Service -Name MpsSvc -Force",
            &format!("switch ($x) {{ 'a' {{ {CMDLET} }} }}"),
            &format!("function f {{\n{CMDLET}\n"),
        ],
    );
    check(
        PartKind::Batch,
        Answer::Depends,
        &[&NETSH.replace("169.254.169.254", "%ADDRESS%"), &format!("goto end\r\n{NETSH}\r\n:end\r\n")],
    );
}

#[test]
fn a_condition_that_is_not_known_is_followed_both_ways() {
    for (kind, script) in [
        (PartKind::PowerShell, format!("if (Test-Path C:\\x) {{ {CMDLET} }}")),
        (PartKind::PowerShell, format!("if ($env:STAGE -eq 'prod') {{ {CMDLET} }}")),
        (PartKind::Batch, format!("if exist C:\\x {NETSH}")),
    ] {
        let mut answers: Vec<Answer> = verdicts(kind, &script).iter().map(|verdict| verdict.answer).collect();
        answers.sort();
        assert_eq!(answers, [Answer::Reachable, Answer::Blocked], "{script}");
    }
}

#[test]
fn downloads_installers_and_services_are_events() {
    let cases = [
        (
            "$url = 'https://a.example/agent.msi'\n$to = \"$env:TEMP\\agent.msi\"\nInvoke-WebRequest -Uri $url -OutFile $to \
             -UseBasicParsing\nStart-Process msiexec.exe -Wait -ArgumentList \"/qn /i `\"$to`\" APIKEY=x\"",
            vec!["packages https://a.example/agent.msi"],
        ),
        (
            "(New-Object System.Net.WebClient).DownloadFile('https://a.example/x.msi', 'C:\\x.msi')\n\
             msiexec /i C:\\x.msi /qn",
            vec!["packages https://a.example/x.msi"],
        ),
        (
            "$p = Start-Process msiexec -ArgumentList '/i', 'C:\\x.msi', '/qn' -PassThru -Wait",
            vec!["packages C:\\x.msi"],
        ),
        ("iwr https://a.example/s.exe -OutFile s.exe\n.\\s.exe /S", vec!["installer https://a.example/s.exe"]),
        (
            "iex ((New-Object Net.WebClient).DownloadString('https://a.example/i.ps1'))",
            vec!["installer https://a.example/i.ps1"],
        ),
        ("irm https://a.example/i.ps1 | iex", vec!["installer https://a.example/i.ps1"]),
        ("choco install git mackerel-agent -y --version 1.0", vec!["packages git mackerel-agent"]),
        (
            "Stop-Service mackerel-agent\nRemove-Item 'C:\\Program Files\\Mackerel\\mackerel-agent\\id'\nRestart-Service \
             -Name \"mackerel-agent\"\nSet-Service mackerel-agent -StartupType Automatic -Status Running",
            vec![
                "stop mackerel-agent",
                "Removed { recursive: true } c:/program files/mackerel/mackerel-agent/id",
                "start mackerel-agent",
                "enable mackerel-agent",
                "start mackerel-agent",
            ],
        ),
        (
            "Get-Service -Name x | Start-Service\nsc.exe config x start= disabled\nnet stop x",
            vec!["start x", "disable x", "stop x"],
        ),
        ("Restart-Computer -Force", vec!["reboot"]),
        ("& 'C:\\a b\\tool.exe' -fetch $false", vec!["program C:\\a b\\tool.exe -fetch False"]),
    ];
    for (script, expected) in cases {
        assert_eq!(events(PartKind::PowerShell, script), expected, "{script}");
    }
    let batch = "curl -o C:\\a.msi https://a.example/a.msi\r\nstart /wait msiexec /qn /i C:\\a.msi\r\nsc start b\r\n";
    assert_eq!(events(PartKind::Batch, batch), ["packages https://a.example/a.msi", "start b"]);
}

#[test]
fn loops_whose_end_is_not_known_come_to_an_end() {
    let script =
        "$a = @()\ndo { $a += Get-Random\n$b += $a\n$n++ } while ($a.Length -lt 9)\nwhile (!(Test-Path x)) { sleep 1 }";
    powershell(Answer::Reachable, &[script]);
}

#[test]
fn files_have_their_content() {
    assert_eq!(file("$x = 'v'\n\"a $x\" | Out-File C:\\Temp\\A.txt", "c:/temp/a.txt"), "a v\n");
    assert_eq!(file("Set-Content -Path \"$env:ProgramData\\a\" -Value 'b'", "c:/programdata/a"), "b\r\n");
    assert_eq!(file("'a' > C:\\a; Add-Content C:\\a 'b' -NoNewline", "c:/a"), "a\nb");
    assert_eq!(
        file("$i = 1; $i += 2; $l = @('a'); $l += 'b'; $t = 'c'; $t += 'd'; \"$i $l $t\" > C:\\a", "c:/a"),
        "3 a b cd\n"
    );
    assert_eq!(file("New-Item -ItemType File -Path C:\\x -Name y -Value 'z'", "c:/x/y"), "z");
    assert_eq!(file("@\"\nline $(1)\nend\n\"@ | Set-Content C:\\a", "c:/a"), "line 1\nend\n");
    let (_, ends) = ends(PartKind::Batch, "echo a b> C:\\x.txt\r\ndel C:\\y\r\n");
    assert_eq!(
        ends[0].file("c:/x.txt").map(|content| matches!(content, Content::Text(text) if text.as_str() == "a b\r\n")),
        Some(true)
    );
    assert_eq!(ends[0].files.get("c:/y"), Some(&None));
}

#[test]
fn tasks_of_the_launch_agent_run_in_order() {
    let yaml = "version: 1.0\ntasks:\n- task: executeScript\n  inputs:\n  - frequency: always\n    type: powershell\n    \
                content: |-\n      $ip = '169.254.169.254'\n      New-NetFirewallRule -DisplayName x -Direction Outbound -Action \
                Block -RemoteAddress $ip\n  - type: batch\n    content: |\n      sc start agent\n";
    let (file, ends) = ends(PartKind::LaunchTasks, yaml);
    let verdict = ends[0].network.windows_verdict(Family::V4);
    assert_eq!(verdict.answer, Answer::Blocked);
    assert!(file.slice(verdict.proof[0].span.unwrap()).starts_with("New-NetFirewallRule"));
    assert_eq!(ends[0].events.len(), 1);
    assert_eq!(ends[0].events[0].network.windows_verdict(Family::V4).answer, Answer::Blocked);
    check(PartKind::LaunchTasks, Answer::Reachable, &["version: 1.0\ntasks: 3", "tasks:\n- task: x\n- [", ""]);
}

#[test]
fn tasks_become_what_they_do() {
    let events_of = |tasks: &str| events(PartKind::LaunchTasks, &format!("version: 1.1\ntasks:\n{tasks}"));
    for (tasks, expected) in [
        ("- task: startSsm", vec!["start AmazonSSMAgent"]),
        (
            "- {task: executeProgram, inputs: [{frequency: once, path: 'C:\\setup\\agent.exe', arguments: ['/S', -x]}]}",
            vec!["program C:\\setup\\agent.exe /S -x"],
        ),
        ("- {task: executeProgram, inputs: {path: sc.exe, arguments: [start, agent]}}", vec!["start agent"]),
        (
            "- task: executeScript\n  inputs:\n  - {type: batch, content: sc start a}\n  - {content: Start-Service b}",
            vec!["start a", "start b"],
        ),
        (
            "- {task: writeFile, inputs: [{destination: 'C:\\x\\y.ps1', content: Start-Service c}]}\n\
             - {task: executeScript, inputs: [{type: powershell, content: '& C:\\x\\Y.ps1'}]}",
            vec!["start c"],
        ),
        ("- {task: setHostName, inputs: {hostName: a, reboot: true}}", vec!["reboot"]),
        ("- {task: setHostName, inputs: {hostName: a}}", vec![]),
        ("- {task: sysprep}\n- {task: startSsm}", vec!["start AmazonSSMAgent", "program sysprep.exe /generalize"]),
        ("- {task: enableOpenSsh}\n- {task: setWallpaper}", vec![]),
    ] {
        assert_eq!(events_of(tasks), expected, "{tasks}");
    }
    let json = "{\"version\": \"1.1\", \"tasks\": [{\"task\": \"startSsm\"}]}";
    assert_eq!(events(PartKind::LaunchTasks, json), ["start AmazonSSMAgent"]);
}

#[test]
fn tasks_that_are_not_known_are_told() {
    for (yaml, expected) in [
        ("tasks: <?>", "<?>"),
        ("tasks:\n- task: <?>", "task: <?>"),
        ("tasks:\n- <?>", "<?>"),
        ("tasks:\n<?>\n- task: startSsm\n", "<?>\n"),
        ("tasks:\n- {task: executeScript, inputs: <?>}", "task: executeScript"),
        ("tasks:\n- task: executeScript\n  inputs:\n  - {type: <?>, content: a}", "{type: <?>, content: a}"),
        ("tasks:\n- task: unheard", "task: unheard"),
        ("tasks:\n- task: x\n- [", "tasks:\n- task: x\n- ["),
    ] {
        let (file, ends) = ends(PartKind::LaunchTasks, yaml);
        let told: Vec<&str> = ends[0].opaque.iter().map(|step| file.slice(step.span)).collect();
        assert_eq!(told, [expected], "{yaml}");
    }
}

#[test]
fn what_aliases_repeat_in_tasks_ends_soon() {
    let word = "x".repeat(1 << 16);
    let inputs = vec!["*a"; 20_000].join(", ");
    let yaml =
        format!("a: &a {{content: 'rem {word}', type: batch}}\ntasks: [{{task: executeScript, inputs: [{inputs}]}}]");
    let (_, part) = part_of(PartKind::LaunchTasks, &yaml);
    let limits = Limits { text_bytes: 1 << 20, ..Limits::default() };
    let bytes = |step: &Step| match &step.kind {
        StepKind::Script(_, text) => text.len(),
        _ => 0,
    };
    assert!(steps(&part, &limits).iter().map(bytes).sum::<usize>() < 2 << 20);
}

#[test]
fn scripts_in_the_wild_cut_anywhere_do_no_harm() {
    let powershell =
        format!("$x = @{{a = \"b$(1)\"}}\n{CMDLET}\nfor ($i=0;$i -lt 3;$i++) {{ {NETSH} }}\n& {{ iex \"{NETSH}\" }}");
    let batch =
        format!("@echo off\r\nfor /f \"x\" %%i in ('a') do ({NETSH}) else\r\nset /a x=1 & if a==b (echo %x:~1% ) ^");
    for (kind, script) in [(PartKind::PowerShell, powershell), (PartKind::Batch, batch)] {
        for end in (0..script.len()).filter(|end| script.is_char_boundary(*end)) {
            assert!(!verdicts(kind, &script[..end]).is_empty());
        }
    }
}

#[test]
fn scripts_made_to_be_slow_have_verdicts() {
    let many = |line: &str| (0..400).map(|number| line.replace('N', &number.to_string())).collect::<String>();
    let scripts = [
        many("if ($env:AN) { $xN += 'a'; netsh advfirewall firewall add rule name=N dir=out action=allow }\n"),
        many("while (Test-Path N) { $x += Get-Content N }\n"),
        "function f { f; f }\nf".to_owned(),
        "$s = 'iex $s; iex $s'; iex $s".to_owned(),
        format!("foreach ($a in 1..9999) {{ foreach ($b in 1..9999) {{ {CMDLET} }} }}"),
        format!("@'\n{}\n'@ | % {{ Add-Content C:\\x $_; $y += $_ }}", "line\n".repeat(9_000)),
        format!("$x = 'aaaaaaaa'\n{}", "$x = \"$x$x$x\"\n".repeat(200)),
        format!("{}Get-Date{}", "& { ".repeat(400), " }".repeat(400)),
        format!("{}x{}", "powershell -Command { ".repeat(300), " }".repeat(300)),
        "cmd /c ".repeat(2_000),
    ];
    for script in scripts {
        let shown = script.chars().take(60).collect::<String>();
        assert!(!verdicts(PartKind::PowerShell, &script).is_empty(), "{shown}");
    }
}
