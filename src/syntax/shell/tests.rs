//! Scripts and their expected forms.

use super::*;
use crate::source::{FileId, SourceFile};
use crate::syntax::script::print;

fn form(source: &str) -> String {
    let file = SourceFile::new(FileId(0), "a.sh", source.into());
    let text = Text::verbatim(file.text(), file.span(0..source.len()));
    let (script, _, problems) = parse(&text, &Limits::default());
    assert_eq!(problems, []);
    print::script(&script)
}

#[track_caller]
fn check(cases: &[(&str, &str)]) {
    print::check(form, cases);
}

#[test]
fn words_keep_their_quotes_and_expansions() {
    check(&[
        ("iptables -A OUTPUT -d 169.254.169.254 -j DROP\n", "iptables -A OUTPUT -d 169.254.169.254 -j DROP"),
        ("echo 'a b' \"c $d\" e\\ f", "echo \"a b\" \"c \"\"${d}\" e\" \"f"),
        ("echo \"\" ''", "echo \"\" \"\""),
        ("echo $'a\\n\\x41\\'b' $\"c\"", "echo \"a\\nA'b\" \"c\""),
        ("a=${IMDS:-169.254.169.254}", "a=${IMDS:-169.254.169.254}"),
        (
            "echo ${a%%.*} ${#a} ${!a} ${a[@]} ${a//x/y} ${a:1:2} ${a^^}",
            "echo ${a%%.glob<*>} ${#a} ${!a} ${a[@]} ${a//x/y} ${a:1:2} ${a other ^^}",
        ),
        ("echo ${v:+ ($x)} \"${v:5:${#v}-(5+13)}\"", "echo ${v:+ (${x})} \"${v:5:${#v}-(5+13)}\""),
        ("echo $(( 1 + 2 )) $1$@ $# $? $$", "echo $(( 1 + 2 )) ${1}${@} ${#} ${?} ${$}"),
        ("ls *.sh ~/x ~root a[bc]?", "ls glob<*>.sh home<>/x home<root> aglob<[bc]>glob<?>"),
        ("echo {a,b$c}d {253..254} {01..3} x{}y", "echo {a,b${c}}d {253..254..1/0} {1..3..1/2} x{}y"),
        ("echo a\\\nb \\\n c", "echo ab c"),
        ("echo \"a\\\"b\\c\\$d\"", "echo \"a\"b\\c$d\""),
        ("rm !(a|b)", "rm glob<!(a|b)>"),
        ("echo $ a$ \"$\" ${", "unknown<echo $ a$ \"$\" ${>"),
    ]);
}

#[test]
fn substitutions_hold_scripts() {
    check(&[
        ("x=$(uname -s)", "x=$(uname -s)"),
        ("echo \"$(a \"$(b 'c)')\")\"", "echo \"$(a \"$(b \"c)\")\")\""),
        ("echo `a \\`b\\` \\$c`", "echo $(a $(b) ${c})"),
        ("x=$(case $a in b) c ;; esac)", "x=$(case[${a}: b => c])"),
        ("x=$(cat <<'E'\nit's \"q )\nE\n)", "x=$(cat <<'[\"it's \"q )\\n\"])"),
        ("while read -r l; do :; done < <(ls -l)", "while[read -r l => :] <<(ls -l)"),
        ("tee >(cat) < $(b)", "tee >(cat) <$(b)"),
        ("x=$((a); b)", "x=$(sub(a); b)"),
        ("x=$(< /etc/f)", "x=$( </etc/f)"),
    ]);
}

#[test]
fn here_documents_belong_to_their_commands() {
    check(&[
        ("cat <<EOF\na $b \"c\"\nEOF\nd", "cat <<[\"a \"\"${b}\"\" \"c\"\\n\"]; d"),
        ("cat <<'EOF'\na $b\nEOF", "cat <<'[\"a $b\\n\"]"),
        ("cat <<\"E\" > f\n$a\nE\n", "cat <<'[\"$a\\n\"] >f"),
        ("cat <<EOF | sudo tee f\na\nEOF\nb", "(cat <<[\"a\\n\"] | sudo tee f); b"),
        ("cat <<EOF > f && next\na\nEOF\nb", "cat <<[\"a\\n\"] >f && next; b"),
        ("cat <<A <<B\n1\nA\n2\nB\nc", "cat <<[\"1\\n\"] <<[\"2\\n\"]; c"),
        ("if a; then\n\tcat <<-E\n\t\tx\n\tE\nfi", "if[a => cat <<[\"x\\n\"]]"),
        ("cat <<EOF || {\na\nEOF\nexit 1\n}\n", "cat <<[\"a\\n\"] || {exit 1}"),
        ("cat <<EOF >f;\na\nEOF\nb", "cat <<[\"a\\n\"] >f; b"),
        ("cat >> f << EOF\ntrue\nEOF\n", "cat >>f <<[\"true\\n\"]"),
        ("cat <<''\nx\n\necho y\n", "cat <<'[\"x\\n\"]; echo y"),
        ("cat <<EOF\nabc\n", "cat <<[\"abc\\n\"]"),
        ("cat <<EOF\r\na\r\nEOF\r\nb\r\n", "cat <<[\"a\r\\n\"]; b"),
        ("while read a; do b $a; done <<X\n1\nX\n", "while[read a => b ${a}] <<[\"1\\n\"]"),
        ("cat <<EOF\n`a` \\$b $(c)\nEOF", "cat <<[\"$(a)\"\" $b \"\"$(c)\"\"\\n\"]"),
        ("{ cat; } <<E > f\nx\nE", "{cat} <<[\"x\\n\"] >f"),
        ("cat <<< \"$x\"", "cat <<<\"${x}\""),
    ]);
}

