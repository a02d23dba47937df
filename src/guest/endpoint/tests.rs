//! What calls to the cloud say about endpoints, in every form that scripts write them.

use super::*;
use crate::guest::laboratory::start;
use crate::guest::machine::Machine;
use crate::guest::{Dialect, Guest, run};
use crate::source::{FileId, Limits};
use crate::syntax::shell;

fn text(source: &str) -> Text {
    Text::verbatim(source, Span::new(FileId(1), 0..source.len()))
}

/// The ends of a script.
fn ends(dialect: Dialect, script: &str) -> Vec<Guest> {
    let limits = Limits::default();
    match dialect {
        Dialect::Posix => run(&shell::parse(&text(script), &limits).0, start(), &limits),
        _ => Machine::new(&limits).run_windows_text(start(), &text(script), dialect, Vec::new()),
    }
}

/// What the calls of a script say: whose endpoint, and what becomes of it.
#[track_caller]
fn check(dialect: Dialect, script: &str, expected: &[&str]) {
    let ends = ends(dialect, script);
    let calls = ends[0].events.iter().filter_map(|event| match &event.kind {
        EventKind::Endpoint(call) => Some(call),
        _ => None,
    });
    let shown = |call: &Arc<EndpointCall>| {
        let whose = match &call.whose {
            Whose::Instance(_) => "instance".to_owned(),
            other => format!("{other:?}").to_lowercase(),
        };
        let state = if call.enables { "on" } else { "off" };
        let written = &script[call.switch.written.range()];
        assert!(["enabled", "disabled", "no-preference"].contains(&written), "{script}: {written}");
        format!("{whose} {state}{}", if call.requires_tokens { " v2" } else { "" })
    };
    assert_eq!(calls.map(shown).collect::<Vec<_>>(), expected, "{script}");
}

#[test]
fn a_value_is_found_in_every_form() {
    for source in [
        "HttpEndpoint=disabled",
        "HttpTokens=required,HttpEndpoint=disabled,HttpPutResponseHopLimit=1",
        "MetadataOptions={HttpEndpoint=disabled}",
        "{\"MetadataOptions\": {\"HttpEndpoint\" : \"disabled\"}}",
        "{\\\"HttpEndpoint\\\":\\\"disabled\\\"}",
        "MetadataOptions:\n  HttpEndpoint: disabled\n",
    ] {
        let found = value_of(&text(source), "HttpEndpoint").unwrap();
        assert_eq!(found.as_str(), "disabled", "{source}");
        let start = source.find("disabled").unwrap();
        assert_eq!(found.span_of(0..found.len()).unwrap().range(), start..start + 8, "{source}");
    }
    for source in ["", "HttpEndpoint", "HttpEndpoint=", "NoHttpEndpoint=disabled", "HttpEndpoints=disabled"] {
        assert_eq!(value_of(&text(source), "HttpEndpoint"), None, "{source}");
    }
    let mut open = text("HttpEndpoint=");
    open.push_text(&Text::hole(Span::new(FileId(1), 0..1), "unknown"));
    assert_eq!(value_of(&open, "HttpEndpoint"), None);
}

#[test]
fn the_programs_of_aws_are_understood_in_every_form() {
    for (script, expected) in [
        ("aws ec2 modify-instance-metadata-options --instance-id i-1 --http-endpoint disabled", "instance off"),
        ("aws --region a ec2 --profile b modify-instance-metadata-options --http-endpoint=disabled", "instance off"),
        ("/usr/local/bin/aws ec2 modify-instance-metadata-options --http-endpoint disabled", "instance off"),
        ("sudo aws ec2 modify-instance-metadata-options --http-endpoint disabled", "instance off"),
        ("S=disabled; aws ec2 modify-instance-metadata-options --http-endpoint \"$S\"", "instance off"),
        ("aws ec2 modify-instance-metadata-options --http-endpoint enabled --http-tokens required", "instance on v2"),
        (
            "aws ec2 modify-instance-metadata-options --cli-input-json '{\"HttpEndpoint\": \"disabled\"}'",
            "instance off",
        ),
        ("aws ec2 modify-instance-metadata-defaults --http-endpoint disabled --http-tokens required", "account off v2"),
        ("aws ec2 modify-instance-metadata-defaults --http-endpoint no-preference", "account on"),
        ("aws ec2 run-instances --metadata-options HttpTokens=required,HttpEndpoint=disabled", "launched off v2"),
        ("aws ec2 run-instances --metadata-options '{\"HttpEndpoint\":\"disabled\"}' --count 1", "launched off"),
        (
            "aws ec2 create-launch-template --launch-template-data '{\"MetadataOptions\":{\"HttpEndpoint\":\"disabled\"}}'",
            "launched off",
        ),
        (
            "echo 'HttpEndpoint: disabled' > /tmp/a\naws ec2 create-launch-template-version --cli-input-yaml file:///tmp/a",
            "launched off",
        ),
        (
            "aws autoscaling create-launch-configuration --metadata-options \"HttpEndpoint=disabled\" --ebs-optimized",
            "launched off",
        ),
        (
            "aws organizations create-policy --content '{\"http_endpoint\":{\"@@assign\":\"disabled\"}}' --name a",
            "organization off",
        ),
    ] {
        check(Dialect::Posix, script, &[expected]);
    }
    for script in [
        "aws ec2 modify-instance-metadata-options --http-tokens required --http-put-response-hop-limit 2",
        "aws ec2 modify-instance-metadata-options --instance-id i-1 --http-endpoint disabled --dry-run",
        "aws ec2 modify-instance-metadata-options --http-endpoint \"$(cat /etc/state)\"",
        "aws ec2 modify-instance-metadata-options --http-endpoint off",
        "aws ec2 run-instances --generate-cli-skeleton --metadata-options HttpEndpoint=disabled",
        "aws ec2 describe-instances --filters Name=metadata-options.http-endpoint,Values=disabled",
        "aws ec2 wait instance-running --http-endpoint disabled",
        "aws; aws ec2; aws --http-endpoint",
        "echo aws ec2 modify-instance-metadata-options --http-endpoint disabled",
    ] {
        check(Dialect::Posix, script, &[]);
    }
}

