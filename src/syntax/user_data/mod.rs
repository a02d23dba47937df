//! User data: what a host is given at launch, taken apart into scripts and configurations.
//!
//! The formats are those of cloud-init and of the launch agents on Windows. A text keeps the origins of its bytes all
//! the way; decoded content has those of its encoded form.

mod encoding;
mod jinja;
mod mime;

use std::ops::Range;

use super::tree;
use crate::source::{HOLE, Limits, Text};

pub use encoding::decode;
pub use jinja::Decision;

/// The deepest nesting of archives in archives that is followed.
const NESTING: usize = 8;

/// A script or a configuration in user data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub kind: PartKind,
    /// The file name that an archive gives to it. Scripts run in the order of their names.
    pub name: Option<String>,
    /// Whether it runs at every boot and not at the first one only.
    pub every_boot: bool,
    /// How an archive says that a configuration is merged with those before it (`Merge-Type`).
    pub merge_type: Option<String>,
    /// The script or configuration itself.
    pub text: Text,
    /// How the conditions of its template were taken to come to this text.
    pub decisions: Vec<Decision>,
    /// What it can be instead: the texts that its template becomes when the conditions go another way.
    pub otherwise: Vec<Self>,
}

impl Part {
    /// A part that nothing is said about but what it is.
    #[must_use]
    pub fn new(kind: PartKind, text: Text) -> Self {
        Self {
            kind,
            name: None,
            every_boot: false,
            merge_type: None,
            text,
            decisions: Vec::new(),
            otherwise: Vec::new(),
        }
    }

    /// All that the part can be, itself first.
    pub fn ways(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.otherwise)
    }
}

/// What a part of user data is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartKind {
    /// A script that names its interpreter in the first line.
    Script,
    /// A script that runs early at every boot (`#cloud-boothook`), its header line included.
    Boothook,
    /// The YAML of `#cloud-config`.
    CloudConfig,
    /// Addresses of further user data (`#include`).
    Include,
    /// A PowerShell script (`<powershell>`), the tags excepted.
    PowerShell,
    /// A script of Windows' command interpreter (`<script>`), the tags excepted.
    Batch,
    /// The YAML or JSON of version 2 of the launch agent `EC2Launch` (`tasks:`).
    LaunchTasks,
    /// A program that gets to see the parts after it (`#part-handler`), a job for another service (`#upstart-job`), or
    /// a change of the configuration so far (`#cloud-config-jsonp`).
    Extension,
    /// What begins with a part that is not known, and what nothing here reads or runs.
    Other,
}

/// Takes user data apart, in the order in which its parts come into effect as far as the formats tell it.
///
/// Base64, plain or of compressed data, is seen through, as are the templates of cloud-init: their expressions become
/// holes, and their conditions several texts of one part. A text without anything in it has no parts.
#[must_use]
pub fn parse(text: &Text, limits: &Limits) -> Vec<Part> {
    let mut collector = Collector { limits, budget: limits.text_bytes, parts: Vec::new() };
    collector.collect(text, 0);
    collector.parts
}

struct Collector<'a> {
    limits: &'a Limits,
    /// How many bytes may still be decoded: small data may unpack to much.
    budget: usize,
    parts: Vec<Part>,
}

