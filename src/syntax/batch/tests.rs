//! Scripts and their expected forms; what holds for any script.

use proptest::prelude::*;

use super::*;
use crate::source::{FileId, SourceFile};
use crate::syntax::script::print;
use crate::syntax::script::visit::{check_texts, text_with_hole};

fn parsed(source: &str) -> (SourceFile, Script, Vec<Comment>) {
    let file = SourceFile::new(FileId(0), "a.cmd", source.into());
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
        ("@netsh add name=\"a b\" c=%D% x\r\n", "netsh add name=\"a b\" c=${d} x"),
        ("a ^\r\n b ^& c %% %1 %* \"\"", "a b & c % ${1} ${@} \"\""),
        ("a \"%X:~0,1%\" %~dp0b !y!", "a \"<?>\" <?>b ${y}"),
        ("a > b.txt 2>&1 2> NUL", "a >b.txt 2>\"/dev/null\""),
    ]);
}

#[test]
fn statements_have_their_forms() {
    check(&[
        ("set A=b c & set \"D=e & f\"\r\nset /p x=?", "a=b c ; d=\"e & f\"; x=\"<?>\""),
        ("a && b || c & d | e", "a && b || c; (d | e)"),
        ("(a\r\n b) > c", "{a; b} >c"),
        ("if /i not \"%A%\"==\"b\" (c) else d", "if[!(\"[[\" \"${a}\" \"-eq\" \"b\" \"]]\") => c else d]"),
        ("if %ERRORLEVEL% neq 0 x", "if[\"[[\" ${?} \"-ne\" 0 \"]]\" => x]"),
        ("if not errorlevel 1 x", "if[!(\"[[\" \"${?}\" \"-ge\" 1 \"]]\") => x]"),
        ("if exist x y", "if[\"[[\" \"-e\" x \"]]\" => y]"),
        ("if defined x y", "if[\"[[\" \"<?>\" \"]]\" => y]"),
        ("for %%I in (a b) do c %%i", "for[%i in a b => c ${%i}]"),
        ("for /f %%i in ('x') do c", "for[%i in \"<?>\" => c]"),
    ]);
}

#[test]
fn a_script_that_jumps_is_unknown_and_its_commands_are_seen() {
    check(&[
        ("if a==b goto end\r\nnetsh x\r\n:end\r\n", "unknown<goto end; netsh x>"),
        ("a\r\ngoto :eof", "a; goto :eof"),
    ]);
}

#[test]
fn comments_are_kept_with_their_places() {
    let (file, _, comments) = parsed("@REM one\r\na & rem two\r\n:: three\r\necho rem\r\n");
    let found: Vec<_> = comments.iter().map(|each| (file.slice(each.span), each.text.as_str(), each.alone)).collect();
    assert_eq!(found, [("REM one", " one", true), ("rem two", " two", false), (":: three", " three", true)]);
}

#[test]
fn commands_have_their_spans() {
    let (file, script, _) = parsed("echo a\r\n  netsh b ^\r\n  c & d\r\n");
    let found: Vec<_> = script.statements.iter().map(|each| file.slice(each.span)).collect();
    assert_eq!(found, ["echo a", "netsh b ^\r\n  c", "d"]);
}

#[test]
fn a_script_that_is_too_long_is_a_problem() {
    let file = SourceFile::new(FileId(0), "a.cmd", "abc".into());
    let text = Text::verbatim("abc", file.span(0..3));
    let parse_within = |script_bytes| parse(&text, &Limits { script_bytes, ..Limits::default() });
    assert_eq!(parse_within(3).2, []);
    assert_eq!(parse_within(2).2[0].code, ProblemCode::Limit);
}

const FRAGMENTS: [&str; 37] = [
    "netsh", "set ", "set \"", "a=", "%A%", "%%i", "%~1", "!b!", "(", ")", "\"", "^", "^\r\n", "\r\n", "\n", "\n", " ",
    " ", "&", "&&", "||", "|", ">", "2>&1", "<", "if ", "not ", "exist ", "==", "else ", "for ", "in (", "do ",
    "rem x", "::", "é", "\u{fffc}",
];

fn holds(source: &str) {
    let (file, text) = text_with_hole(source);
    let (script, comments, _) = parse(&text, &Limits::default());
    check_texts(&script, &file, &|_| true);
    for comment in comments {
        assert!(file.slice(comment.span).contains(&comment.text));
    }
}

const MODEL: &str = r#"@echo off
rem Nobody asks.
setlocal & set "IP=169.254.169.254" & set /p N=?
if /i not "%IP%"=="é" (
  for %%i in (a b) do netsh advfirewall firewall add rule name="x %%i" dir=out ^
    action=block remoteip=%IP%,!N! > nul 2>&1
) else echo %~1 %X:a=b% %% & exit /b 1
:: end
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
    for case in ["(", ")", "if a==b (", "if a==b ", "\"", "^", "%", "!", "a|", "a&&", "for %%i in (", "set a=\"", "\n"]
    {
        // Whoever makes one of these take time in proportion to the square of its length waits for minutes here.
        let source = case.repeat(40_000 / case.len());
        holds(&source);
    }
}
