//! A transcript: a Markdown file that shows commands with what a user sees of them, and the files that they read.
//!
//! A fenced block whose first line is ` ```LANGUAGE NAME ` is a file. A block of `console` is a session:
//!
//! ```text
//! $ kubectl get configmap absent          a command of the shell; `> ` goes on with it
//! settings                                a line of standard output, see `expectation`
//! ! Error from server (NotFound): …       a line of standard error, all of them below standard output
//! ? 1                                     the exit code, when it is not 0
//! ```
//!
//! A line for some versions of the client begins with them: `{1.28-}` and later, `{-1.30}` and earlier, `{1.28-1.30}`,
//! `{1.20}`, `{none}`. A command for some versions says why: `{1.28-: the flag came with 1.24} $ …`.

use std::ops::RangeInclusive;

/// Major and minor version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(pub(crate) u32, pub(crate) u32);

const FIRST: Version = Version(0, 0);
const LAST: Version = Version(u32::MAX, u32::MAX);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Transcript {
    pub(crate) files: Vec<File>,
    pub(crate) steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// A command and what is seen of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// Where it stands in the file, from one.
    pub(crate) line: usize,
    pub(crate) command: String,
    versions: Versions,
    stdout: Vec<Line>,
    stderr: Vec<Line>,
    pub(crate) code: i32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    versions: Versions,
    text: String,
}

/// Versions for which a line counts; none at all when nothing is between them.
type Versions = RangeInclusive<Version>;

impl Step {
    /// Whether it is run in that version.
    pub(crate) fn is_for(&self, version: Version) -> bool {
        self.versions.contains(&version)
    }

    /// What that version prints to standard output.
    pub(crate) fn stdout(&self, version: Version) -> Vec<&str> {
        Line::of(&self.stdout, version)
    }

    /// What that version prints to standard error.
    pub(crate) fn stderr(&self, version: Version) -> Vec<&str> {
        Line::of(&self.stderr, version)
    }
}

impl Line {
    fn of(lines: &[Self], version: Version) -> Vec<&str> {
        lines.iter().filter(|line| line.versions.contains(&version)).map(|line| line.text.as_str()).collect()
    }
}

impl Transcript {
    /// Reads a transcript.
    ///
    /// # Errors
    /// When it is no transcript: with the number of the line and what is wrong there.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut transcript = Self::default();
        let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
        while let Some((start, line)) = lines.next() {
            let Some(info) = line.strip_prefix("```") else { continue };
            let mut block = lines.by_ref().take_while(|(_, line)| *line != "```");
            match info.split_once(' ') {
                None if info == "console" => {
                    for (number, line) in block {
                        transcript.take(number, line).map_err(|why| format!("line {number}: {why}"))?;
                    }
                }
                Some((_, name)) => {
                    let text = block.by_ref().map(|(_, line)| format!("{line}\n")).collect();
                    transcript.files.push(File { name: name.into(), text });
                }
                None => return Err(format!("line {start}: say `console`, or the language and name of a file")),
            }
        }
        if transcript.steps.is_empty() { Err("no command in it".into()) } else { Ok(transcript) }
    }

    fn take(&mut self, number: usize, line: &str) -> Result<(), String> {
        let (versions, reason, line) = condition(line)?;
        if let Some(command) = line.strip_prefix("$ ") {
            if versions != (FIRST..=LAST) && reason.is_empty() {
                return Err("say why this command is not for all versions: {1.28-: reason}".into());
            }
            let (stdout, stderr) = (Vec::new(), Vec::new());
            self.steps.push(Step { line: number, command: command.into(), versions, stdout, stderr, code: 0 });
            return Ok(());
        }
        let step = self.steps.last_mut().ok_or("a session begins with a command")?;
        if let Some(more) = line.strip_prefix("> ") {
            step.command.push('\n');
            step.command.push_str(more);
        } else if let Some(text) = line.strip_prefix("! ") {
            step.stderr.push(Line { versions, text: text.into() });
        } else if let Some(code) = line.strip_prefix("? ") {
            step.code = code.parse().map_err(|error| format!("exit code {code}: {error}"))?;
        } else {
            step.stdout.push(Line { versions, text: line.into() });
        }
        Ok(())
    }
}

/// Takes `{versions: reason} ` off the beginning of a line.
fn condition(line: &str) -> Result<(Versions, &str, &str), String> {
    let all = (FIRST..=LAST, "", line);
    // Output may begin with a brace too: a condition begins with a number, a dash or `none`.
    let Some(inner) = line.strip_prefix('{') else { return Ok(all) };
    if !inner.starts_with(|letter: char| letter.is_ascii_digit() || letter == '-') && !inner.starts_with("none") {
        return Ok(all);
    }
    let (inside, rest) = inner.split_once('}').ok_or("a condition ends with `}`")?;
    let rest = rest.strip_prefix(' ').unwrap_or(rest);
    let (versions, reason) = inside.split_once(": ").unwrap_or((inside, ""));
    let (from, to) = match versions {
        "none" => (LAST, FIRST),
        _ => match versions.split_once('-') {
            Some((from, to)) => (version(from, FIRST)?, version(to, LAST)?),
            None => (version(versions, FIRST)?, version(versions, LAST)?),
        },
    };
    Ok((from..=to, reason, rest))
}

fn version(text: &str, absent: Version) -> Result<Version, String> {
    if text.is_empty() {
        return Ok(absent);
    }
    let numbers = text.split_once('.').and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    numbers.map(|(major, minor)| Version(major, minor)).ok_or_else(|| format!("{text} is no version such as 1.28"))
}

#[test]
fn a_transcript_is_read() {
    let text = "# Title\n```yaml a.yaml\na: 1\n```\nProse.\n```console\n$ one \\\n> more\n{1.28-} new\n{-1.20} old\n{x}\n\
                {1.30: why} $ two\n! wrong\n? 3\n```\n";
    let transcript = Transcript::parse(text).unwrap();
    assert_eq!(transcript.files, [File { name: "a.yaml".into(), text: "a: 1\n".into() }]);
    let [one, two] = &transcript.steps[..] else { panic!("{transcript:?}") };
    assert_eq!((one.command.as_str(), one.line), ("one \\\nmore", 7));
    assert_eq!(one.stdout(Version(1, 20)), ["old", "{x}"]);
    assert_eq!(one.stdout(Version(1, 33)), ["new", "{x}"]);
    assert!(two.is_for(Version(1, 30)) && !two.is_for(Version(1, 28)) && !two.is_for(Version(1, 33)));
    assert_eq!((two.stderr(Version(1, 30)), two.code), (vec!["wrong"], 3));
}

#[test]
fn what_is_no_transcript_is_refused() {
    let session = |lines: &str| Transcript::parse(&format!("```console\n{lines}\n```\n")).unwrap_err();
    for (lines, why) in [
        ("{1.28-} $ ls", "line 2: say why"),
        ("output", "line 2: a session begins"),
        ("$ a\n? x", "line 3: exit code x"),
        ("$ a\n{1-} b", "line 3: 1 is no version"),
        ("$ a\n{1.2", "line 3: a condition ends"),
    ] {
        assert!(session(lines).starts_with(why), "{lines}: {}", session(lines));
    }
    assert!(Transcript::parse("# nothing").is_err());
    assert!(Transcript::parse("```\n```\n").unwrap_err().starts_with("line 1: say `console`"));
}
