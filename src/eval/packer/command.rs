//! What an `execute_command` runs a script with.

/// What runs a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Runner {
    /// The script itself is the command, so that its first line decides.
    FirstLine,
    /// This, whatever the first line says: an interpreter with its options.
    Named(String),
    /// `PowerShell`.
    PowerShell,
}

/// The programs that take a script as an argument, without the folders that they lie in.
const INTERPRETERS: [&str; 9] = ["sh", "bash", "dash", "ash", "zsh", "ksh", "python", "python3", "perl"];

/// What `command`, in which `{{ .Path }}` stands for the script, runs it with.
pub(super) fn runner(command: &str) -> Runner {
    let runners = before_paths(command).into_iter().map(|before| runner_before_path(&before));
    runners.into_iter().find(|runner| *runner != Runner::FirstLine).unwrap_or(Runner::FirstLine)
}

fn runner_before_path(before: &str) -> Runner {
    let last = before.rsplit([';', '&', '|', '(', '\n']).next().unwrap_or("");
    let words: Vec<&str> =
        last.split_whitespace().map(|word| word.trim_matches(['\'', '"'])).filter(|word| !word.is_empty()).collect();
    let is_option = |word: &str| word.starts_with(['-', '+']);
    let mut words = words.as_slice();
    let mut options = Vec::new();
    while let [before @ .., word] = words {
        // `-o pipefail` and `-eo pipefail` are two words.
        let is_argument = before.last().is_some_and(|option| is_option(option) && option.ends_with('o'));
        if is_option(word) || is_argument {
            options.insert(0, *word);
            words = before;
            continue;
        }
        let name = word.rsplit(['/', '\\']).next().unwrap_or("");
        if matches!(name.trim_end_matches(".exe"), "pwsh" | "powershell") {
            return Runner::PowerShell;
        }
        let takes_command = |option: &&str| !option.starts_with("--") && option.ends_with('c');
        if !INTERPRETERS.contains(&name) || options.iter().any(takes_command) {
            return Runner::FirstLine;
        }
        let program = if word.contains('/') { (*word).to_owned() } else { format!("/bin/{word}") };
        options.insert(0, &program);
        return Runner::Named(options.join(" "));
    }
    Runner::FirstLine
}

/// What stands before each use of the script's path, without the other actions.
fn before_paths(command: &str) -> Vec<String> {
    let (mut before, mut found) = (String::new(), Vec::new());
    let mut rest = command;
    while let Some((text, action)) = rest.split_once("{{") {
        let Some((action, after)) = action.split_once("}}") else { break };
        before.push_str(text);
        if action.trim_matches(['-', ' ']) == ".Path" {
            found.push(before.clone());
        }
        before.push(' ');
        rest = after;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_before_the_path_decides() {
        for (command, expected) in [
            ("chmod +x {{.Path}}; {{.Vars}} {{.Path}}", None),
            ("sudo -E {{ .Path }}", None),
            ("sudo -E bash '{{ .Path }}'", Some("/bin/bash")),
            ("{{.Vars}} sudo -E -S bash -eux -o pipefail '{{.Path}}'", Some("/bin/bash -eux -o pipefail")),
            ("echo 'packer' | sudo -S env {{ .Vars }} /bin/bash {{.Path}}", Some("/bin/bash")),
            ("echo 'packer' | sudo -S env {{ .Vars }} {{.Path}}", None),
            ("sudo sh -c '{{ .Vars }} {{ .Path }}'", None),
            ("sudo sh -c '{{ .Vars }} bash {{ .Path }}'", Some("/bin/bash")),
            ("bash -c \"python3 {{.Path}}\"", Some("/bin/python3")),
            ("chmod +x {{.Path}} && bash {{.Path}} && rm {{.Path}}", Some("/bin/bash")),
            ("bash", None),
            ("{{ .Path", None),
            ("", None),
        ] {
            let expected = expected.map_or(Runner::FirstLine, |name| Runner::Named(name.into()));
            assert_eq!(runner(command), expected, "{command}");
        }
        assert_eq!(runner("sudo sh -c '{{ .Vars }} pwsh -f {{ .Path }}'"), Runner::PowerShell);
    }
}
