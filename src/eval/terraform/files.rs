//! The functions that read files of the workspace. Nothing outside its root is read.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::evaluator::{Evaluated, Evaluator, Fault, fault};
use super::functions;
use super::module::join_path;
use super::scope::Scope;
use crate::discover::LoadError;
use crate::eval::{Unknown, Value, ValueKind};
use crate::finding::{Problem, ProblemCode};
use crate::source::{PieceKind, SourceFile, Span, Step, StepRole, Text};
use crate::syntax::hcl;

/// How many times more than handling a byte parsing it costs.
const PARSING: usize = 16;

/// How many steps making a pattern for names of files costs.
const COMPILING_PATTERN: u64 = 200;

/// The most bytes of template files that stay parsed.
const MOST_PARSED_BYTES: usize = 256 << 10;

/// Template files that were parsed, by what of which file they are: hosts by the hundred may be given the same template.
#[derive(Default)]
pub(super) struct Templates {
    parsed: BTreeMap<Span, Rc<(hcl::Template, Vec<Problem>)>>,
    bytes: usize,
}

impl Templates {
    fn parsed(&mut self, text: &Text) -> Rc<(hcl::Template, Vec<Problem>)> {
        let whole = match text.pieces() {
            [piece] if piece.kind == PieceKind::Verbatim && piece.trail.is_empty() => Some(piece.span),
            _ => None,
        };
        if let Some(parsed) = whole.and_then(|whole| self.parsed.get(&whole)) {
            return Rc::clone(parsed);
        }
        let parsed = Rc::new(hcl::parse_template(text));
        if let Some(whole) = whole.filter(|_| self.bytes + text.len() <= MOST_PARSED_BYTES) {
            self.bytes += text.len();
            self.parsed.insert(whole, Rc::clone(&parsed));
        }
        parsed
    }
}

