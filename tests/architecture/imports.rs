//! What the files of a crate import from each other, read from the paths that they write.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The files of a crate by path below `src`, as tokens, without tests.
pub struct Crate(BTreeMap<String, Vec<String>>);

impl Crate {
    /// Reads the sources below a package's folder.
    pub fn read(package: &Path) -> Self {
        fn collect(into: &mut BTreeMap<String, Vec<String>>, folder: &Path, prefix: &str) {
            for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
                let name = format!("{prefix}{}", entry.file_name().into_string().unwrap());
                if entry.path().is_dir() {
                    collect(into, &entry.path(), &format!("{name}/"));
                } else if name.ends_with(".rs") {
                    into.insert(name, tokens(&std::fs::read_to_string(entry.path()).unwrap()));
                }
            }
        }
        let mut files = BTreeMap::new();
        collect(&mut files, &package.join("src"), "");
        files.retain(|name, _| !name.split('/').any(|part| part == "tests.rs" || part == "tests"));
        assert!(!files.is_empty(), "{} has no sources", package.display());
        Self(files)
    }

    /// Files that are given as text.
    pub fn of(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(name, text)| (name.to_string(), tokens(text))).collect())
    }

    /// The crates of the workspace that its files name.
    pub fn crates(&self) -> BTreeSet<String> {
        let named = self.0.values().flatten().filter(|token| token.starts_with("imfl_"));
        named.map(|token| token.replace('_', "-")).filter(|name| !name.ends_with('-')).collect()
    }

    /// Each loop of imports between the entries of a folder, with the imports that make it.
    pub fn loops(&self) -> Vec<String> {
        let arrows = self.arrows();
        let folders: BTreeSet<&str> = self.0.keys().flat_map(|file| ancestors(file)).collect();
        folders.into_iter().flat_map(|folder| loops_in(folder, &arrows)).collect()
    }

    /// Which file imports which: the file that defines what is named, behind all that hand it on.
    fn arrows(&self) -> BTreeSet<(&str, &str)> {
        let mut arrows = BTreeSet::new();
        for (file, tokens) in &self.0 {
            for path in paths(tokens).into_iter().filter(|path| !path.public) {
                let target = absolute(&module_of(file), &path.segments).and_then(|path| self.resolve(&path, 0));
                arrows.extend(target.filter(|target| target != file).map(|target| (file.as_str(), target)));
            }
        }
        arrows
    }

    /// The file that defines the last name of an absolute path.
    fn resolve(&self, path: &[String], depth: usize) -> Option<&str> {
        let longest = (0..=path.len()).rev().find_map(|length| Some((length, self.file_of(&path[..length])?)));
        let (length, file) = longest?;
        let Some(name) = path.get(length) else { return Some(file) };
        // Another module may hand the name on.
        let handed = paths(&self.0[file]).into_iter().filter(|path| path.public && depth < 8).find_map(|public| {
            let mut target = absolute(&path[..length], &public.segments)?;
            match target.last().map(String::as_str) {
                Some("*") => {
                    target.pop();
                    target.push(name.clone());
                    let found = self.resolve(&target, depth + 1)?;
                    self.0[found]
                        .windows(2)
                        .any(|pair| pair[1] == *name && DEFINES.contains(&&*pair[0]))
                        .then_some(found)
                }
                Some(_) if public.alias == *name && target[..] != path[..=length] => self.resolve(&target, depth + 1),
                _ => None,
            }
        });
        Some(handed.unwrap_or(file))
    }

    /// The file of a module.
    fn file_of(&self, module: &[String]) -> Option<&str> {
        let joined = module.join("/");
        let names = match module {
            [] => ["lib.rs".to_string(), "main.rs".to_string()],
            _ => [format!("{joined}.rs"), format!("{joined}/mod.rs")],
        };
        names.iter().find_map(|name| self.0.get_key_value(name)).map(|(name, _)| name.as_str())
    }
}

/// Words before the name of what a file defines.
const DEFINES: [&str; 8] = ["struct", "enum", "trait", "fn", "type", "const", "static", "union"];

