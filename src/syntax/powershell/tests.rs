//! Scripts and their expected forms; what holds for any script.

use proptest::prelude::*;

use super::*;
use crate::source::{FileId, SourceFile};
use crate::syntax::script::print;
use crate::syntax::script::visit::{check_texts, text_with_hole};

fn parsed(source: &str) -> (SourceFile, Script, Vec<Comment>) {
    let file = SourceFile::new(FileId(0), "a.ps1", source.into());
    let text = Text::verbatim(source, file.span(0..source.len()));
    let (script, comments, problems) = parse(&text, &Limits::default());
    assert_eq!(problems, []);
    (file, script, comments)
}

fn form(source: &str) -> String {
    print::script(&parsed(source).1)
}

#[track_caller]
fn check(cases: &[(&str, &str)]) {
    print::check(form, cases);
}

#[test]
fn words_keep_their_quotes_and_expansions() {
    check(&[
        ("netsh add name=\"a b\" c=$D x", "\"netsh\" \"add\" \"name=a b\" \"c=\"\"${d}\" \"x\""),
        ("a 'it''s' \"say \"\"x\"\"\" \"\" ''", "\"a\" \"it's\" \"say \"x\"\" \"\" \"\""),
        ("a \"$x.y $($z) ${A b} `$n`t\" $x", "\"a\" \"${x}\"\".y \"${z}\" \"\"${a b}\"\" $n\t\" ${x}"),
        ("a `\n -B:$false -C x, \"y\" ,z", "\"a\" \"-B:\"\"False\" \"-C\" \"x\"\",\"\"y\"\",\"\"z\""),
        (
            "a @p ($x) (b c) $(d) @('e', 'f') { g $_ }",
            "\"a\" \"${p other @}\" ${x} \"$(\"b\" \"c\")\" \"$(\"d\")\" \"e\"\",\"\"f\" \"{ g $_ }\"",
        ),
        ("& 'C:\\a b.exe' --% \"x y\" $z", "\"C:\\a b.exe\" \"x y\" \"$z\""),
        ("a $env:Temp\\b $script:c $null", "\"a\" ${env:temp}\"\\b\" ${c} "),
        ("a > b.txt 2> $null 2>&1", "\"a\" >\"b.txt\" 2>\"/dev/null\""),
        (
            "a $b\\c -D e/${f}g 'h'; 1..3 | %{ i }",
            "\"a\" ${b}\"\\c\" \"-D\" \"e/\"\"${f}\"\"g\" \"h\"; (\"Write-Output\" \"{1..3..1/0}\" | \"%\" \"{ i }\")",
        ),
        ("a @'\nx $y\n'@", "\"a\" \"x $y\""),
    ]);
}

#[test]
fn statements_have_their_forms() {
    check(&[
        ("$a = 1; $B += 'x'\n$c = b d | e", "a=\"1\"; b+=\"x\"; c=\"$((\"b\" \"d\" | \"e\"))\""),
        ("$a = 'x', $y\n$b = @{ C = 'd'; 'e f' = $g }", "a=(\"x\" \"${y}\"); b=([\"C\"]=\"d\" [\"e f\"]=${g})"),
        ("$a = 'x' + $b + 'y'; $c = 1 + 2; $i++", "a=\"x\"\"${b}\"\"y\"; c=\"<?>\"; i=\"$((i + 1))\""),
        ("'a', 'b' | c", "(\"Write-Output\" \"a\" \"b\" | \"c\")"),
        (
            "if ($a -and !($b -EQ 'c')) { d } elseif (e) { f } else { g }",
            "if[\"[[\" ${a} \"]]\" && !(\"[[\" ${b} \"-eq\" \"c\" \"]]\") => \"d\" elif \"[[\" \"$(\"e\")\" \"]]\" => \"f\" else \"g\"]",
        ),
        ("foreach ($x in $y) { a }", "for[x in \"${y[\"@\"]}\" => \"a\"]"),
        ("while ($true) { break }", "while[\"[[\" True \"]]\" => \"break\"]"),
        ("do { a } until ($b)", "{\"a\"; until[\"[[\" ${b} \"]]\" => \"a\"]}"),
        (
            "function Foo($a, $B = 1) { return $a }",
            "function foo {\"param\" a= b=\"1\"; {\"Write-Output\" ${a}; \"return\"}}",
        ),
        ("param([Parameter(Mandatory)][string]$A)\nb", "\"param\" a=; \"b\""),
        ("try { a } catch { b } finally { c }", "{{\"a\"} || {\"b\"}; \"c\"}"),
        ("$x.Download('a', $b)", "\".Download\" ${x} \"a\" ${b}"),
        ("[Net.X]::Y = 1", "[net.x]::y=\"1\""),
        ("a && b || c", "\"a\" && \"b\" || \"c\""),
    ]);
}

#[test]
fn what_has_no_counterpart_is_unknown_and_its_commands_are_seen() {
    check(&[
        ("switch ($a) { 'b' { c d } }", "unknown<\"switch\"; ${a}; \"b\"; \"c\" \"d\">"),
        ("a\nif ($x { netsh y }\nb", "\"a\"; unknown<\"if\"; ${x}; \"netsh\" \"y\"; \"b\">"),
    ]);
}

