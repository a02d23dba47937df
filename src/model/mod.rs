//! Values to hosts: what the resources of the workspace say about machines, with the settings of the metadata
//! service as they are written and as they take effect, and the links between them.
//!
//! Where a type keeps what is a row of `rules/resources/`; this room knows no type by name.

mod build;
mod commands;
mod copies;
mod document;
mod image;
mod links;
mod read;
mod registrations;
mod settings;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::catalog::{Role, SettingName};
use crate::discover::HandedFiles;
use crate::eval::{BuildStep, BuildStepKind, Language, Unknown, Value, ValueKind};
use crate::finding::{Place, Problem};
use crate::source::{FileId, Origin, Piece, PieceKind, SourceFile, Span, Text, Trail};

pub use build::build;
pub use commands::run_documents;
pub use copies::ImageOfInstance;
pub use image::Image;

/// All hosts, account defaults and images that the workspace describes.
#[derive(Clone, Debug, Default)]
pub struct Estate {
    /// What hosts are made of or launched from, in the order of their projects and addresses.
    pub hosts: Vec<Host>,
    /// What hosts get where nothing else is said.
    pub account_defaults: Vec<AccountDefault>,
    /// The images that are built, in the order of their projects and addresses.
    pub images: Vec<Image>,
    /// The images that are made of hosts as they run, in the order of the source.
    pub copies: Vec<ImageOfInstance>,
}

impl Estate {
    /// The faults that leave something about a host, an account default or what an image is built with unknown: of
    /// `evaluated`, the faults that evaluation met, those that lie in a hole of user data or of a build's script.
    #[must_use]
    pub fn faults(&self, evaluated: Vec<Problem>) -> Vec<Problem> {
        let hosts = self.hosts.iter().flat_map(|host| {
            let Metadata { endpoint, tokens, hop_limit, ipv6 } = &host.metadata;
            let settings = [endpoint, tokens, hop_limit, ipv6];
            let written =
                settings.into_iter().flat_map(|setting| &setting.effective).map(|effective| &effective.written);
            let values = host.user_data.iter().chain(std::iter::once(&host.image));
            written.filter_map(Written::unknown).chain(values.filter_map(Value::as_unknown))
        });
        let scripts = self.build_scripts().filter_map(Value::as_unknown);
        let accounts = self.account_defaults.iter().flat_map(|account| {
            let written = account.endpoint.iter().chain(&account.tokens).chain(&account.hop_limit);
            written.filter_map(Written::unknown)
        });
        let fault = |why: &Unknown| match why {
            Unknown::Fault(problem) => Some((**problem).clone()),
            _ => None,
        };
        let mut faults: Vec<Problem> = hosts.chain(accounts).chain(scripts).filter_map(fault).collect();
        let holes = if evaluated.is_empty() { BTreeSet::new() } else { self.holes() };
        faults.extend(evaluated.into_iter().filter(|problem| match problem.place {
            Place::Span(place) => holes.iter().any(|hole| hole.contains(place)),
            Place::Path(_) => false,
        }));
        faults
    }

    /// The scripts that images are built with and that run on hosts which have booted, and the user data of the machines
    /// that images are built on.
    fn build_scripts(&self) -> impl Iterator<Item = &Value> {
        let steps = self.images.iter().flat_map(|image| &image.steps);
        let steps = steps.chain(self.hosts.iter().flat_map(|host| &host.commands));
        let scripts = steps.filter_map(|step| match &step.kind {
            BuildStepKind::Script { text, .. } => Some(text),
            _ => None,
        });
        scripts.chain(self.images.iter().flat_map(Image::user_data))
    }