impl Collector<'_> {
    fn collect(&mut self, text: &Text, nesting: usize) {
        let decoded = text.decoded().cloned().or_else(|| encoding::decode_literal(text, &mut self.budget));
        let text = decoded.as_ref().unwrap_or(text);
        if text.as_str().trim().is_empty() || nesting > NESTING {
            return;
        }
        if let Some(entities) = mime::entities(text, nesting > 0, &mut self.budget) {
            for entity in entities {
                self.collect_entity(entity, nesting + 1);
            }
            return;
        }
        match detect(text.as_str()) {
            Detected::Archive => self.collect_archive(text, nesting + 1),
            Detected::Template => self.collect_template(text, None),
            Detected::Windows => self.collect_windows(text),
            Detected::Part(kind) => {
                let every_boot = kind == PartKind::Boothook;
                self.parts.push(Part { every_boot, ..Part::new(kind, text.clone()) });
            }
        }
    }

    /// A template: what it becomes is of the `kind` that is said, or that its beginning tells. Nothing that has parts
    /// comes of it.
    fn collect_template(&mut self, text: &Text, kind: Option<PartKind>) {
        let mut ways = jinja::ways(text, self.limits).into_iter().map(|way| {
            let kind = kind.unwrap_or_else(|| match detect(way.text.as_str()) {
                Detected::Part(kind) => kind,
                _ => PartKind::Other,
            });
            let every_boot = kind == PartKind::Boothook;
            Part { every_boot, decisions: way.decisions, ..Part::new(kind, way.text) }
        });
        if let Some(first) = ways.next() {
            let otherwise = ways.collect();
            self.parts.push(Part { otherwise, ..first });
        }
    }

    fn collect_windows(&mut self, text: &Text) {
        let source = text.as_str();
        let every_boot = element(source, "persist", 0)
            .and_then(|(content, _)| source.get(content))
            .is_some_and(|content| content.trim().eq_ignore_ascii_case("true"));
        for (tag, kind) in WINDOWS_TAGS {
            let mut from = 0;
            while let Some((content, end)) = element(source, tag, from) {
                self.parts.push(Part { every_boot, ..Part::new(kind, text.slice(content)) });
                from = end;
            }
        }
    }

    fn collect_entity(&mut self, entity: mime::Entity, nesting: usize) {
        let first = self.parts.len();
        let (kind, every_boot) = match entity.content_type.as_str() {
            "text/x-shellscript" | "text/x-shellscript-per-once" | "text/x-shellscript-per-instance" => {
                (Some(PartKind::Script), false)
            }
            "text/x-shellscript-per-boot" => (Some(PartKind::Script), true),
            "text/cloud-config" => (Some(PartKind::CloudConfig), false),
            "text/cloud-boothook" => (Some(PartKind::Boothook), true),
            "text/x-include-url" | "text/x-include-once-url" => (Some(PartKind::Include), false),
            "text/part-handler" | "text/upstart-job" | "text/cloud-config-jsonp" => (Some(PartKind::Extension), false),
            // The others say what they are by how they begin.
            _ => (None, false),
        };
        let detected = detect(entity.body.as_str());
        match (kind, detected) {
            // What is said to be a script is one only when it begins as one.
            (
                Some(PartKind::Script),
                Detected::Part(PartKind::CloudConfig | PartKind::Boothook | PartKind::Include),
            ) if !every_boot => {
                self.collect(&entity.body, nesting);
            }
            (Some(kind), Detected::Template) => self.collect_template(&entity.body, Some(kind)),
            (Some(kind), _) => self.parts.push(Part::new(kind, entity.body)),
            (None, _) => self.collect(&entity.body, nesting),
        }
        for part in self.parts.iter_mut().skip(first) {
            part.every_boot |= every_boot;
            part.name = part.name.take().or_else(|| entity.name.clone());
            part.merge_type = part.merge_type.take().or_else(|| entity.merge_type.clone());
            for other in &mut part.otherwise {
                other.every_boot |= every_boot;
                other.name.clone_from(&part.name);
                other.merge_type.clone_from(&part.merge_type);
            }
        }
    }

    /// `#cloud-config-archive`: a YAML list of contents with their types.
    fn collect_archive(&mut self, text: &Text, nesting: usize) {
        let parsed = tree::parse_text(text, self.limits);
        let items = parsed.documents.first().and_then(tree::Node::items).unwrap_or_default();
        for item in items {
            let field = |name: &str| item.get(name).and_then(tree::Node::as_str);
            let content = if item.is_mapping() { item.get("content") } else { Some(item) };
            let Some((body, _)) = content.and_then(tree::Node::as_scalar) else { continue };
            // Without a type and without a beginning that tells it, it is a configuration.
            let is_configuration = matches!(detect(body.as_str()), Detected::Part(PartKind::Other))
                && !(body.has_holes() && body.as_str().starts_with(HOLE));
            let untyped = if is_configuration { "text/cloud-config" } else { "text/plain" };
            let content_type = field("type").unwrap_or(untyped).to_ascii_lowercase();
            let name = field("filename").map(str::to_owned);
            let merge_type = field("Merge-Type").or_else(|| field("X-Merge-Type")).map(str::to_owned);
            self.collect_entity(mime::Entity { content_type, name, merge_type, body: body.clone() }, nesting);
        }
    }
}

