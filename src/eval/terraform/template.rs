//! Templates to texts: quoted strings, heredocs and the contents of template files.

use super::evaluator::{Evaluated, Evaluator, Fault, fault};
use super::expression::elements_of;
use super::scope::Scope;
use crate::eval::{Value, ValueKind};
use crate::finding::ProblemCode;
use crate::source::{Span, Text};
use crate::syntax::hcl::{Template, TemplatePart};

impl Evaluator<'_> {
    /// A quoted string or heredoc. One that is nothing but an interpolation passes its value on as it is.
    pub(super) fn evaluate_quoted(&self, template: &Template, scope: &Scope, span: Span) -> Evaluated {
        if let [TemplatePart::Interpolation(inner)] = template.parts.as_slice() {
            return self.evaluate(inner, scope);
        }
        self.render(template, scope, span)
    }

    /// The text that `template` renders to; parts that are not known become holes.
    ///
    /// So do parts with a fault when the text has several lines, since each of them means something without the others;
    /// not inside `try` and `can`, which ask for the fault.
    pub(super) fn render(&self, template: &Template, scope: &Scope, span: Span) -> Evaluated {
        let mut texts = vec![Text::new()];
        let tolerates_faults = !self.is_trying() && has_lines(template);
        self.render_parts(template, scope, tolerates_faults, &mut texts)?;
        let values = texts.into_iter().map(|text| Value::text(text, span)).collect();
        Ok(Value::one_of(values, self.limits.alternatives, span))
    }

    /// Adds what `template` renders to to each of `texts`.
    fn render_parts(
        &self,
        template: &Template,
        scope: &Scope,
        tolerates_faults: bool,
        texts: &mut Vec<Text>,
    ) -> Result<(), Fault> {
        for part in &template.parts {
            match self.render_part(part, scope, tolerates_faults, texts) {
                Err(problem) if tolerates_faults && problem.code != ProblemCode::Limit => {
                    let span = place_of(part).unwrap_or(template.span);
                    push_hole(texts, span, &self.settle(Err(problem), span));
                }
                result => result?,
            }
            self.check_lengths(texts, template.span)?;
        }
        Ok(())
    }

    /// Adds what a part renders to to each of `texts`, which stay as they are when the part itself has a fault.
    fn render_part(
        &self,
        part: &TemplatePart,
        scope: &Scope,
        tolerates_faults: bool,
        texts: &mut Vec<Text>,
    ) -> Result<(), Fault> {
        match part {
            TemplatePart::Literal(literal) => texts.iter_mut().for_each(|text| text.push_text(literal)),
            TemplatePart::Interpolation(expression) => {
                let value = self.evaluate(expression, scope)?;
                self.render_value(&value, expression.span, texts)?;
            }
            TemplatePart::If(directive) => {
                let condition = self.evaluate(&directive.condition, scope)?;
                match condition.as_bool() {
                    Some(true) => self.render_parts(&directive.when_true, scope, tolerates_faults, texts)?,
                    Some(false) => self.render_parts(&directive.when_false, scope, tolerates_faults, texts)?,
                    None => push_hole(texts, directive.condition.span, &condition),
                }
            }
            TemplatePart::For(directive) => {
                let collection = self.evaluate(&directive.collection, scope)?;
                match elements_of(&collection) {
                    Ok(elements) => {
                        for (key, element) in &elements {
                            let _step = self.enter(directive.collection.span)?;
                            let names = (directive.key_name.as_ref(), &directive.value_name);
                            let scope = scope.bind_element(names.0, names.1, key, element);
                            self.render_parts(&directive.body, &scope, tolerates_faults, texts)?;
                        }
                    }
                    Err(Some(_)) => push_hole(texts, directive.collection.span, &collection),
                    Err(None) => {
                        let message = format!("`for` needs a collection, but this is {}", collection.type_name());
                        return Err(fault(ProblemCode::Evaluation, directive.collection.span, message));
                    }
                }
            }
        }
        Ok(())
    }

    /// Checks that none of `texts` is longer than may be built.
    pub(super) fn check_lengths(&self, texts: &[Text], span: Span) -> Result<(), Fault> {
        if texts.iter().any(|text| text.is_larger_than(self.limits.text_bytes)) {
            let message = format!("this text would be longer than {} bytes", self.limits.text_bytes);
            return Err(fault(ProblemCode::Limit, span, message));
        }
        Ok(())
    }

    /// Adds what `value` is inside a string to each of `texts`; several possible values multiply them.
    pub(super) fn render_value(&self, value: &Value, span: Span, texts: &mut Vec<Text>) -> Result<(), Fault> {
        let alternatives = value.alternatives();
        if let ([text], [only]) = (texts.as_mut_slice(), &*alternatives)
            && let Some(addition) = only.to_text()
        {
            text.push_text(&addition);
            return Ok(());
        }
        if alternatives.len() * texts.len() > self.limits.alternatives {
            push_hole(texts, span, value);
            return Ok(());
        }
        let mut rendered = Vec::with_capacity(alternatives.len() * texts.len());
        for alternative in &*alternatives {
            let Some(addition) = alternative.to_text() else {
                let message = format!("{} cannot be part of a string", alternative.type_name());
                return Err(fault(ProblemCode::Evaluation, span, message));
            };
            for text in texts.iter() {
                let mut text = text.clone();
                text.push_text(&addition);
                rendered.push(text);
            }
        }
        *texts = rendered;
        Ok(())
    }
}

/// Whether a literal of the template has a line break.
fn has_lines(template: &Template) -> bool {
    template.parts.iter().any(|part| match part {
        TemplatePart::Literal(literal) => literal.as_str().contains('\n'),
        TemplatePart::Interpolation(_) => false,
        TemplatePart::If(directive) => has_lines(&directive.when_true) || has_lines(&directive.when_false),
        TemplatePart::For(directive) => has_lines(&directive.body),
    })
}

/// Where what decides about a part is written.
fn place_of(part: &TemplatePart) -> Option<Span> {
    match part {
        TemplatePart::Literal(_) => None,
        TemplatePart::Interpolation(expression) => Some(expression.span),
        TemplatePart::If(directive) => Some(directive.condition.span),
        TemplatePart::For(directive) => Some(directive.collection.span),
    }
}

/// Adds a hole for `value`, which decides at `span` what stands there; the hole of a fault is where the fault is.
fn push_hole(texts: &mut [Text], span: Span, value: &Value) {
    let (span, reason) = match &value.kind {
        ValueKind::Unknown(why) => (why.place().unwrap_or(span), why.to_string()),
        _ => (span, "it has several possible values".into()),
    };
    for text in texts {
        text.push_text(&Text::hole(span, reason.as_str()));
    }
}