impl Evaluator<'_> {
    /// The result of a function that reads files, or `None` when `name` is no such function.
    pub(super) fn call_file_function(&self, name: &str, arguments: &[Value], span: Span) -> Option<Evaluated> {
        let of_content = |function: &'static str| {
            self.with_path(name, arguments, span, |path| {
                let content = self.read(name, path, span)?;
                self.pure(function, &[content], span)
            })
        };
        let result = match name {
            "file" => self.with_path(name, arguments, span, |path| self.read(name, path, span)),
            "filebase64" => of_content("base64encode"),
            "filemd5" => of_content("md5"),
            "filesha1" => of_content("sha1"),
            "filesha256" => of_content("sha256"),
            "filesha512" => of_content("sha512"),
            "filebase64sha256" => of_content("base64sha256"),
            "filebase64sha512" => of_content("base64sha512"),
            "fileexists" => self.with_path(name, arguments, span, |path| match self.find(path) {
                Ok(_) => Ok(Value::bool(true, span)),
                Err(LoadError::Missing) => Ok(Value::bool(false, span)),
                Err(error) => Err(Self::unread(name, path, &error, span)),
            }),
            "fileset" => self.with_path(name, arguments, span, |path| self.fileset(path, arguments, span)),
            "templatefile" => self.with_path(name, arguments, span, |path| {
                let content = self.read(name, path, span)?;
                self.render_text(name, &content, arguments.get(1), span)
            }),
            "templatestring" => match arguments.first() {
                Some(template) => {
                    self.each_alternative(template, |template| self.render_text(name, template, arguments.get(1), span))
                }
                None => Err(fault(ProblemCode::Evaluation, span, "`templatestring` needs a template")),
            },
            "abspath" => Ok(Value::unknown(Unknown::NotEvaluated("abspath()".into()), span)),
            _ => return None,
        };
        Some(result)
    }

    pub(super) fn pure(&self, name: &str, arguments: &[Value], span: Span) -> Evaluated {
        match functions::call(name, arguments, span, self.limits) {
            Some(Ok(value)) => Ok(value),
            Some(Err(refusal)) => Err(fault(refusal.code, span, refusal.message)),
            None => Ok(Value::unknown(Unknown::NotEvaluated(name.into()), span)),
        }
    }

    /// Applies `function` to the path that is the first argument.
    pub(super) fn with_path(
        &self,
        name: &str,
        arguments: &[Value],
        span: Span,
        function: impl Fn(&str) -> Evaluated,
    ) -> Evaluated {
        let Some(path) = arguments.first() else {
            return Err(fault(ProblemCode::Evaluation, span, format!("`{name}` needs a path")));
        };
        self.each_alternative(path, |path| match &path.kind {
            ValueKind::Unknown(why) => Ok(Value::unknown(why.clone(), span)),
            ValueKind::String(text) => match text.known() {
                Some(path) => function(path),
                None => Ok(Value::unknown(Unknown::NotEvaluated("a path with unknown parts".into()), span)),
            },
            _ => {
                let message = format!("`{name}` needs a path, but this is {}", path.type_name());
                Err(fault(ProblemCode::Evaluation, span, message))
            }
        })
    }

    /// The path as Terraform sees it, relative to the root module's folder, from the workspace root; Packer may see it
    /// from a folder above as well.
    fn find(&self, path: &str) -> Result<Arc<SourceFile>, LoadError> {
        if path.starts_with('/') || path.starts_with('~') {
            return Err(LoadError::OutsideRoot);
        }
        let load = |folder: &str| {
            join_path(folder, path).ok_or(LoadError::OutsideRoot).and_then(|path| self.workspace.load(&path))
        };
        let mut folder = &*self.inputs.folder;
        let first = load(folder);
        while first.is_err() && self.inputs.is_packers && !folder.is_empty() {
            folder = folder.rsplit_once('/').map_or("", |(above, _)| above);
            if let Ok(found) = load(folder) {
                return Ok(found);
            }
        }
        first
    }

    pub(super) fn read(&self, function: &str, path: &str, span: Span) -> Evaluated {
        let file = self.find(path).map_err(|error| Self::unread(function, path, &error, span))?;
        if !file.invalid_utf8().is_empty() {
            if function.starts_with("file") && function != "file" {
                return Ok(Value::unknown(
                    Unknown::NotEvaluated(format!("{function}() of a binary file").into()),
                    span,
                ));
            }
            let message = format!("`{function}` cannot read `{path}`: it is no text in UTF-8");
            return Err(fault(ProblemCode::Evaluation, span, message));
        }
        let start = file.byte_order_mark_length();
        let whole = file.span(start..file.text().len());
        let step = Step { span, role: StepRole::File, name: format!("{function}()").into() };
        let text = Text::verbatim(file.slice(whole), whole);
        Ok(Value::text(text, whole).then(step))
    }

    #[expect(clippy::unnecessary_box_returns, reason = "faults travel boxed, so that results stay small")]
    fn unread(function: &str, path: &str, error: &LoadError, span: Span) -> Fault {
        fault(error.code(), span, format!("`{function}` cannot read `{path}`: {error}"))
    }

    /// What the template `content` renders to with `variables`.
    pub(super) fn render_text(
        &self,
        function: &str,
        content: &Value,
        variables: Option<&Value>,
        span: Span,
    ) -> Evaluated {
        let ValueKind::String(text) = &content.kind else { return Ok(content.clone()) };
        self.pay_for_bytes(text.len().saturating_mul(PARSING), span)?;
        let parsed = self.templates.borrow_mut().parsed(text);
        let (template, problems) = &*parsed;
        for problem in problems {
            if self.is_trying() {
                return Err(Box::new(problem.clone()));
            }
            // What could not be parsed is a hole already.
            self.keep_fault(problem);
        }
        let Some(variables) = variables else {
            return Err(fault(ProblemCode::Evaluation, span, format!("`{function}` needs the template's variables")));
        };
        self.each_alternative(variables, |variables| {
            let mut scope = Scope::of_template();
            match &variables.kind {
                ValueKind::Map(map) => {
                    for (name, value) in &map.entries {
                        scope = scope.bind(name, &value.clone().through(&variables.origin.trail));
                    }
                }
                ValueKind::Unknown(_) => scope = Scope::of_open_template(variables.clone()),
                _ => {
                    let message = format!("the template's variables must be a map, not {}", variables.type_name());
                    return Err(fault(ProblemCode::Evaluation, span, message));
                }
            }
            // A template file may stand for any value, as a quoted string may.
            let rendered = match function {
                "templatefile" => self.evaluate_quoted(template, &scope, span)?,
                _ => self.render(template, &scope, span)?,
            };
            Ok(at_its_only_piece(rendered).through(&content.origin.trail))
        })
    }

    /// The files below a folder, which is walked once however often it is asked about.
    fn files_below(&self, folder: &str) -> Rc<Vec<String>> {
        if let Some(names) = self.folders.borrow().get(folder) {
            return Rc::clone(names);
        }
        let names = Rc::new(self.workspace.files_below(folder));
        self.folders.borrow_mut().insert(folder.to_owned(), Rc::clone(&names));
        names
    }

    fn fileset(&self, folder: &str, arguments: &[Value], span: Span) -> Evaluated {
        let pattern = arguments.get(1).and_then(Value::as_str);
        let within = pattern.filter(|pattern| !pattern.split('/').any(|part| part == ".."));
        let (Some(pattern), Some(folder)) = (within, join_path(&self.inputs.folder, folder)) else {
            return Ok(Value::unknown(Unknown::NotEvaluated("fileset()".into()), span));
        };
        // Without a slash at its start a pattern would match at any depth.
        let anchored = format!("/{}", pattern.trim_start_matches("./"));
        let Ok(glob) = ignore::overrides::OverrideBuilder::new("/").add(&anchored).and_then(|builder| builder.build())
        else {
            let message = format!("`fileset` does not understand the pattern `{pattern}`");
            return Err(fault(ProblemCode::Evaluation, span, message));
        };
        let names = self.files_below(&folder);
        self.take_steps(COMPILING_PATTERN + names.len() as u64, span)?;
        let matching = names.iter().filter(|name| glob.matched(name, false).is_whitelist()).cloned();
        let values = matching.map(|name| Value::encoded(name, span)).collect();
        Ok(Value::new(ValueKind::Set(Arc::new(values)), span))
    }
}

/// A text that was written at one place as a whole has that place, and not that of the call.
fn at_its_only_piece(mut value: Value) -> Value {
    if let ValueKind::String(text) = &value.kind
        && let [only] = text.pieces()
        && only.kind == PieceKind::Verbatim
    {
        value.origin.span = only.span;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    #[test]
    fn the_same_file_is_parsed_once_and_large_ones_are_not_kept() {
        let text = |length: usize, file: u32| Text::verbatim("x".repeat(length), Span::new(FileId(file), 0..length));
        let mut templates = Templates::default();
        let first = templates.parsed(&text(10, 1));
        assert!(Rc::ptr_eq(&first, &templates.parsed(&text(10, 1))));
        assert!(!Rc::ptr_eq(&first, &templates.parsed(&text(10, 2))));
        let mut other = text(10, 1);
        other.push_encoded("y", Span::new(FileId(1), 0..1));
        assert!(!Rc::ptr_eq(&first, &templates.parsed(&other)));
        let large = templates.parsed(&text(MOST_PARSED_BYTES, 3));
        assert!(!Rc::ptr_eq(&large, &templates.parsed(&text(MOST_PARSED_BYTES, 3))));
    }
}
