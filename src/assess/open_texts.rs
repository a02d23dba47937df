//! What `cfn-init` runs and writes of which a part is not known, for all hosts of a template together.

use std::sync::OnceLock;

use super::places::Places;
use crate::eval::{Value, ValueKind};
use crate::source::Text;

/// The texts in a value that are not known to their end, looked for when somebody asks.
#[derive(Debug)]
pub(super) struct OpenTexts {
    value: Value,
    places: OnceLock<Places>,
}

impl OpenTexts {
    pub(super) fn new(value: &Value) -> Self {
        Self { value: value.clone(), places: OnceLock::new() }
    }

    /// Where they were written.
    pub(super) fn places(&self) -> &Places {
        self.places.get_or_init(|| {
            let mut texts: Vec<&Text> = Vec::new();
            let mut open = vec![&self.value];
            while let Some(value) = open.pop() {
                match &value.kind {
                    ValueKind::String(text) if text.has_holes() => texts.push(text),
                    ValueKind::List(values) | ValueKind::Set(values) | ValueKind::OneOf(values) => {
                        open.extend(values.iter());
                    }
                    ValueKind::Map(map) => open.extend(map.entries.values()),
                    _ => {}
                }
            }
            Places::new(texts.into_iter().map(|text| (text, [].as_slice())))
        })
    }
}
