//! Builds in HCL: sources and provisioners, repeated and overridden.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::files::Session;
use super::interpolation::{Fields, Names, interpolated};
use super::provisioner::{Provisioner, Target};
use super::template::Template;
use super::{Images, builder, machine};
use crate::eval::terraform::{Evaluator, Scope, Wanted, elements_of, name_of};
use crate::eval::{Build, BuildStep, BuildStepKind, Language, Map, Unknown, Value, ValueKind};
use crate::source::{Span, Step, StepRole, Trail};
use crate::syntax::hcl::{Block, Body};

/// Makes the builds of one template.
pub(super) struct Builds<'a> {
    pub(super) template: &'a Template,
    pub(super) evaluator: &'a Evaluator<'a>,
    pub(super) session: &'a Session<'a>,
    pub(super) scope: Scope,
}

/// A source as a build uses it.
struct Use<'a> {
    kind: Arc<str>,
    name: Arc<str>,
    /// Its name within the build, if it has another one there.
    local_name: Option<Arc<str>>,
    /// What the build adds to it, and what is seen there.
    addition: Option<(&'a Body, Scope)>,
}

/// A nested block with one label, as it is written or as a dynamic block makes it.
enum Nested<'a> {
    Block {
        label: Arc<str>,
        header: Span,
        body: &'a Body,
        scope: Scope,
    },
    /// Blocks of which it is not known how many there are.
    Open {
        header: Span,
    },
}

impl<'a> Builds<'a> {
    /// All builds, in the order of the source.
    pub(super) fn all(&self) -> Vec<Build> {
        let mut builds = Vec::new();
        for block in &self.template.builds {
            let name = self.text(&block.body, "name", &self.scope);
            for used in self.uses(block) {
                let Some(images) = builder(&used.kind) else { continue };
                if !self.session.count(block.header) {
                    return builds;
                }
                builds.push(self.build(block, name.as_deref(), &used, images));
            }
        }
        builds
    }

    fn text(&self, body: &Body, name: &str, scope: &Scope) -> Option<String> {
        let attribute = body.attribute(name)?;
        let value = self.evaluator.settle(self.evaluator.evaluate(&attribute.value, scope), attribute.value.span);
        value.alternatives().first()?.as_str().map(str::to_owned)
    }