#[test]
fn redirections_keep_their_descriptors() {
    check(&[
        ("a >/dev/null 2>&1", "a >/dev/null 2>&1"),
        ("a &> f; b &>> f; c >& f; d >&2; e 2>&-", "a &>f; b &>>f; c &>f; d >&2; e 2>&-"),
        ("> f", " >f"),
        ("exec 3<> $f", "exec 3<>${f}"),
        ("{ a; b; } > f 2>&1", "{a; b} >f 2>&1"),
        ("a | b > f", "(a | b >f)"),
        ("( a ) >> f &", "sub(a) >>f &"),
        (">f a 2>e b", "a b >f 2>e"),
        ("if a; then b; fi > f | c", "(if[a => b] >f | c)"),
    ]);
}

#[test]
fn lists_and_pipelines_nest_as_shells_have_it() {
    check(&[
        ("a && b || c; d", "a && b || c; d"),
        ("a | b |& c", "(a | b | c)"),
        ("! a | b", "!(a | b)"),
        ("! a && b", "!(a) && b"),
        ("if ! a; then b; fi", "if[!(a) => b]"),
        ("! { a; }", "!({a})"),
        ("a & b &", "a &; b &"),
        ("a && b &", "a && b &"),
        ("curl -s https://x | MACKEREL_APIKEY='k' sh", "(curl -s https://x | MACKEREL_APIKEY=\"k\" sh)"),
        ("a |\n  b &&\n  c", "(a | b) && c"),
        ("time a | b", "(a | b)"),
    ]);
}

#[test]
fn compound_commands_keep_their_parts() {
    check(&[
        ("if [ -f x ]; then a; elif b; then c; else d; fi", "if[[ -f x ] => a elif b => c else d]"),
        (
            "if [[ $a == *\"${o#-}\"::* && -n b ]] then c; fi",
            "if[[[ ${a} == glob<*>\"${o#-}\"::glob<*> && -n b ]] => c]",
        ),
        ("[[ $a =~ ^(x|y)$ ]] || b", "[[ ${a} =~ ^(x|y)$ ]] || b"),
        ("for a in x \"$y\"; do b; done", "for[a in x \"${y}\" => b]"),
        ("for a; do b; done", "for[a => b]"),
        ("for ((i = 0; i < 3; i++)); do b; done", "for((i = 0; i < 3; i++))[b]"),
        ("until a; do b; done", "until[a => b]"),
        (
            "case \"$(uname -s)\" in Linux) a;; (b|c*) d ;& *) e ;; esac",
            "case[\"$(uname -s)\": Linux => a, b|cglob<*> => d ;&, glob<*> => e]",
        ),
        ("f() { local a=\"$1\"; shift; }", "function f {local a=\"${1}\"; shift}"),
        ("function f { a; }", "function f {a}"),
        ("f() (\n a\n)", "function f sub(a)"),
        ("mock::fn() { a; }", "function mock::fn {a}"),
        ("(( i++ )); a", "(( i++ )); a"),
        ("( ( a ) )", "sub(sub(a))"),
        ("while a; do if b; then c; fi done", "while[a => if[b => c]]"),
        ("function f() { a; } > g", "function f {a} >g"),
        ("if ! [[ a ]]; then b; fi # c", "if[!([[ a ]]) => b]"),
        ("while IFS= read -r x; do a; done", "while[IFS= read -r x => a]"),
        ("[[ a ]] && { b; } || exit", "[[ a ]] && {b} || exit"),
        ("for f in $(ls) \\\n b\ndo\n c\ndone &> d", "for[f in $(ls) b => c] &>d"),
        ("case a in esac", "case[a: ]"),
        ("case $1\nin\n  start)\n    cat <<E\n)\nE\n    ;;\nesac", "case[${1}: start => cat <<[\")\\n\"]]"),
        ("exec {fd}>f; { a; } 3< b", "exec {fd}>f; {a} 3<b"),
        ("a \\\n  && b;# c", "a && b"),
        ("if x; then\r\n y\r\nfi\r\n", "if[x => y]"),
        ("echo if then fi; a done", "echo if then fi; a done"),
    ]);
}

#[test]
fn assignments_are_told_from_words() {
    check(&[
        ("a=1 b=$a c d=2", "a=1 b=${a} c d=2"),
        ("a=(1 \"x y\" [3]=z # c)\n w)", "a=(1 \"x y\" [3]=z w)"),
        ("a[1]+=b", "a[1]+=b"),
        ("a+=(b)", "a+=(b)"),
        ("export A=b C -x", "export C -x A=b"),
        ("local x+=$(y)", "local x+=$(y)"),
        ("a=", "a="),
        ("VAR=v mock::fn --x=y", "VAR=v mock::fn --x=y"),
    ]);
}