#[test]
fn comments_are_kept_with_their_places() {
    let (file, _, comments) = parsed("# one\na # two\n<# three\n#>\n'# none'\n");
    let found: Vec<_> = comments.iter().map(|each| (file.slice(each.span), each.text.as_str(), each.alone)).collect();
    assert_eq!(found, [("# one", " one", true), ("# two", " two", false), ("<# three\n#>", " three\n", true)]);
}

#[test]
fn parts_that_are_not_known_are_holes() {
    let file = SourceFile::new(FileId(0), "a.ps1", "a ${x} b\n${y}\n".into());
    let mut text = Text::verbatim("a ", file.span(0..2));
    text.push_text(&Text::hole(file.span(2..6), "unknown"));
    text.push_verbatim(" \"b", file.span(6..8));
    text.push_text(&Text::hole(file.span(2..6), "unknown"));
    text.push_verbatim("\"\n", file.span(8..9));
    let (script, _, _) = parse(&text, &Limits::default());
    assert_eq!(print::script(&script), "\"a\" \"<?>\" \"b\"\"<?>\"");
    let StatementKind::Command(command) = &script.statements[0].kind else { panic!() };
    assert_eq!(file.slice(command.words[1].span), "${x}");
}

#[test]
fn a_script_that_is_too_long_is_a_problem() {
    let file = SourceFile::new(FileId(0), "a.ps1", "abc".into());
    let text = Text::verbatim("abc", file.span(0..3));
    let parse_within = |powershell_bytes| parse(&text, &Limits { powershell_bytes, ..Limits::default() });
    assert_eq!(parse_within(3).2, []);
    assert_eq!(parse_within(2).2[0].code, ProblemCode::Limit);
    assert_eq!(parse_within(2).0.statements, []);
}

const FRAGMENTS: [&str; 58] = [
    "netsh",
    "New-NetFirewallRule",
    "-Name",
    "-X:",
    "$a",
    "${b",
    "$(",
    "@(",
    "@{",
    "@p",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    "`",
    "`\n",
    "\n",
    "\n",
    " ",
    " ",
    ";",
    "|",
    "&",
    "&&",
    "||",
    ",",
    "=",
    "+=",
    "++",
    ".",
    "::",
    "..",
    "#",
    "<#",
    "#>",
    "@\"\n",
    "\n\"@",
    "@'\n",
    "\n'@",
    ">",
    "2>&1",
    "--%",
    "if (",
    "elseif",
    "else {",
    "foreach ($x in ",
    "function f {",
    "try {",
    "catch {",
    "param(",
    "-eq",
    "1",
    "é",
    "\u{fffc}",
];

fn holds(source: &str) {
    let (file, text) = text_with_hole(source);
    let (script, comments, _) = parse(&text, &Limits::default());
    check_texts(&script, &file, &|_| true);
    for comment in comments {
        assert!(file.slice(comment.span).contains(&comment.text));
    }
}

const MODEL: &str = r#"# Nobody asks.
param([string]$Ip = '169.254.169.254', [switch]$Force)
$rules = @{ DisplayName = "Block $Ip"; RemoteAddress = $Ip, "10.0.$(1 + 1).1" }
foreach ($r in @('a', "b")) { New-NetFirewallRule @rules -Direction:Outbound `
  -Action Block -Group $r\x | Out-Null }
try { & "C:\a b.exe" --x=$Ip *> $null } catch { throw "e" } finally { $i++ }
if (!(Test-Path "$env:TEMP\a") -and $Ip -ne 'b') { "é" | Set-Content x } else { exit 1 }
Set-Content y @"
a ${Ip} `t
"@
"#;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn scripts_of_random_fragments_keep_their_bytes(picks in prop::collection::vec(0..FRAGMENTS.len(), 0..40)) {
        holds(&picks.into_iter().map(|pick| FRAGMENTS[pick]).collect::<String>());
    }

    #[test]
    fn a_script_cut_or_spoilt_anywhere_keeps_its_bytes(
        at in 0..MODEL.len(), length in 0..20_usize, fragment in 0..FRAGMENTS.len(),
    ) {
        let boundary = |mut at: usize| { while !MODEL.is_char_boundary(at) { at -= 1 } at };
        let (start, end) = (boundary(at), boundary((at + length).min(MODEL.len())));
        holds(&MODEL[..start]);
        holds(&format!("{}{}{}", &MODEL[..start], FRAGMENTS[fragment], &MODEL[end..]));
    }
}

#[test]
fn scripts_made_to_be_slow_keep_their_bytes() {
    let cases =
        ["(", "{", "$(", "\"$(", "@{a=", "if ($a) {", "a | ", "`", "'", "\"", "a,", "!", "@\"\n", "-not (", "$a."];
    for case in cases {
        // Whoever makes one of these take time in proportion to the square of its length waits for minutes here.
        let source = case.repeat(20_000 / case.len());
        holds(&source);
    }
}
