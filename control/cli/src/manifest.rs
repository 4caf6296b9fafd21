//! Manifests from files, folders and standard input: YAML or JSON, several documents, lists.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::client::{CommandError, Result};

/// Reads every object of the files, in order. A folder's files are read in order of name.
///
/// # Errors
/// When a file cannot be read or holds something that is no object.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Value>> {
    let mut objects = Vec::new();
    for path in paths {
        if path == Path::new("-") {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).map_err(|error| CommandError::File(path.clone(), error))?;
            objects.extend(parse(&text, "standard input")?);
        } else {
            for file in files(path)? {
                let text = std::fs::read_to_string(&file).map_err(|error| CommandError::File(file.clone(), error))?;
                objects.extend(parse(&text, &file.display().to_string())?);
            }
        }
    }
    if objects.is_empty() {
        return Err(CommandError::Usage("no objects passed to apply".into()));
    }
    Ok(objects)
}

fn files(path: &Path) -> Result<Vec<PathBuf>> {
    let failed = |error| CommandError::File(path.to_owned(), error);
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        if matches!(file.extension().and_then(|end| end.to_str()), Some("yaml" | "yml" | "json")) {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

/// Objects of a text; `origin` names it in messages.
///
/// # Errors
/// When a document is malformed or no object.
pub fn parse(text: &str, origin: &str) -> Result<Vec<Value>> {
    let mut objects = Vec::new();
    for document in serde_yaml_ng::Deserializer::from_str(text) {
        let value = Value::deserialize(document)
            .map_err(|error| CommandError::Usage(format!("error parsing {origin}: {error}")))?;
        match value {
            Value::Null => {}
            Value::Object(ref fields)
                if fields.get("kind").and_then(Value::as_str).is_some_and(|kind| kind == "List") =>
            {
                objects.extend(value["items"].as_array().cloned().unwrap_or_default());
            }
            Value::Object(_) => objects.push(value),
            _ => return Err(CommandError::Usage(format!("error parsing {origin}: a document is no object"))),
        }
    }
    for object in &objects {
        for field in ["apiVersion", "kind"] {
            if object.get(field).and_then(Value::as_str).is_none() {
                return Err(CommandError::Usage(format!("error validating {origin}: {field} not set")));
            }
        }
    }
    Ok(objects)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_and_lists_are_taken_apart() {
        let text = "---\napiVersion: v1\nkind: A\n---\n# nothing\n---\napiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: B\n";
        let kinds: Vec<_> = parse(text, "x").unwrap().iter().map(|object| object["kind"].clone()).collect();
        assert_eq!(kinds, ["A", "B"]);
    }

    #[test]
    fn what_is_no_object_is_named() {
        assert!(parse("kind: A\n", "f.yaml").unwrap_err().to_string().contains("f.yaml: apiVersion not set"));
        assert!(parse("- 1\n", "f.yaml").unwrap_err().to_string().contains("no object"));
        assert!(parse("a: [", "f.yaml").unwrap_err().to_string().contains("error parsing f.yaml"));
    }
}