#[test]
fn cmdlets_and_the_interpreter_of_windows_are_understood() {
    for (script, expected) in [
        ("Edit-EC2InstanceMetadataOption -InstanceId i-1 -HttpEndpoint disabled", "instance off"),
        (
            "Edit-EC2InstanceMetadataOption -InstanceId i-1 -HttpEndpoint:disabled -HttpToken required",
            "instance off v2",
        ),
        ("Edit-EC2InstanceMetadataDefault -Region a -HttpEndpoint 'disabled'", "account off"),
        ("New-EC2Instance -ImageId a -MetadataOptions_HttpEndpoint disabled", "launched off"),
        ("New-ASLaunchConfiguration a -MetadataOptions_HttpEndpoint disabled", "launched off"),
        (
            "New-EC2LaunchTemplate -LaunchTemplateName a -LaunchTemplateData @{ MetadataOptions = @{ HttpEndpoint = 'disabled' } }",
            "launched off",
        ),
        (
            "$d = [Amazon.EC2.Model.RequestLaunchTemplateData]@{\n ImageId = 'a'\n MetadataOptions = \
             @{ HttpEndpoint = 'disabled'; HttpTokens = 'required' }\n}\nNew-EC2LaunchTemplateVersion \
             -LaunchTemplateId b -LaunchTemplateData $d",
            "launched off v2",
        ),
        (
            "$o = @{HttpTokens = 'required'; HttpEndpoint = \"disabled\"}\n$d = [ordered]@{MetadataOptions = $o}\n\
             $d | New-EC2LaunchTemplate -LaunchTemplateName a",
            "launched off v2",
        ),
        (
            "$d = '{\"MetadataOptions\": {\"HttpEndpoint\": \"disabled\"}}' | ConvertFrom-Json\n\
             New-EC2LaunchTemplate $d -LaunchTemplateName a",
            "launched off",
        ),
        (
            "New-EC2Fleet -LaunchTemplateConfig @{Overrides = @(@{MetadataOptions = @{HttpEndpoint = 'disabled'}})}",
            "launched off",
        ),
        ("aws ec2 run-instances --metadata-options 'HttpEndpoint=disabled'", "launched off"),
        (
            "& 'C:\\Program Files\\Amazon\\AWSCLIV2\\aws.exe' ec2 run-instances --metadata-options HttpEndpoint=disabled",
            "launched off",
        ),
    ] {
        check(Dialect::PowerShell, script, &[expected]);
    }
    for script in [
        "Edit-EC2InstanceMetadataOption -InstanceId i-1 -HttpToken required",
        "Edit-EC2InstanceMetadataOption -InstanceId i-1 -HttpEndpoint disabled -WhatIf",
        "Edit-EC2InstanceMetadataOption -InstanceId i-1 -HttpEndpoint disabled -DryRun $true",
        "Get-EC2InstanceMetadataDefault -HttpEndpoint disabled",
        "New-EC2LaunchTemplate -LaunchTemplateName a -LaunchTemplateData @{ MetadataOptions = @{ HttpTokens = 'required' } }",
        "New-EC2LaunchTemplate -LaunchTemplateName a -LaunchTemplateData @{ MetadataOptions = @{ HttpEndpoint = $State } }",
        "$d = @{ MetadataOptions = Get-Options }\nNew-EC2LaunchTemplate -LaunchTemplateName disabled -LaunchTemplateData $d",
    ] {
        check(Dialect::PowerShell, script, &[]);
    }
    check(
        Dialect::Batch,
        "aws ec2 run-instances --metadata-options \"{\\\"HttpEndpoint\\\":\\\"disabled\\\"}\"",
        &["launched off"],
    );
    check(
        Dialect::Batch,
        "aws.exe ec2 modify-instance-metadata-options --instance-id %1 --http-endpoint disabled",
        &["instance off"],
    );
}

