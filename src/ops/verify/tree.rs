//! Candidate paths drawn as a tree, from the certificate upwards.

use std::fmt;

use crate::path::CandidatePath;
use crate::path::finding::Severity;

/// The paths that begin alike share their beginning.
pub(super) struct Tree<'a>(pub(super) &'a [CandidatePath]);

impl fmt::Display for Tree<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paths: Vec<_> = self.0.iter().collect();
        let Some(end_entity) = paths.first().and_then(|path| path.path.first()) else {
            return Ok(());
        };
        writeln!(f, "    {}", end_entity.reference)?;
        branches(f, &paths, 1, &mut "    ".to_owned())
    }
}

/// What goes on from the certificate before `depth`, which is the same in all these paths.
fn branches(
    f: &mut fmt::Formatter<'_>,
    paths: &[&CandidatePath],
    depth: usize,
    indent: &mut String,
) -> fmt::Result {
    let ends = |path: &&CandidatePath| path.path.len() == depth;
    let (ended, longer): (Vec<_>, Vec<_>) = paths.iter().copied().partition(ends);
    for (i, path) in ended.iter().enumerate() {
        let is_last = longer.is_empty() && i + 1 == ended.len();
        writeln!(f, "{indent}{}{}", branch(is_last), outcome(path))?;
    }
    let mut groups: Vec<Vec<&CandidatePath>> = Vec::new();
    for path in longer {
        let same = |group: &&mut Vec<&CandidatePath>| group[0].path[depth] == path.path[depth];
        match groups.iter_mut().find(same) {
            Some(group) => group.push(path),
            None => groups.push(vec![path]),
        }
    }
    let count = groups.len();
    for (i, group) in groups.iter().enumerate() {
        let is_last = i + 1 == count;
        writeln!(
            f,
            "{indent}{}{}",
            branch(is_last),
            group[0].path[depth].reference
        )?;
        let length = indent.len();
        indent.push_str(if is_last { "   " } else { "│  " });
        branches(f, group, depth + 1, indent)?;
        indent.truncate(length);
    }
    Ok(())
}

fn branch(is_last: bool) -> &'static str {
    if is_last { "└─ " } else { "├─ " }
}

/// Whether a path is good, or the rules that it breaks.
fn outcome(path: &CandidatePath) -> String {
    let errors = path.findings.iter();
    let errors = errors.filter(|finding| finding.severity == Severity::Error);
    let rules: Vec<_> = errors.map(|finding| finding.id).take(MAX_RULES).collect();
    if rules.is_empty() {
        "good".into()
    } else {
        format!("no: {}", rules.join(", "))
    }
}

const MAX_RULES: usize = 6;
