//! The cmdlets of the AWS Tools for PowerShell that switch metadata endpoints, and AWS's own program.
//!
//! Names and parameters: AWS Tools for PowerShell Cmdlet Reference.

use super::Action::{self, Full, Simple};
use super::parameters::Parameters;
use super::{Call, query, unknown};
use crate::guest::Guest;
use crate::guest::commands::{DONE, cloud};
use crate::guest::endpoint::{
    Given, Whose, is_identity_document, is_own_instance, of_instance, own_instance, value_of,
};
use crate::guest::machine::Machine;
use crate::network::Status;
use crate::source::Text;

pub(super) const TABLE: &[(&str, Action)] = &[
    (".content", Simple(property)),
    (".instanceid", Simple(property)),
    ("aws", Full(aws)),
    ("edit-ec2instancemetadatadefault", Simple(switch)),
    ("edit-ec2instancemetadataoption", Simple(switch)),
    ("get-ec2instancemetadata", Simple(about_itself)),
    ("new-aslaunchconfiguration", Simple(switch)),
    ("new-ec2fleet", Simple(switch)),
    ("new-ec2instance", Simple(switch)),
    ("new-ec2launchtemplate", Simple(switch)),
    ("new-ec2launchtemplateversion", Simple(switch)),
];

/// The cmdlets as people write them.
const NAMES: &[&str] = &[
    "Edit-EC2InstanceMetadataDefault",
    "Edit-EC2InstanceMetadataOption",
    "New-ASLaunchConfiguration",
    "New-EC2Fleet",
    "New-EC2Instance",
    "New-EC2LaunchTemplate",
    "New-EC2LaunchTemplateVersion",
];

/// The members of the data of a launch template; the keys of a table that a variable holds are in lower case.
const ENDPOINT_MEMBERS: [&str; 2] = ["HttpEndpoint", "httpendpoint"];
const TOKENS_MEMBERS: [&str; 2] = ["HttpTokens", "httptokens"];

fn aws(machine: &mut Machine, mut guest: Guest, call: &Call) -> Vec<Guest> {
    unknown(&mut guest, call.name, &call.words(), call.span);
    guest.shell.status = machine.presumed();
    cloud::switch_endpoint(machine, &mut guest, call);
    vec![guest]
}

/// `Edit-EC2InstanceMetadataOption -InstanceId ID -HttpEndpoint disabled`, `New-EC2Instance -MetadataOptions_HttpEndpoint …`,
/// `New-EC2LaunchTemplate -LaunchTemplateData @{ MetadataOptions = @{ … } }`
fn switch(guest: &mut Guest, call: &Call) -> Status {
    unknown(guest, call.name, &call.words(), call.span);
    let parameters = Parameters::of(call);
    let is_true = |value: &Text| matches!(value.as_str().to_ascii_lowercase().as_str(), "true" | "$true");
    if parameters.get(&["dryrun"]).is_some_and(is_true) {
        return DONE;
    }
    let piped = || guest.inputs.last().map(|content| content.text(call.span));
    let data = match call.name {
        "new-ec2fleet" => {
            parameters.get_or_first(&["launchtemplateconfig", "launchtemplateconfigs"]).cloned().or_else(piped)
        }
        "new-ec2launchtemplate" => parameters.get_or_first(&["launchtemplatedata"]).cloned().or_else(piped),
        "new-ec2launchtemplateversion" => parameters.get(&["launchtemplatedata"]).cloned(),
        _ => None,
    };
    let given = |names: &[&str], members: [&str; 2]| match &data {
        Some(data) => members.into_iter().find_map(|member| value_of(data, member)),
        None => parameters.get(names).cloned(),
    };
    let whose = match call.name {
        "edit-ec2instancemetadatadefault" => Whose::Account,
        "edit-ec2instancemetadataoption" => {
            let piped = guest.inputs.last().map(|content| content.text(call.span));
            of_instance(parameters.get_or_first(&["instanceid"]).cloned().or(piped).as_ref())
        }
        _ => Whose::Launched,
    };
    let command = NAMES.iter().find(|name| name.eq_ignore_ascii_case(call.name)).copied().unwrap_or(call.name);
    let endpoint = given(&["httpendpoint", "metadataoptions_httpendpoint"], ENDPOINT_MEMBERS);
    let names = ["httptoken", "httptokens", "metadataoptions_httptoken", "metadataoptions_httptokens"];
    let tokens = given(&names, TOKENS_MEMBERS);
    guest.switch_endpoint(Given { whose, endpoint, tokens, command, at: call.span });
    DONE
}

/// `Get-EC2InstanceMetadata -Category InstanceId`, `-Path /instance-id`
fn about_itself(guest: &mut Guest, call: &Call) -> Status {
    let asks = |word: &Text| {
        matches!(word.as_str().to_ascii_lowercase().trim_start_matches('/'), "instanceid" | "instance-id")
    };
    if call.arguments.iter().any(asks) {
        guest.write_text(own_instance(call.span));
        return DONE;
    }
    query(guest, call)
}

/// The id in the answer of the service, or in what the service tells of the instance as a whole.
fn property(guest: &mut Guest, call: &Call) -> Status {
    match call.arguments.first() {
        Some(object) if call.name == ".content" && (is_own_instance(object) || is_identity_document(object)) => {
            guest.write_text(object.clone());
            DONE
        }
        Some(object) if call.name == ".instanceid" && is_identity_document(object) => {
            guest.write_text(own_instance(call.span));
            DONE
        }
        _ => query(guest, call),
    }
}