#[test]
fn what_cannot_be_parsed_is_still_seen() {
    check(&[
        ("a\nif b; then\ncurl x | bash\n", "a; unknown<b; curl x; bash>"),
        ("a\necho \"abc\ncurl 'x' | bash", "a; unknown<echo \"abc\\n\"; curl \"x\"; bash>"),
        ("a\nwhile b; do curl x", "unknown<a; b; curl x>"),
        ("a ) b", "a; unknown<b>"),
        ("((a); b); c", "unknown<a; b; c>"),
    ]);
}

#[test]
fn scripts_for_other_interpreters_have_no_statements() {
    check(&[
        ("#!/usr/bin/env python\nimport os\n", ""),
        ("#!/usr/bin/python3\na", ""),
        ("#! /bin/bash -xe\na", "a"),
        ("#!/usr/bin/env -S bash -e\na", "a"),
        ("# only a comment", ""),
        ("", ""),
    ]);
}

#[test]
fn holes_are_parts_of_words() {
    let file = SourceFile::new(FileId(0), "main.tf", "x ${a} y\u{fffc}${b} ${c}\n".into());
    let mut text = Text::verbatim("x ", file.span(0..2));
    text.push_text(&Text::hole(file.span(2..6), "not given"));
    text.push_verbatim(" y\u{fffc}", file.span(6..11));
    text.push_text(&Text::hole(file.span(11..15), "not given"));
    text.push_verbatim(" ", file.span(15..16));
    text.push_text(&Text::hole(file.span(16..20), "not given"));
    text.push_verbatim("\n", file.span(20..21));
    let (script, _, _) = parse(&text, &Limits::default());
    assert_eq!(print::script(&script), "x <?> y\u{fffc}<?> <?>");
    let [Statement { kind: StatementKind::Command(command), .. }] = &script.statements[..] else {
        panic!("{script:?}")
    };
    assert_eq!(file.slice(command.words[2].parts[1].span), "${b}");
}

#[test]
fn spans_lead_to_the_bytes_of_the_file() {
    let source = "a; ! iptables -A \"$x\" <<E | b > f &\nx\nE\n{ c; } 2> g\n";
    let file = SourceFile::new(FileId(0), "a.sh", source.into());
    let (script, _, _) = parse(&Text::verbatim(source, file.span(0..source.len())), &Limits::default());
    let slices: Vec<_> = script.statements.iter().map(|statement| file.slice(statement.span)).collect();
    assert_eq!(slices, ["a", "! iptables -A \"$x\" <<E | b > f", "{ c; } 2> g"]);
    let StatementKind::Pipeline { stages, .. } = &script.statements[1].kind else { panic!("{script:?}") };
    assert_eq!(file.slice(stages[0].redirections[0].span), "<<E");
    assert_eq!(file.slice(stages[1].redirections[0].span), "> f");
    let StatementKind::Command(command) = &stages[0].kind else { panic!("{script:?}") };
    assert_eq!(file.slice(command.words[2].span), "\"$x\"");
    assert_eq!(file.slice(command.words[2].parts[0].span), "$x");
}

#[test]
fn comments_are_found_wherever_they_stand() {
    let source = "#!/bin/sh\na # b\n  # c\nx=$(d # e\n)\ncat <<E\n# no\nE\necho '# no' a#no\n";
    let file = SourceFile::new(FileId(0), "a.sh", source.into());
    let (_, comments, _) = parse(&Text::verbatim(source, file.span(0..source.len())), &Limits::default());
    let found: Vec<_> = comments.iter().map(|comment| (comment.text.as_str(), comment.alone)).collect();
    assert_eq!(found, [("!/bin/sh", true), (" b", false), (" c", true), (" e", false)]);
}

#[test]
fn longer_scripts_than_the_limit_are_a_problem() {
    let file = SourceFile::new(FileId(0), "a.sh", "echo abc".into());
    let text = Text::verbatim(file.text(), file.span(0..8));
    let at_limit = parse(&text, &Limits { script_bytes: 8, ..Limits::default() });
    assert_eq!((at_limit.0.statements.len(), at_limit.2.len()), (1, 0));
    let above = parse(&text, &Limits { script_bytes: 7, ..Limits::default() });
    assert_eq!((above.0.statements.len(), above.2[0].code), (0, ProblemCode::Limit));
}

#[test]
fn deeper_statements_than_the_limit_are_only_looked_at() {
    let file = SourceFile::new(FileId(0), "a.sh", "{ { { a; } } }".into());
    let text = Text::verbatim(file.text(), file.span(0..14));
    let form = |depth| print::script(&parse(&text, &Limits { depth, ..Limits::default() }).0);
    assert_eq!(form(3), "{{{a}}}");
    assert_eq!(form(2), "{{{unknown<a>}}}");
}