#[test]
fn the_own_instance_is_known_by_where_its_id_comes_from() {
    let service = "http://169.254.169.254/latest";
    for id in [
        &format!("$(curl -sH \"X-aws-ec2-metadata-token: $TOKEN\" {service}/meta-data/instance-id)"),
        &format!("`wget -qO- {service}/meta-data/instance-id`"),
        &format!("$(curl -s {service}/dynamic/instance-identity/document | jq -r .instanceId)"),
        &format!(
            "$(curl -s {service}/dynamic/instance-identity/document | grep instanceId | awk -F'\"' '{{print $4}}')"
        ),
        "$(ec2-metadata -i | cut -d ' ' -f 2)",
        "$(/opt/aws/bin/ec2-metadata --instance-id | sed 's/instance-id: //')",
        "$(ec2metadata --instance-id)",
        "$(cat /var/lib/cloud/data/instance-id)",
        "$(cloud-init query instance_id)",
        "$(sudo cloud-init query ds.meta_data.instance_id)",
    ] {
        let script =
            format!("ID={id}\naws ec2 modify-instance-metadata-options --instance-id $ID --http-endpoint disabled");
        check(Dialect::Posix, &script, &["own off"]);
        let ends = ends(Dialect::Posix, &script);
        assert!(ends.iter().all(|end| end.disabled_by.is_some()), "{script}");
    }
    for id in [
        "i-0123456789abcdef0",
        "$(aws ec2 describe-instances --query 'Reservations[0].Instances[0].InstanceId' --output text)",
        &format!("$(curl -s {service}/meta-data/ami-id)"),
        &format!("$(curl -s {service}/dynamic/instance-identity/document | jq -r .region)"),
        "$(ec2-metadata -a)",
        "$1",
    ] {
        let script =
            format!("ID={id}\naws ec2 modify-instance-metadata-options --instance-id \"$ID\" --http-endpoint disabled");
        check(Dialect::Posix, &script, &["instance off"]);
        assert!(ends(Dialect::Posix, &script).iter().all(|end| end.disabled_by.is_none()), "{script}");
    }
    for id in [
        &format!(
            "Invoke-RestMethod -Headers @{{\"X-aws-ec2-metadata-token\" = $t}} -Uri {service}/meta-data/instance-id"
        ),
        &format!("(Invoke-WebRequest -UseBasicParsing {service}/meta-data/instance-id).Content"),
        &format!("(New-Object System.Net.WebClient).DownloadString(\"{service}/meta-data/instance-id\")"),
        &format!("(Invoke-RestMethod {service}/dynamic/instance-identity/document).instanceId"),
        &format!(
            "((Invoke-WebRequest {service}/dynamic/instance-identity/document).Content | ConvertFrom-Json).instanceId"
        ),
        "Get-EC2InstanceMetadata -Category InstanceId",
        "Get-EC2InstanceMetadata -Path '/instance-id'",
    ] {
        let script = format!("$id = {id}\nEdit-EC2InstanceMetadataOption -InstanceId $id -HttpEndpoint disabled");
        check(Dialect::PowerShell, &script, &["own off"]);
    }
    let script = format!(
        "for /f %%i in ('curl -s {service}/meta-data/instance-id') do set ID=%%i\n\
         aws ec2 modify-instance-metadata-options --instance-id %ID% --http-endpoint disabled"
    );
    check(Dialect::Batch, &script, &["own off"]);
}

#[test]
fn what_is_enabled_again_is_not_disabled() {
    let switch = |state: &str| {
        format!(
            "aws ec2 modify-instance-metadata-options --instance-id $(ec2metadata --instance-id) --http-endpoint {state}\n"
        )
    };
    let script = format!("{}systemctl start agent\n{}systemctl start agent", switch("disabled"), switch("enabled"));
    let ends = ends(Dialect::Posix, &script);
    assert_eq!((ends.len(), ends[0].disabled_by), (1, None));
    let starts = ends[0].events.iter().filter(|event| matches!(event.kind, EventKind::Service { .. }));
    assert_eq!(starts.map(|start| start.disabled_by.is_some()).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn ways_that_differ_in_the_endpoint_are_kept_apart() {
    let script = "if grep -q a /etc/x; then\naws ec2 modify-instance-metadata-options \
                  --instance-id $(ec2metadata --instance-id) --http-endpoint disabled\nfi";
    let ends = ends(Dialect::Posix, script);
    assert_eq!(ends.iter().map(|end| end.disabled_by.is_some()).collect::<Vec<_>>(), [true, false]);
}
