//! Finds the quoted strings of Terraform files, in native syntax or JSON, without parsing.
//!
//! It is right about comments, interpolations and heredocs, and never fails: what it makes of a broken file is
//! too much or too little, which costs time or a caller, and nothing else.

/// Stands in a literal for an interpolation.
pub(super) const UNKNOWN: char = '\u{0}';

/// A quoted string.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Literal {
    /// The text, with [`UNKNOWN`] in place of interpolations.
    pub(super) text: String,
    /// Whether `${path.module}` stood before the text.
    pub(super) in_module: bool,
}

enum Frame<'a> {
    /// Outside quotes: the start of the code, and how many braces are open in it.
    Code {
        start: usize,
        braces: usize,
    },
    Quoted(Literal),
    Heredoc(&'a str),
}

/// The quoted strings of `text`, in the order in which they end.
pub(super) fn literals(text: &str) -> Vec<Literal> {
    let mut found = Vec::new();
    let mut frames = vec![Frame::Code { start: 0, braces: 0 }];
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let Some(frame) = frames.last_mut() else { break };
        let mut step = rest.chars().next().map_or(1, char::len_utf8);
        match frame {
            Frame::Code { start, braces } => match rest.as_bytes() {
                [b'#', ..] | [b'/', b'/', ..] => step = rest.find('\n').unwrap_or(rest.len()),
                [b'/', b'*', ..] => step = rest.find("*/").map_or(rest.len(), |end| end + 2),
                [b'"', ..] => frames.push(Frame::Quoted(Literal::default())),
                [b'<', b'<', ..] => {
                    if let Some((marker, length)) = heredoc_marker(rest) {
                        step = length;
                        frames.push(Frame::Heredoc(marker));
                    }
                }
                [b'{', ..] => *braces += 1,
                [b'}', ..] if *braces > 0 => *braces -= 1,
                [b'}', ..] => {
                    let code = text.get(*start..at).unwrap_or("");
                    end_interpolation(&mut frames, code);
                }
                _ => {}
            },
            Frame::Quoted(literal) => match rest.as_bytes() {
                // A string does not go past its line: this one was never ended.
                [b'"' | b'\n', ..] => {
                    found.push(std::mem::take(literal));
                    frames.pop();
                }
                [b'\\', _, ..] => {
                    let escaped = rest.chars().nth(1).unwrap_or('\\');
                    literal.text.push(escaped);
                    step = 1 + escaped.len_utf8();
                }
                [b'$', b'$', b'{', ..] | [b'%', b'%', b'{', ..] => {
                    literal.text.push_str(&rest[1..3]);
                    step = 3;
                }
                [b'$' | b'%', b'{', ..] => {
                    step = 2;
                    frames.push(Frame::Code { start: at + 2, braces: 0 });
                }
                _ => literal.text.push_str(&rest[..step]),
            },
            Frame::Heredoc(marker) => match rest.as_bytes() {
                [b'\n', ..] => {
                    let line = rest[1..].split('\n').next().unwrap_or("");
                    if line.trim() == *marker {
                        step = 1 + line.len();
                        frames.pop();
                    }
                }
                [b'$', b'$', b'{', ..] | [b'%', b'%', b'{', ..] => step = 3,
                [b'$' | b'%', b'{', ..] => {
                    step = 2;
                    frames.push(Frame::Code { start: at + 2, braces: 0 });
                }
                _ => {}
            },
        }
        at += step;
    }
    found
}

/// Ends the innermost interpolation, whose code is given, and notes it in the string around it.
fn end_interpolation(frames: &mut Vec<Frame>, code: &str) {
    // A brace too many outside of any interpolation ends nothing.
    if frames.len() < 2 {
        return;
    }
    frames.pop();
    if let Some(Frame::Quoted(literal)) = frames.last_mut() {
        if literal.text.is_empty() && code.trim_matches(['~', ' ']) == "path.module" {
            literal.in_module = true;
        } else {
            literal.text.push(UNKNOWN);
        }
    }
}

/// The marker of the heredoc that begins at the start of `rest`, and the length of all before its first line break.
fn heredoc_marker(rest: &str) -> Option<(&str, usize)> {
    let line = rest.split('\n').next()?;
    let marker = line.trim_start_matches('<').trim_start_matches('-').trim();
    let is_name = |character: char| character.is_alphanumeric() || matches!(character, '_' | '-');
    (!marker.is_empty() && marker.chars().all(is_name)).then_some((marker, line.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        literals(text).into_iter().map(|literal| literal.text.replace(UNKNOWN, "?")).collect()
    }

    #[test]
    fn strings_are_found_wherever_they_stand() {
        let text = r#"
            # source = "./comment"
            // "./comment"
            /* "./comment" */
            module "a" { source = "./a" } # "./comment"
            b = "x ${file("b.sh")} y"
            c = <<-EOT
              "not ${file("c.sh")} quoted" # "d"
              EOT
            e = "$${f} \"g\""
        "#;
        assert_eq!(texts(text), ["a", "./a", "b.sh", "x ? y", "c.sh", "${f} \"g\""]);
    }

    #[test]
    fn the_folder_of_the_module_is_noted() {
        let found = literals(r#""${path.module}/a.sh" "${ path.module }/${var.b}.sh" "${path.root}/c.sh""#);
        assert!(found[0].in_module && found[0].text == "/a.sh");
        assert!(found[1].in_module && found[1].text == format!("/{UNKNOWN}.sh"));
        assert!(!found[2].in_module && found[2].text == format!("{UNKNOWN}/c.sh"));
    }

    #[test]
    fn json_works_the_same() {
        assert_eq!(texts(r#"{"module": {"a": {"source": ".\/a"}}}"#), ["module", "a", "source", "./a"]);
    }

    #[test]
    fn broken_files_are_scanned_to_their_end() {
        assert_eq!(texts("a = \"open\nb = \"c\"\n}}} d = \"e\""), ["open", "c", "e"]);
        for text in ["\"${\"${", "<<", "<<E", "\"\\", "\"\u{e9}\\\u{e9}", "/*", "%{", "\"$${"] {
            literals(text);
        }
        assert!(literals(&"\"${".repeat(100_000)).is_empty());
    }
}