/// A path that a file writes.
struct Written {
    segments: Vec<String>,
    /// The name it is known by.
    alias: String,
    /// Whether the file only hands it on.
    public: bool,
}

/// All folders above a file, the crate's own (an empty name) included.
fn ancestors(file: &str) -> Vec<&str> {
    let ends = file.match_indices('/').map(|(end, _)| &file[..end]);
    std::iter::once("").chain(ends).collect()
}

/// The entry of `folder` that holds a file, if one does.
fn entry<'a>(folder: &str, file: &'a str) -> Option<&'a str> {
    let start = if folder.is_empty() { 0 } else { folder.len() + 1 };
    (folder.is_empty() || file.starts_with(&format!("{folder}/")))
        .then(|| file[start..].find('/').map_or(file, |end| &file[..start + end]))
}

fn loops_in(folder: &str, arrows: &BTreeSet<(&str, &str)>) -> Vec<String> {
    let mut next: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut reasons: BTreeMap<(&str, &str), String> = BTreeMap::new();
    for (from, to) in arrows {
        let (Some(a), Some(b)) = (entry(folder, from), entry(folder, to)) else { continue };
        if a != b {
            next.entry(a).or_default().insert(b);
            reasons.entry((a, b)).or_insert(format!("{from} -> {to}"));
        }
    }
    let reach: BTreeMap<&str, BTreeSet<&str>> = next.keys().map(|from| (*from, reached(&next, from))).collect();
    let together = |a: &str, b: &str| reach[a].contains(b) && reach.get(b).is_some_and(|back| back.contains(a));
    let (mut found, mut done) = (Vec::new(), BTreeSet::new());
    for &entry in next.keys().filter(|entry| reach[*entry].contains(*entry)) {
        if done.insert(entry) {
            let members: Vec<&str> = next.keys().copied().filter(|other| together(entry, other)).collect();
            done.extend(&members);
            let inside = |(a, b): &(&str, &str)| members.contains(a) && members.contains(b);
            let why: Vec<&str> = reasons.iter().filter(|(pair, _)| inside(pair)).map(|(_, why)| why.as_str()).collect();
            found.push(format!("{} import each other: {}", members.join(", "), why.join("; ")));
        }
    }
    found
}

/// Everything that a walk along the arrows comes to.
fn reached<'a>(next: &BTreeMap<&'a str, BTreeSet<&'a str>>, from: &'a str) -> BTreeSet<&'a str> {
    let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(entry) = open.pop() {
        open.extend(next.get(entry).into_iter().flatten().filter(|next| seen.insert(**next)));
    }
    seen
}

/// The module that a file is.
fn module_of(file: &str) -> Vec<String> {
    let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
    if path == "lib" || path == "main" { Vec::new() } else { path.split('/').map(String::from).collect() }
}

/// A path from the crate's root on; `None` if it starts elsewhere.
fn absolute(module: &[String], path: &[String]) -> Option<Vec<String>> {
    let mut base = match path.first()?.as_str() {
        "crate" => Vec::new(),
        "super" | "self" => module.to_vec(),
        _ => return None,
    };
    let ups = path.iter().take_while(|segment| *segment == "super").count();
    base.truncate(base.len().checked_sub(ups)?);
    base.extend(path.iter().skip_while(|segment| ["crate", "super", "self"].contains(&segment.as_str())).cloned());
    Some(base)
}

/// Every path that starts in the crate, and every name that `pub use` hands on.
fn paths(tokens: &[String]) -> Vec<Written> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at] == "use" {
            let end = tokens[at..].iter().position(|token| token == ";").map_or(tokens.len(), |end| at + end);
            let before = |back: usize| at.checked_sub(back).map_or("", |place| &tokens[place]);
            let public = before(1) == "pub" || (before(1) == ")" && before(4) == "pub");
            let mut tree = Vec::new();
            branches(&tokens[at + 1..end], &[], &mut tree);
            found.extend(tree.into_iter().map(|(mut segments, alias)| {
                if public && !["crate", "super", "self"].contains(&segments[0].as_str()) {
                    segments.insert(0, "self".into());
                }
                Written { segments, alias, public }
            }));
            at = end;
        } else if ["crate", "super"].contains(&tokens[at].as_str())
            && tokens.get(at + 1).is_some_and(|next| next == "::")
        {
            let mut segments = vec![tokens[at].clone()];
            while tokens.get(at + 1).is_some_and(|next| next == "::")
                && tokens.get(at + 2).is_some_and(|next| is_name(next))
            {
                at += 2;
                segments.push(tokens[at].clone());
            }
            found.push(Written { alias: segments.last().cloned().unwrap_or_default(), segments, public: false });
        }
        at += 1;
    }
    found
}

