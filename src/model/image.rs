//! Images: what a build makes, with what matters of the machine that it is built on.

use super::read::value_under;
use super::settings::written;
use super::{Subject, Written};
use crate::catalog::SettingName;
use crate::eval::{Build, BuildStep, Language, Value};
use crate::source::Limits;

/// An image that is built.
#[derive(Clone, Debug)]
pub struct Image {
    /// What to call it and where it is.
    pub subject: Subject,
    /// The language it is written in.
    pub language: Language,
    /// Whether the metadata service of the machine that it is built on answers; the declared alternatives. It says
    /// nothing about the hosts that are launched from the image.
    pub endpoint: Vec<Written>,
    /// What is written about that machine, as one map.
    pub machine: Value,
    /// What is done to the machine, in order.
    pub steps: Vec<BuildStep>,
    /// Whether it is a component that no recipe here uses: what else is done to the machine is not known.
    pub is_part: bool,
}

impl Image {
    /// What the machine that it is built on is given at launch, if anything.
    #[must_use]
    pub fn user_data(&self) -> &[Value] {
        let user_data = self.machine.as_map().and_then(|machine| machine.entries.get("user_data"));
        user_data.filter(|value| !value.is_null()).map_or(&[], std::slice::from_ref)
    }

    /// The image that `build` makes.
    pub(super) fn of(build: Build, limits: &Limits) -> Self {
        // A Packer source has the block that instances have in Terraform; Image Builder cannot disable the endpoint.
        let options = value_under(&build.machine, "metadata_options", limits);
        let endpoint = value_under(&options, "http_endpoint", limits);
        Self {
            subject: Subject {
                project: build.project,
                address: build.address,
                header: build.header,
                calls: build.trail,
            },
            language: build.language,
            endpoint: endpoint.alternatives().iter().map(|value| written(SettingName::Endpoint, value)).collect(),
            machine: build.machine,
            steps: build.steps,
            is_part: build.is_part,
        }
    }
}
