//! What providers make of a block's arguments alone, without asking a cloud: rendered templates, archives of user
//! data, the contents of files.

use super::body::Wanted;
use super::evaluator::{Evaluated, Evaluator, Fault};
use super::scope::Scope;
use crate::eval::{Map, Unknown, Value, ValueKind};
use crate::source::{Span, Step, StepRole, Text};
use crate::syntax::hcl::Block;

/// What separates the parts of an archive when the block does not say.
const BOUNDARY: &str = "MIMEBOUNDARY";

/// The attributes of `block` that its provider makes of the arguments.
pub(super) fn made_attributes(block: &Block) -> &'static [&'static str] {
    let is_data = &*block.kind.text == "data";
    match block.labels.first().map(|kind| &*kind.text) {
        Some("template_file" | "cloudinit_config" | "template_cloudinit_config") => &["rendered"],
        Some("local_file" | "local_sensitive_file") if is_data => &["content", "content_base64"],
        Some("terraform_data") => &["output"],
        Some("null_data_source") => &["outputs"],
        _ => &[],
    }
}

impl Evaluator<'_> {
    /// The attribute `name` of `block`, one of its [`made_attributes`].
    pub(super) fn made_attribute(&self, block: &Block, name: &str, scope: &Scope, address: &str) -> Evaluated {
        let value = match (block.labels.first().map(|kind| &*kind.text), name) {
            (Some("template_file"), _) => self.rendered_template(block, scope),
            (_, "output") => Ok(self.given(block, "input", scope)),
            (_, "outputs") => Ok(self.given(block, "inputs", scope)),
            (_, "rendered") => self.archive(block, scope),
            (_, "content") => self.local_file(block, scope, Ok),
            _ => self.local_file(block, scope, |content| self.pure("base64encode", &[content], block.header)),
        }?;
        Ok(value.then(Step { span: block.header, role: StepRole::Function, name: address.into() }))
    }

    /// What `block` is given as its argument `name`, which it hands on as it is.
    fn given(&self, block: &Block, name: &str, scope: &Scope) -> Value {
        argument(&self.body_value(&block.body, scope, &Wanted::Only(&[name])), name, block.header)
    }

    fn rendered_template(&self, block: &Block, scope: &Scope) -> Evaluated {
        let arguments = self.body_value(&block.body, scope, &Wanted::Only(&["template", "vars"]));
        let template = argument(&arguments, "template", block.header);
        let variables = match argument(&arguments, "vars", block.header) {
            Value { kind: ValueKind::Null, .. } => Value::new(ValueKind::Map(Map::default().into()), block.header),
            // Before version 0.12 of Terraform the variables were a block.
            variables => match variables.as_list() {
                Some([block]) => block.clone(),
                _ => variables,
            },
        };
        self.each_alternative(&template, |template| {
            self.render_text("template_file", template, Some(&variables), block.header)
        })
    }

    fn local_file(&self, block: &Block, scope: &Scope, made_of: impl Fn(Value) -> Evaluated) -> Evaluated {
        let arguments = self.body_value(&block.body, scope, &Wanted::Only(&["filename"]));
        let path = argument(&arguments, "filename", block.header);
        self.with_path("local_file", &[path], block.header, |path| {
            made_of(self.read("local_file", path, block.header)?)
        })
    }

    /// The MIME archive of the block's parts, compressed and encoded unless the block says otherwise.
    fn archive(&self, block: &Block, scope: &Scope) -> Evaluated {
        let span = block.header;
        let arguments = self.body_value(&block.body, scope, &Wanted::Only(&["gzip", "base64_encode", "boundary"]));
        let boundary = argument(&arguments, "boundary", span);
        let boundary = boundary.as_str().unwrap_or(BOUNDARY);
        let mut texts = vec![Text::encoded(
            format!("Content-Type: multipart/mixed; boundary=\"{boundary}\"\nMIME-Version: 1.0\r\n\r\n"),
            span,
        )];
        for list in self.lists_of_blocks(&block.body, "part", scope) {
            let mut longer = Vec::new();
            for parts in &*list.alternatives() {
                let mut branch = texts.clone();
                let single = [parts.clone()];
                for part in parts.as_list().unwrap_or(&single) {
                    let part = part.clone().through(&parts.origin.trail);
                    self.push_part(&part, boundary, span, &mut branch)?;
                }
                longer.append(&mut branch);
            }
            if longer.len() > self.limits.alternatives {
                return Ok(Value::unknown(Unknown::Limit("alternatives".into()), span));
            }
            texts = longer;
        }
        let archive = |mut text: Text| {
            text.push_encoded(&format!("--{boundary}--\r\n"), span);
            Value::text(text, span)
        };
        let archives = texts.into_iter().map(archive).collect();
        let archive = Value::one_of(archives, self.limits.alternatives, span);
        let is_off = |name| argument(&arguments, name, span).as_bool() == Some(false);
        match (is_off("gzip"), is_off("base64_encode")) {
            (true, true) => Ok(archive),
            (true, false) => self.pure("base64encode", &[archive], span),
            (false, _) => self.pure("base64gzip", &[archive], span),
        }
    }

    /// Adds a part to each of `texts`. What is not known of it becomes a hole.
    fn push_part(&self, part: &Value, boundary: &str, span: Span, texts: &mut Vec<Text>) -> Result<(), Fault> {
        let field = |name: &str| argument(part, name, part.origin.span);
        let is_given = |value: &Value| !value.is_null() && value.as_str() != Some("");
        let own = |characters: &str| Value::encoded(characters, span);
        let mut pieces = vec![own("--"), own(boundary), own("\r\n")];
        let filename = field("filename");
        if is_given(&filename) {
            pieces.extend([own("Content-Disposition: attachment; filename=\""), filename, own("\"\r\n")]);
        }
        let content_type = Some(field("content_type")).filter(is_given).unwrap_or_else(|| own("text/plain"));
        pieces.extend([own("Content-Transfer-Encoding: 7bit\r\nContent-Type: "), content_type]);
        pieces.push(own("\r\nMime-Version: 1.0\r\n"));
        let merge_type = field("merge_type");
        if is_given(&merge_type) {
            pieces.extend([own("X-Merge-Type: "), merge_type, own("\r\n")]);
        }
        pieces.push(own("\r\n"));
        let content = match &part.kind {
            ValueKind::Map(_) => field("content"),
            // Of blocks that may be there or not it is not known either what they hold.
            ValueKind::Unknown(_) => part.clone(),
            _ => Value::unknown(Unknown::NotEvaluated("part".into()), part.origin.span),
        };
        pieces.extend([content, own("\r\n")].into_iter().filter(is_given));
        let bytes: usize = pieces.iter().map(Value::approximate_bytes).sum();
        self.pay_for_building(bytes.saturating_mul(texts.len()), span)?;
        for piece in &pieces {
            self.render_value(piece, span, texts)?;
            self.check_lengths(texts, span)?;
        }
        Ok(())
    }
}

/// The argument `name` of a block; null when it is not there.
fn argument(block: &Value, name: &str, span: Span) -> Value {
    let found = block.as_map().and_then(|map| map.entries.get(name));
    found.map_or_else(|| Value::null(span), |value| value.clone().through(&block.origin.trail))
}
