//! Builds the estate: descriptions of hosts out of resources, then the links and what is inherited over them.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::links::{Register, Target};
use super::read::{holder, value_at, value_under, values_at};
use super::registrations::Registrations;
use super::settings::{Inheritance, Reader, effective, inheriting};
use super::{AccountDefault, Estate, Host, Image, Metadata, Subject, Written};
use super::{copies, document};
use crate::catalog::{self, Defaults, Encoding, ModuleRow, Path, PathStep, Role, SettingName, Settings, UserData};
use crate::eval::{Build, Resource, Value, ValueKind};
use crate::source::{Limits, Origin, PORTION, Span, Text};

/// What a resource or a call of a known module says about one kind of host.
struct Description<'a> {
    resource: usize,
    role: Role,
    settings: &'static Settings,
    value: Value,
    /// What tells it from the other descriptions of the same resource.
    suffix: String,
    fallbacks: Vec<Value>,
    module: Option<&'static ModuleRow>,
    resources: &'a [Resource],
}

/// What is written for the settings of one description.
struct Declared {
    endpoint: Vec<Written>,
    tokens: Vec<Written>,
    hop_limit: Vec<Written>,
    ipv6: Vec<Written>,
}

impl Declared {
    fn of(&self, setting: SettingName) -> &[Written] {
        match setting {
            SettingName::Endpoint => &self.endpoint,
            SettingName::Tokens => &self.tokens,
            SettingName::HopLimit => &self.hop_limit,
            SettingName::Ipv6 => &self.ipv6,
        }
    }
}

/// Builds the estate of the evaluated `resources`, of which those are left out that the catalogue does not know, and
/// `builds`.
#[must_use]
pub fn build(resources: &[Resource], builds: Vec<Build>, limits: &Limits) -> Estate {
    let ((descriptions, declared), (register, registrations)) = rayon::join(
        || {
            let descriptions = describe(resources, limits);
            let declared: Vec<Declared> =
                descriptions.par_iter().with_max_len(PORTION).map(|description| description.declared(limits)).collect();
            (descriptions, declared)
        },
        || {
            let register = Register::new(resources, |kind| Some(&catalog::resource(kind)?.names), limits);
            (register, Registrations::new(resources, limits))
        },
    );
    let targets: Vec<Target> = descriptions
        .par_iter()
        .with_max_len(PORTION)
        .map(|description| {
            let project = &description.resource().project;
            register.follow(project, &description.value, &description.settings.inherits, limits)
        })
        .collect();

    let account_defaults: Vec<AccountDefault> = descriptions
        .iter()
        .zip(&declared)
        .filter(|(description, _)| matches!(description.role, Role::AccountDefault | Role::OrganizationDefault))
        .map(|(description, declared)| AccountDefault {
            subject: description.subject(),
            language: description.resource().language,
            is_of_organization: description.role == Role::OrganizationDefault,
            provider: Arc::clone(&description.resource().provider),
            endpoint: declared.endpoint.clone(),
            tokens: declared.tokens.clone(),
            hop_limit: declared.hop_limit.clone(),
        })
        .collect();

    // A launch template is one description of its resource, so an index of a resource leads to it.
    let mut description_of: BTreeMap<usize, usize> = BTreeMap::new();
    for (index, description) in descriptions.iter().enumerate() {
        description_of.entry(description.resource).or_insert(index);
    }
    let mut launches: BTreeMap<usize, Vec<Subject>> = BTreeMap::new();
    let users = descriptions.iter().zip(&targets).filter(|(description, _)| description.role != Role::Reference);
    for (description, target) in users {
        for resource in &target.resources {
            launches.entry(*resource).or_default().push(description.subject());
        }
    }

    let inits = inits(resources, limits);
    let host = |((description, own), target): ((&Description<'_>, &Declared), &Target)| {
        if !description.is_host(own) {
            return None;
        }
        let parents: Vec<usize> =
            target.resources.iter().filter_map(|resource| description_of.get(resource)).copied().collect();
        let account = account_defaults.iter().find(|account| {
            !account.is_of_organization
                && account.subject.project == description.resource().project
                && account.provider == description.resource().provider
        });
        let image = description.image(target, &parents, &descriptions, limits);
        let sources = Sources {
            description,
            own,
            target,
            parents: &parents,
            descriptions: &descriptions,
            declared: &declared,
            account,
            image: &image,
            registrations: &registrations,
        };
        Some(Host {
            subject: description.subject(),
            language: description.resource().language,
            role: description.role,
            provider: Arc::clone(&description.resource().provider),
            metadata: Metadata {
                endpoint: sources.setting(SettingName::Endpoint),
                tokens: sources.setting(SettingName::Tokens),
                hop_limit: sources.setting(SettingName::HopLimit),
                ipv6: sources.setting(SettingName::Ipv6),
            },
            user_data: description.user_data(target, &parents, &descriptions, limits),
            init: inits.get(&stack_of(description.resource())).cloned(),
            commands: Vec::new(),
            image,
            launches: launches.get(&description.resource).cloned().unwrap_or_default(),
            sets_variables: false,
            files: Vec::new(),
        })
    };
    let described = descriptions.par_iter().zip(&declared).zip(&targets);
    let mut hosts: Vec<Host> = described.with_max_len(PORTION).filter_map(host).collect();
    let key = |subject: &Subject| (Arc::clone(&subject.project), Arc::clone(&subject.address));
    hosts.sort_by_cached_key(|host| key(&host.subject));
    let mut images: Vec<Image> = builds.into_iter().map(|build| Image::of(build, limits)).collect();
    images.sort_by_cached_key(|image| key(&image.subject));
    let copies = copies::find(resources, &register, &hosts, limits);
    Estate { hosts, account_defaults, images, copies }
}

/// A project, and a stack in it by its address.
type StackName<'a> = (Arc<str>, &'a str);