/// What the beginning of user data tells.
enum Detected {
    Part(PartKind),
    Archive,
    Template,
    Windows,
}

fn detect(text: &str) -> Detected {
    // What comes before the first line is not known; the first line that is tells what the rest is meant to be.
    let start = text.trim_start_matches(|each: char| each.is_whitespace() || each == HOLE);
    let line = start.lines().next().unwrap_or("").to_ascii_lowercase();
    // Longer beginnings come before those that they begin with.
    let beginnings = [
        ("#!", Detected::Part(PartKind::Script)),
        ("## template: jinja", Detected::Template),
        ("#cloud-config-archive", Detected::Archive),
        ("#cloud-config-jsonp", Detected::Part(PartKind::Extension)),
        ("#cloud-config", Detected::Part(PartKind::CloudConfig)),
        ("#cloud-boothook", Detected::Part(PartKind::Boothook)),
        ("#include", Detected::Part(PartKind::Include)),
        ("#part-handler", Detected::Part(PartKind::Extension)),
        ("#upstart-job", Detected::Part(PartKind::Extension)),
    ];
    if let Some((_, detected)) = beginnings.into_iter().find(|(beginning, _)| line.starts_with(beginning)) {
        return detected;
    }
    if WINDOWS_TAGS.iter().any(|(tag, _)| element(text, tag, 0).is_some()) {
        return Detected::Windows;
    }
    let is_tasks = |line: &str| line.starts_with("tasks:");
    let is_json = start.starts_with('{') && start.contains("\"version\"") && start.contains("\"tasks\"");
    if line.starts_with("version:") && start.lines().any(is_tasks) || is_tasks(&line) || is_json {
        return Detected::Part(PartKind::LaunchTasks);
    }
    Detected::Part(PartKind::Other)
}

/// The elements that hold scripts, in the order in which they run wherever they stand.
const WINDOWS_TAGS: [(&str, PartKind); 2] = [("script", PartKind::Batch), ("powershell", PartKind::PowerShell)];