    /// Where the parts of user data and of the scripts of builds that are not known come from.
    fn holes(&self) -> BTreeSet<Span> {
        let mut holes = BTreeSet::new();
        let user_data = self.hosts.iter().flat_map(|host| &host.user_data);
        let values = user_data.chain(self.build_scripts()).map(Value::alternatives);
        for value in values.flat_map(Cow::into_owned) {
            let ValueKind::String(text) = &value.kind else { continue };
            for text in std::iter::successors(Some(text), |text| text.decoded()) {
                let is_hole = |piece: &&Piece| matches!(piece.kind, PieceKind::Hole(_));
                holes.extend(text.pieces().iter().filter(is_hole).map(|piece| piece.span));
            }
        }
        holes
    }
}

/// Where a script that is judged by itself finds the repository that it belongs to.
pub const REPOSITORY: &str = "/repository";

/// The host that is given `file` as its user data, of which nothing else is known. Unless the file `is_whole`, whoever
/// runs it may have set variables for it. It finds the `handed` files in the repository and where it is run; their `texts`
/// are shared by all scripts.
#[must_use]
pub fn lone(file: &SourceFile, is_whole: bool, handed: &HandedFiles, texts: &mut BTreeMap<FileId, Text>) -> Host {
    let span = file.span(0..file.text().len());
    let header = file.span(0..file.text().find('\n').unwrap_or(file.text().len()));
    let subject =
        Subject { project: Arc::clone(&file.path), address: Arc::clone(&file.path), header, calls: Trail::default() };
    let user_data = vec![Value::text(Text::verbatim(file.text(), span), span)];
    let by_path = handed.by_path.iter().map(|(path, file)| (format!("{REPOSITORY}/{path}"), file));
    let by_name = handed.by_name.iter().map(|(name, file)| (format!("/{name}"), file));
    let mut text = |file: &SourceFile| {
        let whole = || Text::verbatim(file.text(), file.span(0..file.text().len()));
        texts.entry(file.id).or_insert_with(whole).clone()
    };
    let files = by_path.chain(by_name).map(|(path, file)| (path.into(), text(file))).collect();
    Host { sets_variables: !is_whole, files, ..commands::bare(subject, Language::Script, user_data, span) }
}

/// The hosts of an environment of Elastic Beanstalk that the configuration `file` is for, of which nothing else is known:
/// `init` is what `cfn-init` does on them.
#[must_use]
pub fn beanstalk(file: &SourceFile, init: Value) -> Host {
    let header = file.span(0..file.text().find('\n').unwrap_or(file.text().len()));
    let subject =
        Subject { project: Arc::clone(&file.path), address: Arc::clone(&file.path), header, calls: Trail::default() };
    let script = Value::text(Text::encoded("#!/bin/sh\ncfn-init\n", header), header);
    Host { init: Some(init), ..commands::bare(subject, Language::Script, vec![script], header) }
}

/// What a finding is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// What is deployed together with it: a root module's folder or a template's path, relative to the workspace root.
    pub project: Arc<str>,
    /// The address within the project, keys of instances included.
    pub address: Arc<str>,
    /// The header line of the block, or the key of the resource.
    pub header: Span,
    /// The module calls that lead to it, outermost first.
    pub calls: Trail,
}

/// A machine, or what machines are launched from.
#[derive(Clone, Debug)]
pub struct Host {
    /// What to call it and where it is.
    pub subject: Subject,
    /// The language it is written in.
    pub language: Language,
    /// What it is: one host, or a template for some.
    pub role: Role,
    /// The account and Region, as far as the source tells.
    pub provider: Arc<str>,
    /// The settings of the metadata service.
    pub metadata: Metadata,
    /// The user data, in the order in which it runs.
    pub user_data: Vec<Value>,
    /// What the template has `cfn-init` do on hosts: a map from the names of resources to what their metadata hold
    /// under `AWS::CloudFormation::Init`.
    pub init: Option<Value>,
    /// What Systems Manager runs on it once it has booted, in order.
    pub commands: Vec<BuildStep>,
    /// The image that it is launched from; null when it is not written.
    pub image: Value,
    /// The groups and instances that are launched from it.
    pub launches: Vec<Subject>,
    /// Whether somebody who is not known may have set variables for the scripts.
    pub sets_variables: bool,
    /// What files hold that a script which is judged by itself finds, by absolute path.
    pub files: Vec<(Arc<str>, Text)>,
}

