//! Turns `rules/` into JSON at build time, so that start-up parses no YAML and no Markdown.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_json::{Map, Value};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=rules");
    println!("cargo:rerun-if-changed=build.rs");
    let output = PathBuf::from(env::var("OUT_DIR")?);
    write(&output, "resources.json", read_all(Path::new("rules/resources"), "yaml", yaml)?)?;
    let agents = read_all(Path::new("rules/agents"), "yaml", yaml)?;
    write(&output, "identity_files.json", identity_files(&agents))?;
    write(&output, "agent_words.json", agent_words(&agents))?;
    write(&output, "agents.json", agents)?;
    write(&output, "pages.json", read_all(Path::new("rules"), "md", page)?)?;
    Ok(())
}

/// The paths of all files that hold an agent's identity. Most scripts touch none of them, and then nobody has to read
/// the agents.
fn identity_files(agents: &[Value]) -> Vec<Value> {
    let files = agents.iter().filter_map(|agent| agent.pointer("/identity/files")?.as_array());
    files.flatten().filter_map(|file| file.get("path").cloned()).collect()
}

/// What everything that installs, starts or stops an agent, or is done with its programs or its keys of the registry,
/// contains one of. Most commands
/// contain none, and then nobody has to read the agents.
fn agent_words(agents: &[Value]) -> Vec<Value> {
    let mut words = Vec::new();
    for list in ["/installation", "/identity/created_by", "/identity/not_created_by", "/identity/cleaned_by"] {
        let rows = agents.iter().filter_map(|agent| agent.pointer(list)?.as_array()).flatten();
        let of_row = |row: &Value| {
            let text = row.get("match")?.as_str()?;
            let program = if row.get("kind")?.as_str()? == "command" { text.split(' ').next()? } else { text };
            Some(program.to_ascii_lowercase().trim_end_matches(".exe").to_owned())
        };
        words.extend(rows.filter_map(of_row));
    }
    // A key of the registry is named with its folder, whatever the hive is called.
    let keys = agents.iter().filter_map(|agent| agent.pointer("/identity/registry_keys")?.as_array()).flatten();
    let folder =
        |key: &Value| Some(key.get("path")?.as_str()?.split_once(':')?.1.rsplit_once('\\')?.0.to_ascii_lowercase());
    words.extend(keys.filter_map(folder));
    words.sort();
    words.dedup();
    words.into_iter().map(Value::String).collect()
}

fn write(output: &Path, name: &str, values: Vec<Value>) -> Result<(), Box<dyn Error>> {
    Ok(fs::write(output.join(name), serde_json::to_string(&Value::Array(values))?)?)
}

/// The files of `folder` with `extension`, by name, each through `parse`; an error names its file.
fn read_all(
    folder: &Path,
    extension: &str,
    parse: fn(&str) -> Result<Value, Box<dyn Error>>,
) -> Result<Vec<Value>, Box<dyn Error>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|found| found == extension) {
            paths.push(path);
        }
    }
    paths.sort();
    let mut values = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path)?.replace("\r\n", "\n");
        values.push(parse(&text).map_err(|error| format!("{}: {error}", path.display()))?);
    }
    Ok(values)
}

fn yaml(text: &str) -> Result<Value, Box<dyn Error>> {
    Ok(serde_saphyr::from_str(text)?)
}

/// A rule's page: its front matter, its Markdown without it, and its sections by title in their order.
fn page(text: &str) -> Result<Value, Box<dyn Error>> {
    let rest = text.strip_prefix("---\n").ok_or("1:1: a rule's page begins with front matter between `---` lines")?;
    let (front, markdown) = rest.split_once("\n---\n").ok_or("1:1: the front matter has no closing `---` line")?;
    // The line break stands for the opening line, so that positions in errors are those of the file.
    let mut page: Map<String, Value> = serde_saphyr::from_str(&format!("\n{front}"))?;
    let markdown = markdown.trim_start_matches('\n');
    let mut sections: Vec<(String, String)> = Vec::new();
    let mut fenced = false;
    for line in markdown.lines() {
        fenced ^= line.starts_with("```");
        match (line.strip_prefix("## "), sections.last_mut()) {
            (Some(title), _) if !fenced => sections.push((title.trim().to_owned(), String::new())),
            (_, Some((_, body))) => {
                body.push_str(line);
                body.push('\n');
            }
            _ => {}
        }
    }
    let sections = sections.into_iter().map(|(title, body)| {
        let body = body.trim_matches('\n').to_owned();
        Value::Array(vec![Value::String(title), Value::String(body)])
    });
    page.insert("sections".into(), sections.collect());
    page.insert("markdown".into(), Value::String(markdown.to_owned()));
    Ok(Value::Object(page))
}