/// The stack that a resource belongs to: what stands before the last part of the address.
fn stack_of(resource: &Resource) -> StackName<'_> {
    (Arc::clone(&resource.project), resource.address.rsplit_once('/').map_or("", |(stack, _)| stack))
}

/// What the metadata of the resources of each stack have `cfn-init` do, by the resources' names there.
fn inits<'a>(resources: &'a [Resource], limits: &Limits) -> BTreeMap<StackName<'a>, Value> {
    let mut found: BTreeMap<StackName<'_>, (Span, BTreeMap<Arc<str>, Value>)> = BTreeMap::new();
    for resource in resources {
        let Some(metadata) = &resource.metadata else { continue };
        let init = value_under(metadata, "AWS::CloudFormation::Init", limits);
        if !init.is_null() {
            let name = resource.address.rsplit_once('/').map_or(&*resource.address, |(_, name)| name);
            let first = (init.origin.span, BTreeMap::new());
            found.entry(stack_of(resource)).or_insert(first).1.insert(name.into(), init);
        }
    }
    found.into_iter().map(|(stack, (span, inits))| (stack, Value::map(inits, span))).collect()
}

fn describe<'a>(resources: &'a [Resource], limits: &Limits) -> Vec<Description<'a>> {
    let of_resource = |(index, resource): (usize, &'a Resource)| {
        let mut descriptions = Vec::new();
        let module = resource.module_source.as_deref().and_then(catalog::module);
        let (role, settings) = match (module, catalog::resource(&resource.kind)) {
            (Some(module), _) => (module.role, &module.settings),
            (None, Some(row)) => (row.role, &row.settings),
            (None, None) => return descriptions,
        };
        let whole = Description {
            resource: index,
            role,
            settings: match settings.first() {
                Some(settings) => settings,
                None => return descriptions,
            },
            value: resource.properties.clone(),
            suffix: String::new(),
            fallbacks: Vec::new(),
            module,
            resources,
        };
        for settings in settings {
            whole.describe(settings, limits, &mut descriptions);
        }
        descriptions
    };
    resources.par_iter().enumerate().with_max_len(PORTION).flat_map_iter(of_resource).collect()
}