/// The settings of the metadata service of one host.
#[derive(Clone, Debug)]
pub struct Metadata {
    /// Whether it answers: `enabled` or `disabled`.
    pub endpoint: Setting,
    /// Whether it wants session tokens: `required` or `optional`.
    pub tokens: Setting,
    /// How many hops a token's response may take: a number.
    pub hop_limit: Setting,
    /// Whether it answers over IPv6: `enabled` or `disabled`.
    pub ipv6: Setting,
}

/// A setting as it is written and as it takes effect. Several entries are alternatives that the repository itself
/// gives; there is always at least one.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// What is written for the host itself.
    pub declared: Vec<Written>,
    /// What holds after everything that it inherits.
    pub effective: Vec<Effective>,
}

/// What is written for a setting.
#[derive(Clone, Debug, PartialEq)]
pub enum Written {
    /// Nothing.
    Unset,
    /// A value with a known meaning.
    Known {
        /// What it means, as in `rules/resources/spellings.yaml`, or the number.
        meaning: Arc<str>,
        /// Where it is written, and its way here.
        origin: Origin,
    },
    /// Something of which the value is not known.
    Unknown {
        /// Why it is not known.
        why: Unknown,
        /// Where the reason is.
        origin: Origin,
    },
}

/// A setting that takes effect, and what decided it.
#[derive(Clone, Debug, PartialEq)]
pub struct Effective {
    /// The setting; [`Written::Unset`] when the service decides.
    pub written: Written,
    /// Who decided.
    pub decided_by: Decider,
}

/// Who decided a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decider {
    /// The host itself.
    Host,
    /// The launch template or launch configuration with this address.
    Template(Arc<str>),
    /// The account default with this address.
    Account(Arc<str>),
    /// The image with this address.
    Image(Arc<str>),
    /// The default of the module that describes the host.
    Module,
    /// The service.
    Service,
}

/// What hosts of an account and Region get where nothing else is said.
#[derive(Clone, Debug)]
pub struct AccountDefault {
    /// What to call it and where it is.
    pub subject: Subject,
    /// The language it is written in.
    pub language: Language,
    /// Whether it holds for the accounts of an organization that it is attached to; nobody knows here which these are.
    pub is_of_organization: bool,
    /// The account and Region, as far as the source tells.
    pub provider: Arc<str>,
    /// Whether the metadata service answers; the declared alternatives.
    pub endpoint: Vec<Written>,
    /// The same for tokens.
    pub tokens: Vec<Written>,
    /// The same for the hop limit.
    pub hop_limit: Vec<Written>,
}

impl AccountDefault {
    /// What it declares for `setting`; nothing for those that an account has no default of.
    #[must_use]
    pub fn of(&self, setting: SettingName) -> &[Written] {
        match setting {
            SettingName::Endpoint => &self.endpoint,
            SettingName::Tokens => &self.tokens,
            SettingName::HopLimit => &self.hop_limit,
            SettingName::Ipv6 => &[],
        }
    }
}

impl Setting {
    /// The one value that is written, if there is exactly one and it is known.
    #[must_use]
    pub fn only_declared(&self) -> Option<&Written> {
        match self.declared.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    /// The one value that takes effect, if there is exactly one.
    #[must_use]
    pub fn only_effective(&self) -> Option<&Effective> {
        match self.effective.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }
}

impl Written {
    /// Why it is not known, when it is not.
    #[must_use]
    pub fn unknown(&self) -> Option<&Unknown> {
        match self {
            Self::Unknown { why, .. } => Some(why),
            Self::Unset | Self::Known { .. } => None,
        }
    }

    /// What it means, when that is known.
    #[must_use]
    pub fn meaning(&self) -> Option<&str> {
        match self {
            Self::Known { meaning, .. } => Some(meaning),
            Self::Unset | Self::Unknown { .. } => None,
        }
    }
}