/// Where the content of the next element `<tag>…</tag>` stands, and where the element ends.
fn element(source: &str, tag: &str, from: usize) -> Option<(Range<usize>, usize)> {
    let find = |needle: &str, from: usize| {
        let rest = source.as_bytes().get(from..)?;
        let at = rest.windows(needle.len()).position(|bytes| bytes.eq_ignore_ascii_case(needle.as_bytes()))?;
        Some(from + at)
    };
    let start = find(&format!("<{tag}>"), from)? + tag.len() + 2;
    let end = find(&format!("</{tag}>"), start)?;
    Some((start..end, end + tag.len() + 3))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;
    use crate::source::{FileId, PieceKind, SourceFile};

    fn parts_of(source: &str) -> (SourceFile, Vec<Part>) {
        let file = SourceFile::new(FileId(0), "data", source.into());
        let text = Text::verbatim(source, file.span(0..source.len()));
        let parts = parse(&text, &Limits::default());
        (file, parts)
    }

    fn kinds(source: &str) -> Vec<(PartKind, String)> {
        parts_of(source).1.into_iter().map(|part| (part.kind, part.text.as_str().to_owned())).collect()
    }

    #[test]
    fn the_first_line_tells_what_user_data_is() {
        let cases = [
            ("#!/bin/bash\nx", PartKind::Script),
            ("\n #!/bin/sh\nx", PartKind::Script),
            ("#cloud-config\nruncmd: []", PartKind::CloudConfig),
            ("#cloud-boothook\n#!/bin/sh\nx", PartKind::Boothook),
            ("#include\nhttps://x", PartKind::Include),
            ("#include-once https://x", PartKind::Include),
            ("version: 1.0\ntasks:\n- task: x", PartKind::LaunchTasks),
            ("hello", PartKind::Other),
        ];
        for (source, kind) in cases {
            assert_eq!(kinds(source), [(kind, source.to_owned())]);
        }
        assert_eq!(kinds(" \n"), []);
    }

    #[test]
    fn windows_scripts_run_before_powershell_wherever_they_stand() {
        let source = "<powershell>\r\na\r\n</powershell>\n<persist>True</persist><SCRIPT>b</Script><script>c";
        assert_eq!(kinds(source), [(PartKind::Batch, "b".to_owned()), (PartKind::PowerShell, "\r\na\r\n".to_owned())]);
        assert!(parts_of(source).1.iter().all(|part| part.every_boot));
        assert!(!parts_of("<powershell>a</powershell>").1[0].every_boot);
    }

    const MULTIPART: &str = "Content-Type: multipart/mixed;\r\n boundary=\"==B==\"\r\nMIME-Version: 1.0\r\n\r\npreamble\r\n\
        --==B==\r\nContent-Type: text/cloud-config; charset=\"us-ascii\"\r\n\r\nruncmd: [a]\r\n\
        --==B==\r\nContent-Disposition: attachment; filename=\"b.sh\"\r\nContent-Type: text/x-shellscript-per-boot\r\n\
        \r\n#!/bin/sh\nb\n\r\n--==B==\r\n\r\n#cloud-boothook\nc\r\n--==B==--\r\nepilogue";

    #[test]
    fn a_multipart_archive_has_parts_in_order() {
        let (file, parts) = parts_of(MULTIPART);
        let found: Vec<_> = parts.iter().map(|part| (part.kind, part.text.as_str(), part.every_boot)).collect();
        assert_eq!(
            found,
            [
                (PartKind::CloudConfig, "runcmd: [a]", false),
                (PartKind::Script, "#!/bin/sh\nb\n", true),
                (PartKind::Boothook, "#cloud-boothook\nc", true),
            ]
        );
        assert_eq!(parts[1].name.as_deref(), Some("b.sh"));
        let (piece, span) = parts[1].text.origin_of(10).unwrap();
        assert_eq!((piece.kind.clone(), file.slice(span)), (PieceKind::Verbatim, "b"));
    }

    #[test]
    fn quoted_printable_is_seen_through() {
        let source = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n--x\nContent-Transfer-Encoding: \
             Quoted-Printable\n\n#!/bin/sh\nA=3D\"=C3=A9\" b =\nc=\n\n--x--\n";
        let (file, parts) = parts_of(source);
        assert_eq!(parts[0].text.as_str(), "#!/bin/sh\nA=\"\u{e9}\" b c");
        let (piece, span) = parts[0].text.origin_of(11).unwrap();
        assert_eq!((piece.kind.clone(), file.slice(span)), (PieceKind::Encoded, "=3D"));
        assert_eq!(kinds(&source.replace("=C3", "=ZZ"))[0].1, "#!/bin/sh\nA=\"=ZZ\u{fffc}\" b c");
    }

    #[test]
    fn an_archive_that_is_not_closed_still_has_its_parts() {
        let open = MULTIPART.split("\r\n--==B==--").next().unwrap();
        assert_eq!(kinds(open).len(), 3);
        assert_eq!(kinds(&MULTIPART.replace("boundary=\"==B==\"", "x")).len(), 0, "nothing separates its parts");
    }

    #[test]
    fn parts_may_be_encoded_and_nested() {
        let inner = STANDARD.encode(MULTIPART);
        let source = format!(
            "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: multipart/mixed; \
             boundary=y\n\n--y\n\n#!/bin/sh\na\n--y--\n--x\nContent-Transfer-Encoding: base64\n\n{inner}\n--x--\n"
        );
        let (file, parts) = parts_of(&source);
        let found: Vec<_> = parts.iter().map(|part| part.kind).collect();
        assert_eq!(found, [PartKind::Script, PartKind::CloudConfig, PartKind::Script, PartKind::Boothook]);
        let (piece, span) = parts[2].text.origin_of(0).unwrap();
        assert_eq!((piece.kind.clone(), file.slice(span).trim_end()), (PieceKind::Encoded, inner.as_str()));
    }

    #[test]
    fn base64_is_seen_through_compressed_or_not() {
        use std::io::Write as _;
        let script = "#!/bin/sh\niptables -P OUTPUT DROP\n";
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(script.as_bytes()).unwrap();
        for encoded in [STANDARD.encode(script), STANDARD.encode(gzip.finish().unwrap())] {
            assert_eq!(kinds(&encoded), [(PartKind::Script, script.to_owned())]);
        }
        assert_eq!(kinds("abcdefghijklmnop")[0].0, PartKind::Other, "not everything in the alphabet is encoded");
    }

    #[test]
    fn no_more_is_decoded_than_the_limit_allows() {
        let script = "#!/bin/sh\nabcdefgh";
        let (file, _) = parts_of("encoded");
        let text = Text::encoded(STANDARD.encode(script), file.span(0..7));
        let kind = |text_bytes| parse(&text, &Limits { text_bytes, ..Limits::default() })[0].kind;
        assert_eq!(kind(script.len()), PartKind::Script);
        assert_eq!(kind(script.len() - 1), PartKind::Other);
    }

    #[test]
    fn what_the_evaluation_decoded_is_taken() {
        let (file, _) = parts_of("encoded");
        let span = file.span(0..7);
        let text = Text::hole(span, "compressed").with_decoded(Text::encoded("#!/bin/sh\na", span));
        assert_eq!(parse(&text, &Limits::default())[0].kind, PartKind::Script);
    }

    #[test]
    fn template_expressions_become_holes() {
        let (file, parts) = parts_of("## template: jinja\n#cloud-config\nruncmd: [\"{{ ds.x }}\"]\n{# y #}{{ z }}");
        assert_eq!(parts[0].kind, PartKind::CloudConfig);
        assert_eq!(parts[0].text.as_str(), "#cloud-config\nruncmd: [\"\u{fffc}\"]\n\u{fffc}");
        let (_, span) = parts[0].text.origin_of(25).unwrap();
        assert_eq!(file.slice(span), "{{ ds.x }}");
    }

    #[test]
    fn a_template_with_conditions_is_one_part_with_several_texts() {
        let source =
            "## template: jinja\n{% if a == 'b' %}\n#cloud-config\nruncmd: [c]\n{% else %}\n#!/bin/sh\nd\n{% endif %}";
        let (file, parts) = parts_of(source);
        assert_eq!(parts.len(), 1);
        let ways: Vec<_> = parts[0].ways().map(|way| (way.kind, way.text.as_str())).collect();
        let expected = [(PartKind::CloudConfig, "#cloud-config\nruncmd: [c]\n"), (PartKind::Script, "#!/bin/sh\nd\n")];
        assert_eq!(ways, expected);
        let decision = &parts[0].otherwise[0].decisions[0];
        assert_eq!((file.slice(decision.span), decision.holds), ("a == 'b'", false));
        assert_eq!(kinds("## template: jinja\n#cloud-config-archive\n- '#!/bin/sh'\n")[0].0, PartKind::Other);
        assert_eq!(kinds("## template: jinja\n#cloud-config\n{% if a %}")[0].0, PartKind::Other);
    }

    #[test]
    fn what_is_said_to_be_a_script_may_begin_as_something_else() {
        let part = |kind: &str, body: &str| {
            format!(
                "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: {kind}\n\n{body}\n--x--\n"
            )
        };
        for (kind, body, expected) in [
            ("text/x-shellscript", "#cloud-config\na: b", PartKind::CloudConfig),
            ("text/x-shellscript", "echo", PartKind::Script),
            ("text/x-shellscript; charset=\"utf-8\"", "#!/bin/sh", PartKind::Script),
            ("text/jinja2", "## template: jinja\n#!/bin/sh", PartKind::Script),
            ("text/part-handler", "#part-handler\nx", PartKind::Extension),
            ("text/plain", "#upstart-job\nx", PartKind::Extension),
            ("text/cloud-config-jsonp", "[]", PartKind::Extension),
            ("text/plain", "{\"version\": \"1.1\", \"tasks\": []}", PartKind::LaunchTasks),
        ] {
            assert_eq!(kinds(&part(kind, body))[0].0, expected, "{kind} {body}");
        }
        assert_eq!(kinds("#cloud-config-archive\n- 'a: b'\n")[0].0, PartKind::CloudConfig);
    }

    #[test]
    fn an_archive_in_yaml_has_parts() {
        let source = "#cloud-config-archive\n- type: text/x-shellscript\n  filename: a.sh\n  content: |\n    #!/bin/sh\n    a\n\
                      - |\n  #cloud-config\n  b: 1\n";
        let (_, parts) = parts_of(source);
        assert_eq!(parts.iter().map(|part| part.kind).collect::<Vec<_>>(), [PartKind::Script, PartKind::CloudConfig]);
        assert_eq!((parts[0].text.as_str(), parts[0].name.as_deref()), ("#!/bin/sh\na\n", Some("a.sh")));
    }

    #[test]
    fn a_script_after_an_unknown_part_is_still_seen() {
        let (file, _) = parts_of("${a}\n#!/bin/sh\nb");
        let mut text = Text::hole(file.span(0..4), "not given");
        assert_eq!(parse(&text, &Limits::default())[0].kind, PartKind::Other);
        text.push_verbatim("\n#!/bin/sh\nb", file.span(4..16));
        assert_eq!(parse(&text, &Limits::default())[0].kind, PartKind::Script);
    }

    proptest! {
        #[test]
        fn whatever_is_taken_apart_keeps_its_bytes(fragments in prop::collection::vec(0..FRAGMENTS.len(), 0..24)) {
            let source: String = fragments.iter().map(|index| FRAGMENTS[*index]).collect();
            let (file, parts) = parts_of(&source);
            for part in parts {
                let mut at = 0;
                for piece in part.text.pieces() {
                    let value = &part.text.as_str()[at..at + piece.length];
                    at += piece.length;
                    prop_assert!(piece.kind != PieceKind::Verbatim || value == file.slice(piece.span));
                }
            }
        }
    }

    const FRAGMENTS: [&str; 26] = [
        "MIME-Version: 1.0\n",
        "Content-Type: multipart/mixed; boundary=x\n",
        "\n",
        "\r\n",
        "--x\n",
        "--x--",
        " boundary=x",
        "Content-Type: text/plain\n",
        "Content-Transfer-Encoding: base64\n",
        "Content-Transfer-Encoding: quoted-printable\n",
        "a=3D=C3=A9=\n=",
        "IyEvYmluL3NoCmE=",
        "#!/bin/sh\n",
        "#cloud-config\n",
        "#cloud-config-archive\n",
        "- content: |\n   #!/bin/sh\n",
        "## template: jinja\n",
        "{{ a }}",
        "{%",
        "{# \u{e9} #}",
        "<powershell>",
        "</powershell>",
        "<SCRIPT>\u{1f600}</script>",
        "<persist>true</persist>",
        ": ",
        "#include\n",
    ];

    #[test]
    fn archives_in_archives_end() {
        let mut source = "#!/bin/sh\n".to_owned();
        for level in 0..NESTING * 2 {
            source = format!(
                "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n{source}\n--b{level}--\n"
            );
        }
        assert_eq!(kinds(&source), []);
    }
}