impl<'a> Description<'a> {
    fn resource(&self) -> &'a Resource {
        &self.resources[self.resource]
    }

    /// Adds what `settings` finds below this description, with its overrides.
    fn describe(&self, settings: &'static Settings, limits: &Limits, descriptions: &mut Vec<Self>) {
        let values = match &settings.each {
            Some(path) => values_at(&self.value, path, limits),
            None => vec![(String::new(), self.value.clone())],
        };
        for (suffix, value) in values {
            let value = match &settings.document {
                Some(path) => document::read(&value_at(&value, path, limits), limits),
                None => value,
            };
            let fallbacks =
                settings.fallbacks.iter().map(|path| value_at(&self.resource().properties, path, limits)).collect();
            let below = Description { settings, value, suffix: format!("{}{suffix}", self.suffix), fallbacks, ..*self };
            for overriding in &settings.overrides {
                below.describe(overriding, limits, descriptions);
            }
            descriptions.push(below);
        }
    }

    fn subject(&self) -> Subject {
        let resource = self.resource();
        let name = resource.name();
        Subject {
            project: Arc::clone(&resource.project),
            address: if self.suffix.is_empty() { Arc::clone(name) } else { format!("{name}{}", self.suffix).into() },
            header: resource.header,
            calls: resource.trail.clone(),
        }
    }

    fn declared(&self, limits: &Limits) -> Declared {
        let settings = self.settings;
        let mut reader = Reader::new(&self.value, &self.fallbacks, limits);
        let mut read = |setting, path: &'static Option<_>| {
            let default = settings.block_defaults.as_ref().and_then(|defaults| defaults.of(setting));
            reader.declared(setting, path.as_ref(), default.as_deref())
        };
        Declared {
            endpoint: read(SettingName::Endpoint, &settings.endpoint),
            tokens: read(SettingName::Tokens, &settings.tokens),
            hop_limit: read(SettingName::HopLimit, &settings.hop_limit),
            ipv6: read(SettingName::Ipv6, &settings.ipv6),
        }
    }

    /// Whether hosts are described here. A group that only says which launch template it uses describes none, but one
    /// that launches hosts without a template does.
    fn is_host(&self, declared: &Declared) -> bool {
        match self.role {
            Role::Instance | Role::LaunchTemplate | Role::LaunchConfiguration => true,
            Role::AccountDefault | Role::OrganizationDefault | Role::Reference => false,
            Role::Managed => {
                let declared = [&declared.endpoint, &declared.tokens, &declared.hop_limit, &declared.ipv6];
                declared.into_iter().any(|setting| *setting != [Written::Unset])
            }
            Role::Group => match &self.settings.endpoint {
                Some(_) => self.module.is_some() || declared.endpoint != [Written::Unset],
                None => self.settings.inherits.is_empty() && self.settings.image.is_some(),
            },
        }
    }

    /// What the module sets when its inputs are not given, for the version that is called.
    fn module_defaults(&self) -> Option<&'static Defaults> {
        let module = self.module?;
        if self.settings.null_sets_nothing && self.gives_null() {
            return None;
        }
        let version = self.resource().properties.as_map().and_then(|map| map.entries.get("version"));
        let called = version.and_then(Value::as_str).or_else(|| reference(self.resource().module_source.as_deref()?));
        let until = self.settings.until.as_deref().map(|until| format!("< {until}"));
        let constraints = || called.into_iter().chain(until.as_deref());
        let holds = |since: &str| constraints().all(|constraint| catalog::allows_since(constraint, since));
        module.defaults.iter().find(|defaults| defaults.since.as_deref().is_none_or(holds))
    }

    /// Whether the map that holds the endpoint is given as `null`.
    fn gives_null(&self) -> bool {
        let name = self.settings.endpoint.as_ref().and_then(Path::first_name);
        let given = name.and_then(|name| self.value.as_map()?.entries.get(name));
        given.is_some_and(Value::is_null)
    }

    /// The user data: its own, or that of what it is launched from.
    fn user_data(&self, target: &Target, parents: &[usize], descriptions: &[Self], limits: &Limits) -> Vec<Value> {
        let own: Vec<Value> =
            self.settings.user_data.iter().flat_map(|user_data| self.own_user_data(user_data, limits)).collect();
        if !own.is_empty() {
            return own;
        }
        if let (Some((why, origin)), []) = (&target.unresolved, parents) {
            return vec![Value { kind: ValueKind::Unknown(why.clone()), origin: origin.clone() }];
        }
        let parents = parents.iter().filter_map(|parent| descriptions.get(*parent));
        parents.flat_map(|parent| parent.user_data(&Target::default(), &[], descriptions, limits)).collect()
    }

    /// What is written at one place for user data: a list is given element by element.
    fn own_user_data(&self, user_data: &UserData, limits: &Limits) -> Vec<Value> {
        let UserData { path, encoding } = user_data;
        let holder = holder(path, &self.value, &self.fallbacks, limits);
        let values = if path.steps().contains(&PathStep::Each) {
            values_at(holder, path, limits).into_iter().map(|(_, value)| value).collect()
        } else {
            vec![value_at(holder, path, limits)]
        };
        let given = values.into_iter().filter(|value| !value.is_null());
        given
            .map(|value| match encoding {
                Encoding::Plain | Encoding::Base64 => value,
                Encoding::Lines => {
                    value.for_each_alternative(limits.alternatives, |lines| as_script(lines, self.resource().header))
                }
            })
            .collect()
    }

    /// The image: its own, or that of what it is launched from.
    fn image(&self, target: &Target, parents: &[usize], descriptions: &[Self], limits: &Limits) -> Value {
        let absent = || Value::null(self.resource().header);
        let own = self
            .settings
            .image
            .as_ref()
            .map_or_else(absent, |path| value_at(holder(path, &self.value, &self.fallbacks, limits), path, limits));
        if !own.is_null() {
            return own;
        }
        if let (Some((why, origin)), []) = (&target.unresolved, parents) {
            return Value { kind: ValueKind::Unknown(why.clone()), origin: origin.clone() };
        }
        let parents = parents.iter().filter_map(|parent| descriptions.get(*parent));
        let mut inherited = parents.map(|parent| parent.image(&Target::default(), &[], descriptions, limits));
        inherited.find(|image| !image.is_null()).unwrap_or(own)
    }
}

