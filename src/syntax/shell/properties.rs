//! What holds for any script, however broken: no panic, and every byte of a literal is where it says it is.

use proptest::prelude::*;

use super::parse;
use crate::source::Limits;
use crate::syntax::script::visit::{check_texts, text_with_hole};

/// Pieces of which scripts are made, well and badly.
const FRAGMENTS: [&str; 66] = [
    "iptables",
    "-d 169.254.169.254",
    "\"$a\"",
    "'b c'",
    "\n",
    "\n",
    " ",
    " ",
    ";",
    "&",
    "&&",
    "||",
    "|",
    "(",
    ")",
    "{",
    "}",
    "((",
    "))",
    "[[",
    "]]",
    "[",
    "]",
    "if",
    "then",
    "elif",
    "else",
    "fi",
    "while",
    "do",
    "done",
    "for x in",
    "case",
    " in",
    "esac",
    ";;",
    "f()",
    "function g",
    "<<EOF",
    "<<-'E'",
    "\nEOF\n",
    "\n\tE\n",
    "<",
    ">",
    "2>&1",
    "&>",
    "<<<",
    "<(",
    ">(",
    "$(",
    "`",
    "$((",
    "${",
    "${x:-",
    "${x//",
    "a=",
    "a=(",
    "\\",
    "\"",
    "'",
    "$'",
    "#",
    "!",
    "{1..3}",
    "\u{fffc}",
    "\u{1f600}\r\n",
];

fn check(source: &str) {
    let (file, text) = text_with_hole(source);
    let (script, comments, _) = parse(&text, &Limits::default());
    // Only escapes are encoded.
    check_texts(&script, &file, &|written| written.starts_with('\\'));
    for comment in comments {
        // Backquotes take backslashes from comments too.
        assert_eq!(file.slice(comment.span).replace('\\', ""), format!("#{}", comment.text).replace('\\', ""));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn scripts_of_random_fragments_keep_their_bytes(
        fragments in prop::collection::vec((0..FRAGMENTS.len(), any::<bool>()), 0..40),
    ) {
        let source = fragments.iter().fold(String::new(), |source, (index, spaced)| {
            source + FRAGMENTS[*index] + if *spaced { " " } else { "" }
        });
        check(&source);
    }

    #[test]
    fn a_script_cut_or_spoilt_anywhere_keeps_its_bytes(
        at in 0..MODEL.len(), length in 0..20_usize, fragment in 0..FRAGMENTS.len(),
    ) {
        let boundary = |mut at: usize| { while !MODEL.is_char_boundary(at) { at -= 1 } at };
        let (start, end) = (boundary(at), boundary((at + length).min(MODEL.len())));
        check(&MODEL[..start]);
        check(&format!("{}{}{}", &MODEL[..start], FRAGMENTS[fragment], &MODEL[end..]));
    }
}

/// Lines with a simple command each, or none.
const PLAIN: [&str; 14] = [
    "iptables -A OUTPUT -d 169.254.169.254 -j 'DR OP' # no",
    "! a b",
    "  !  a\t",
    "a=1 b=2 c",
    "a=1",
    "echo $(ls; ls | wc) `date` <(x)",
    "# only said",
    "",
    "cat <<E >a 2>&1\n if x; then\nE",
    "x \\\n  y",
    "\"a\n; b\" c",
    "> a",
    "echo \u{fffc}",
    "_",
];

proptest! {
    #[test]
    fn plain_scripts_are_what_the_grammar_makes_of_them(lines in prop::collection::vec(0..PLAIN.len(), 0..8)) {
        let source = lines.iter().fold(String::new(), |source, line| source + PLAIN[*line] + "\n");
        // What the grammar is shown for this is more than simple commands.
        let structured = format!("{source}{{ :; }}\n");
        let statements = |source: &str| parse(&text_with_hole(source).1, &Limits::default()).0.statements;
        let mut expected = statements(&structured);
        expected.pop();
        prop_assert_eq!(statements(&source), expected);
    }
}

const MODEL: &str = r#"#!/bin/bash -xe
# Nobody but root asks.
readonly IMDS="${1:-169.254.169.254}" é=1
block() { local a=$1; shift; iptables -A OUTPUT -d "$a" "$@" -j DROP || return 1; }
for a in ${IMDS} 10.0.{1..3}.1; do [[ $a =~ ^(1|2) ]] && block "$a" -m owner ! --uid-owner root; done
cat <<EOF | sudo tee /etc/iptables.rules >/dev/null
*filter
-A OUTPUT -d $IMDS -j DROP $(case $(uname) in Linux) echo 'x)';; esac)
EOF
while read -r l; do echo `date \`x\``; done < <(ls "$(dirname "$0")")
if [ -f /x ]; then curl -s https://x | sh; elif ((a > 1)); then a=(1 "2 3"); else echo $'a\tb'; fi
"#;

#[test]
fn hostile_scripts_keep_their_bytes() {
    // Whoever makes one of these take time in proportion to the square of its length waits for minutes here.
    let size = 40_000;
    let nested = |open: &str, close: &str| format!("{}x{}", open.repeat(size / 20), close.repeat(size / 20));
    let scripts = [
        "x ".repeat(size / 2),
        "$(".repeat(size / 2),
        "((".repeat(size / 2),
        "$((".repeat(size / 3),
        "{".repeat(size),
        "{ ".repeat(size / 2),
        "if ".repeat(size / 3),
        "`".repeat(size + 1),
        "\"$(".repeat(size / 3),
        "${x:-".repeat(size / 5),
        "a|".repeat(size / 2),
        "a|".repeat(450),
        "a|".repeat(450) + ")",
        "a && ".repeat(160) + "(",
        "a b\n".repeat(size / 5) + ") fi",
        "{ a; } | ".repeat(250),
        "a <f ".repeat(size / 5) + ")",
        "{ a; } <f".to_owned() + &" <f".repeat(size / 5) + ")",
        "for x in ".to_owned() + &"a ".repeat(size / 5) + ")",
        "if a; then b; fi\n".repeat(size / 20) + "esac )",
        "f() { ".repeat(size / 20),
        "a && ".repeat(size / 5),
        "case x in ".repeat(size / 10),
        "<<A ".repeat(size / 4),
        "a 'x\n".repeat(size / 5),
        "a=(".repeat(size / 3),
        "[[ ".repeat(size / 3),
        ") ".repeat(size / 2),
        nested("$(", ")"),
        nested("(", ")"),
        nested("( ", " )"),
        nested("{a,", "}"),
        nested("${x:-", "}"),
        nested("if x; then ", "; fi"),
        nested("\"$(", ")\""),
    ];
    for script in scripts {
        check(&script);
    }
}
