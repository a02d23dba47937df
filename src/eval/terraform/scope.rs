//! What an expression can see: the module instance around it, the names bound by loops and templates, and the
//! repetition that it belongs to.

use std::rc::Rc;
use std::sync::Arc;

use super::instance::Instance;
use crate::eval::Value;
use crate::syntax::hcl::Name;

/// What an expression can see. Cheap to clone.
#[derive(Clone)]
pub(in crate::eval) struct Scope {
    /// The module instance; a template file sees none.
    pub(super) instance: Option<Rc<Instance>>,
    /// The repetition of the block around the expression.
    pub(super) repetition: Rc<Repetition>,
    bindings: Option<Rc<Binding>>,
    /// What all other names stand for, when it is not known which there are.
    others: Option<Rc<Value>>,
}

struct Binding {
    name: Arc<str>,
    value: Value,
    outer: Option<Rc<Binding>>,
}

/// Which of several copies of a block this is.
#[derive(Clone, Debug, Default)]
pub(super) struct Repetition {
    pub(super) key: InstanceKey,
    /// `each.key` and `each.value`.
    pub(super) each: Option<(Value, Value)>,
    /// `count.index`.
    pub(super) count_index: Option<Value>,
}

/// What tells a copy of a block from the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum InstanceKey {
    /// The block is not repeated, or it is not known how often.
    #[default]
    None,
    /// The number of the copy by `count`, 0-based.
    Index(usize),
    /// The key of the copy by `for_each`.
    Key(Arc<str>),
}

impl InstanceKey {
    /// `address` with the key as Terraform writes it.
    pub(super) fn apply(&self, address: &str) -> String {
        match self {
            Self::None => address.to_owned(),
            Self::Index(index) => format!("{address}[{index}]"),
            Self::Key(key) => format!("{address}[{key:?}]"),
        }
    }
}

impl Scope {
    /// What the top level of a module sees.
    pub(in crate::eval) fn of(instance: &Rc<Instance>) -> Self {
        Self { instance: Some(Rc::clone(instance)), repetition: Rc::default(), bindings: None, others: None }
    }

    /// What a template file sees: nothing but the variables that are bound to it.
    pub(super) fn of_template() -> Self {
        Self { instance: None, repetition: Rc::default(), bindings: None, others: None }
    }

    /// What a template file sees when it is not known which variables are given to it: each name is `unknown`.
    pub(super) fn of_open_template(unknown: Value) -> Self {
        Self { others: Some(Rc::new(unknown)), ..Self::of_template() }
    }

    /// This scope inside one copy of a repeated block.
    pub(super) fn repeated(&self, repetition: Repetition) -> Self {
        Self { repetition: Rc::new(repetition), ..self.clone() }
    }

    /// This scope with `name` bound to `value`.
    pub(in crate::eval) fn bind(&self, name: &Arc<str>, value: &Value) -> Self {
        let binding = Binding { name: Arc::clone(name), value: value.clone(), outer: self.bindings.clone() };
        Self { bindings: Some(Rc::new(binding)), ..self.clone() }
    }

    /// This scope with the names of a loop bound to an element of its collection.
    pub(super) fn bind_element(&self, key_name: Option<&Name>, value_name: &Name, key: &Value, value: &Value) -> Self {
        let scope = self.bind(&value_name.text, value);
        key_name.map_or_else(|| scope.clone(), |name| scope.bind(&name.text, key))
    }

    /// What `name` is bound to by the innermost loop or template that binds it.
    pub(super) fn bound(&self, name: &str) -> Option<&Value> {
        let mut next = self.bindings.as_deref();
        while let Some(binding) = next {
            if &*binding.name == name {
                return Some(&binding.value);
            }
            next = binding.outer.as_deref();
        }
        self.others.as_deref()
    }
}