/// The leaves of a tree of imports: `a::{b, c as d}` is `a::b` and `a::c`, known as `d`.
fn branches(tokens: &[String], prefix: &[String], into: &mut Vec<(Vec<String>, String)>) {
    let (mut path, mut at) = (prefix.to_vec(), 0);
    while at < tokens.len() {
        match tokens[at].as_str() {
            "::" => {}
            "{" => {
                let (mut depth, mut start) = (0, at + 1);
                for place in at..tokens.len() {
                    match tokens[place].as_str() {
                        "{" => depth += 1,
                        "}" => depth -= 1,
                        _ => {}
                    }
                    if (depth == 1 && tokens[place] == ",") || depth == 0 {
                        if place > start {
                            branches(&tokens[start..place], &path, into);
                        }
                        start = place + 1;
                    }
                }
                return;
            }
            "as" => {
                into.push((path, tokens.get(at + 1).cloned().unwrap_or_default()));
                return;
            }
            "self" if !path.is_empty() => {}
            name => path.push(name.into()),
        }
        at += 1;
    }
    let alias = path.last().cloned().unwrap_or_default();
    into.push((path, alias));
}

fn is_name(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// Names, `::` and single characters; without comments, texts, and modules of tests.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '"' => text_length(rest),
            'r' if rest.trim_start_matches('r').trim_start_matches('#').starts_with('"') => raw_length(rest),
            '\'' => quote_length(rest),
            _ if rest.starts_with("::") => {
                tokens.push("::".into());
                2
            }
            _ if first.is_alphanumeric() || first == '_' => {
                let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                tokens.push(rest[..end].into());
                end
            }
            _ => {
                if !first.is_whitespace() {
                    tokens.push(first.into());
                }
                first.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    without_tests(tokens)
}

/// The length of a text in quotes.
fn text_length(rest: &str) -> usize {
    let mut escaped = false;
    let end = rest[1..].char_indices().find(|(_, c)| {
        let ends = *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        ends
    });
    end.map_or(rest.len(), |(end, _)| end + 2)
}

/// The length of a text in quotes in which nothing is escaped.
fn raw_length(rest: &str) -> usize {
    let marks = rest[1..].chars().take_while(|c| *c == '#').count();
    let end = format!("\"{}", "#".repeat(marks));
    rest[marks + 2..].find(&end).map_or(rest.len(), |place| marks + 2 + place + end.len())
}

/// The length of a character in quotes, or of the quote of a lifetime.
fn quote_length(rest: &str) -> usize {
    let mut after = rest[1..].char_indices();
    match after.next() {
        Some((_, '\\')) => rest[2..].char_indices().skip(1).find(|(_, c)| *c == '\'').map_or(1, |(end, _)| end + 3),
        Some((_, c)) if rest[1 + c.len_utf8()..].starts_with('\'') => c.len_utf8() + 2,
        _ => 1,
    }
}

fn without_tests(tokens: Vec<String>) -> Vec<String> {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let (mut kept, mut at) = (Vec::with_capacity(tokens.len()), 0);
    while at < tokens.len() {
        if tokens[at..].len() > 7 && tokens[at..at + 7].iter().zip(MARK).all(|(token, mark)| token == mark) {
            let mut depth = 0;
            at += 7;
            while at < tokens.len() {
                match tokens[at].as_str() {
                    "{" => depth += 1,
                    "}" => depth -= 1,
                    _ => {}
                }
                at += 1;
                if depth == 0 && (tokens[at - 1] == "}" || tokens[at - 1] == ";") {
                    break;
                }
            }
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}