/// Everything that one host's settings can come from.
struct Sources<'s, 'a> {
    description: &'s Description<'a>,
    own: &'s Declared,
    target: &'s Target,
    parents: &'s [usize],
    descriptions: &'s [Description<'a>],
    declared: &'s [Declared],
    account: Option<&'s AccountDefault>,
    image: &'s Value,
    registrations: &'s Registrations<'s>,
}

impl Sources<'_, '_> {
    fn setting(&self, name: SettingName) -> super::Setting {
        let subject = self.description.subject();
        let templates = self.parents.iter().filter_map(|parent| {
            let description = self.descriptions.get(*parent)?;
            Some((description.subject().address, self.declared.get(*parent)?.of(name).to_vec()))
        });
        let module_default = self.description.module_defaults().and_then(|defaults| defaults.of(name));
        let inheritance = Inheritance {
            templates: templates.collect(),
            unresolved: self.target.unresolved.clone(),
            module_default: module_default.map(Arc::from),
            account: self.account.map(|account| (account, account.of(name))),
            images: self.registrations.of(&subject.project, self.image, name),
            step: inheriting(&subject.address, subject.header),
        };
        effective(self.own.of(name).to_vec(), &inheritance, &Origin::at(subject.header))
    }
}

/// The tag or branch that the address of a module in git names.
fn reference(source: &str) -> Option<&str> {
    source.split_once('?')?.1.split('&').find_map(|part| part.strip_prefix("ref="))
}

/// Lines of a shell script as a script, of which the call at `header` makes the first line.
fn as_script(lines: &Value, header: Span) -> Value {
    let ValueKind::String(text) = &lines.kind else { return lines.clone() };
    if text.is_empty() || text.as_str().starts_with("#!") {
        return lines.clone();
    }
    let mut script = Text::encoded("#!/bin/bash\n", header);
    script.push_text(text);
    Value { kind: ValueKind::String(script), origin: lines.origin.clone() }
}
