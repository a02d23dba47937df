//! Which provider configuration a resource uses: it stands for the account and the Region.

use std::rc::Rc;
use std::sync::Arc;

use super::evaluator::Evaluator;
use super::instance::Instance;
use super::scope::Scope;
use crate::syntax::hcl::{Block, Expression, ExpressionKind, TraversalStep};

impl Evaluator<'_> {
    /// The provider configuration of a resource, as the root module names it: `aws`, `aws.west`; with the Region when
    /// the resource itself names one.
    ///
    /// `scope` is that of the copy of the resource.
    pub(super) fn provider(&self, instance: &Rc<Instance>, kind: &str, block: &Block, scope: &Scope) -> Arc<str> {
        let written = block.body.attribute("provider").and_then(|attribute| reference(&attribute.value));
        let local = written.unwrap_or_else(|| kind.split('_').next().unwrap_or(kind).to_owned());
        let provider = in_root(instance, local);
        let region = block.body.attribute("region").and_then(|attribute| {
            let value = self.evaluate(&attribute.value, scope);
            match value {
                Ok(value) if value.is_null() => None,
                Ok(value) if value.as_str().is_some() => value.as_str().map(str::to_owned),
                // It is another Region than the provider's, and the same as where the same is written beside it.
                _ => Some(instance.absolute(&self.source_text(attribute.value.span))),
            }
        });
        match region {
            Some(region) => format!("{provider}@{region}").into(),
            None => provider.into(),
        }
    }
}

/// The configuration of the provider `aws` that a module which is not here gets from its `call` in `instance`.
pub(super) fn provider_of_call(instance: &Rc<Instance>, call: &Block) -> Arc<str> {
    let local = passed(call, "aws").unwrap_or_else(|| "aws".to_owned());
    in_root(instance, local).into()
}

/// What the `call` passes for the configuration that the called module calls `local`.
fn passed(call: &Block, local: &str) -> Option<String> {
    match &call.body.attribute("providers")?.value.kind {
        ExpressionKind::Object(items) => {
            let item = items.iter().find(|item| reference(&item.key).as_deref() == Some(local))?;
            reference(&item.value)
        }
        _ => None,
    }
}

/// The name that the root module gives to what `instance` calls `local`.
fn in_root(instance: &Rc<Instance>, local: String) -> String {
    let (Some(parent), Some(caller)) = (instance.parent(), &instance.caller) else { return local };
    let call = parent.module.calls.get(&caller.call);
    match call.and_then(|call| passed(&call.block, &local)) {
        Some(outer) => in_root(&parent, outer),
        // A configuration with an alias that was not passed is the module's own.
        None if local.contains('.') => instance.absolute(&local),
        None => in_root(&parent, local),
    }
}

/// `aws` or `aws.west`, written as a reference or, in older files, as a string.
fn reference(expression: &Expression) -> Option<String> {
    match &expression.kind {
        ExpressionKind::Variable(name) => Some(name.text.to_string()),
        ExpressionKind::Literal(text) => text.known().map(str::to_owned),
        ExpressionKind::Parenthesis(inner) => reference(inner),
        ExpressionKind::Traversal(traversal) => {
            let base = reference(&traversal.base)?;
            match traversal.steps.as_slice() {
                [(TraversalStep::Attribute(alias), _)] => Some(format!("{base}.{}", alias.text)),
                _ => None,
            }
        }
        _ => None,
    }
}