    /// The sources of a build, those in the list first, as Packer has them.
    fn uses(&self, block: &'a Block) -> Vec<Use<'a>> {
        let mut uses = Vec::new();
        if let Some(attribute) = block.body.attribute("sources") {
            let value = self.evaluator.settle(self.evaluator.evaluate(&attribute.value, &self.scope), attribute.span);
            for list in &*value.alternatives() {
                // Several lists that are possible have most of their sources in common.
                let before: BTreeSet<_> =
                    uses.iter().map(|used: &Use<'_>| (Arc::clone(&used.kind), Arc::clone(&used.name))).collect();
                let references = list.as_list().unwrap_or_default().iter().filter_map(Value::as_str);
                let names = references.filter_map(source_name).filter(|name| !before.contains(name));
                uses.extend(names.map(|(kind, name)| Use { kind, name, local_name: None, addition: None }));
            }
        }
        for nested in self.nested(&block.body, "source", &self.scope) {
            let Nested::Block { label, body, scope, .. } = nested else { continue };
            let Some((kind, name)) = source_name(&label) else { continue };
            let local_name = self.text(body, "name", &scope).map(Arc::from);
            uses.push(Use { kind, name, local_name, addition: Some((body, scope)) });
        }
        uses
    }

    fn build(&self, block: &'a Block, build_name: Option<&str>, used: &Use<'a>, images: Images) -> Build {
        let local_name = used.local_name.as_ref().unwrap_or(&used.name);
        let own: Arc<str> = format!("{}.{local_name}", used.kind).into();
        let address: Arc<str> = match build_name {
            Some(name) if !name.is_empty() => format!("{name}.{own}").into(),
            _ => Arc::clone(&own),
        };
        let source = self.template.sources.get(&(Arc::clone(&used.kind), Arc::clone(&used.name)));
        let span = source.map_or(block.header, |source| source.header);
        let text = |value: &str| Value::encoded(value, span);
        let named = [("name".into(), text(local_name)), ("type".into(), text(&used.kind))];
        let name = ("name".into(), text(build_name.unwrap_or("")));
        // All else that a build tells of itself is known only when it runs.
        let running = Map { entries: BTreeMap::from([name]), computed_by: Some("build".into()) };
        let bound = |scope: &Scope| {
            let scope = scope.bind(&"source".into(), &Value::map(named.clone().into(), span));
            scope.bind(&"build".into(), &Value::new(ValueKind::Map(Arc::new(running.clone())), span))
        };
        let header = block.header;
        let step = Step { span, role: StepRole::Inherited, name: Arc::clone(&address) };
        let trail = if source.is_some() { Trail::default().then(step) } else { Trail::default() };
        let nothing = |name: &str, span| Value::unknown(Unknown::NotEvaluated(format!("user `{name}`").into()), span);
        let written = self.machine(source, used, &bound, span);
        let asked = Names { user: &nothing, build: Some((&used.name, &used.kind)) };
        let written = interpolated(&written, asked, Fields::Unknown, self.session.limits);
        let target = Target {
            name: Arc::clone(&used.name),
            called: vec![own, Arc::clone(&address)],
            overridden_as: Arc::clone(local_name),
            builder: Arc::clone(&used.kind),
            span,
            variables: &nothing,
        };
        let machine = machine(self.session, written);
        let steps = match images {
            Images::Opaque(title) => vec![BuildStep { kind: BuildStepKind::Opaque(title.into()), header }],
            Images::Followed => self.steps(&block.body, &bound(&self.scope), &target),
        };
        let project = Arc::clone(&self.template.project);
        Build { language: Language::Packer, project, address, header, trail, machine, steps, is_part: false }
    }

    /// The attributes of the source with those of the build laid over them.
    fn machine(&self, source: Option<&Block>, used: &Use<'_>, bound: &dyn Fn(&Scope) -> Scope, span: Span) -> Value {
        let value = |body: &Body, scope: &Scope| self.evaluator.body_value(body, &bound(scope), &Wanted::All);
        let written = source.map(|source| value(&source.body, &self.scope));
        let Some((body, scope)) = &used.addition else {
            return written.unwrap_or_else(|| Value::map(BTreeMap::new(), span));
        };
        let added = value(body, scope);
        let entries = |value: &Value| value.as_map().map(|map| map.entries.clone()).unwrap_or_default();
        let mut all = written.as_ref().map(entries).unwrap_or_default();
        all.extend(entries(&added).into_iter().filter(|(name, _)| &**name != "name"));
        Value::map(all, span)
    }

    fn steps(&self, body: &'a Body, scope: &Scope, target: &Target<'_>) -> Vec<BuildStep> {
        let mut steps = Vec::new();
        for nested in self.nested(body, "provisioner", scope) {
            match nested {
                Nested::Block { label, header, body, scope } => {
                    if !self.session.count(header) {
                        break;
                    }
                    let settings = self.evaluator.body_value(body, &scope, &Wanted::All);
                    self.session.add_steps(Provisioner { kind: &label, header, settings }, target, &mut steps);
                }
                Nested::Open { header } => {
                    let kind = BuildStepKind::Opaque("provisioners that are not known".into());
                    steps.push(BuildStep { kind, header });
                }
            }
        }
        steps
    }

    /// The nested blocks of the type `kind`, those of dynamic blocks among them, in the order of the source.
    fn nested(&self, body: &'a Body, kind: &str, scope: &Scope) -> Vec<Nested<'a>> {
        let mut all = Vec::new();
        for block in &body.blocks {
            let label = block.labels.first().map(|label| Arc::clone(&label.text)).unwrap_or_default();
            if &*block.kind.text == kind {
                all.push(Nested::Block { label, header: block.header, body: &block.body, scope: scope.clone() });
            } else if &*block.kind.text == "dynamic" && &*label == kind {
                self.dynamic(block, kind, scope, &mut all);
            }
        }
        all
    }

    fn dynamic(&self, block: &'a Block, kind: &str, scope: &Scope, all: &mut Vec<Nested<'a>>) {
        let header = block.header;
        let (Some(content), Some(for_each)) =
            (block.body.blocks_of("content").next(), block.body.attribute("for_each"))
        else {
            return;
        };
        let iterator = block.body.attribute("iterator").and_then(|attribute| name_of(&attribute.value));
        let iterator = iterator.unwrap_or_else(|| kind.into());
        let value = self.evaluator.settle(self.evaluator.evaluate(&for_each.value, scope), for_each.value.span);
        let Ok(elements) = elements_of(&value) else {
            all.push(Nested::Open { header });
            return;
        };
        for (key, element) in elements {
            if !self.evaluator.count_instance(header) {
                return;
            }
            let bound = Value::map([("key".into(), key), ("value".into(), element)].into(), for_each.value.span);
            let scope = scope.bind(&iterator, &bound);
            let labels = block.body.attribute("labels").map(|attribute| {
                self.evaluator.settle(self.evaluator.evaluate(&attribute.value, &scope), attribute.value.span)
            });
            let first = labels.as_ref().and_then(Value::as_list).and_then(<[Value]>::first).and_then(Value::as_str);
            match first {
                Some(label) => all.push(Nested::Block { label: label.into(), header, body: &content.body, scope }),
                None => all.push(Nested::Open { header }),
            }
        }
    }
}

/// The type and the name in `amazon-ebs.web` or `source.amazon-ebs.web`.
fn source_name(reference: &str) -> Option<(Arc<str>, Arc<str>)> {
    let reference = reference.strip_prefix("source.").unwrap_or(reference);
    let (kind, name) = reference.split_once('.')?;
    (!kind.is_empty() && !name.is_empty() && !name.contains('.')).then(|| (kind.into(), name.into()))
}
