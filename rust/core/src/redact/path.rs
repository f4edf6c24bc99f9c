//! Paths of values, with places that may be anything.

use crate::{Error, Result};

/// A path such as `user.email`, `messages.*.content` or `**.password`: `*` is any one name or
/// position, `**` any number of them. One that begins with `/` is a JSON Pointer, taken literally.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Name(String),
    Any,
    AnyMany,
}

impl Pattern {
    /// # Errors
    /// `Usage` for an empty path or one with an empty name.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let steps: Vec<Step> = match text.strip_prefix('/') {
            Some(pointer) => pointer
                .split('/')
                .map(|name| Step::Name(name.replace("~1", "/").replace("~0", "~")))
                .collect(),
            None => text
                .split('.')
                .map(|name| match name {
                    "*" => Step::Any,
                    "**" => Step::AnyMany,
                    name => Step::Name(name.to_owned()),
                })
                .collect(),
        };
        let empty = |step: &Step| matches!(step, Step::Name(name) if name.is_empty());
        if !text.starts_with('/') && steps.iter().any(empty) {
            return Err(Error::Usage(format!("{text:?} is no path of a field")));
        }
        Ok(Self(steps))
    }

    /// Whether it is the path of these names and positions.
    pub(crate) fn fits(&self, path: &[String]) -> bool {
        fits(&self.0, path)
    }
}

fn fits(steps: &[Step], path: &[String]) -> bool {
    match steps.split_first() {
        None => path.is_empty(),
        Some((Step::AnyMany, rest)) => (0..=path.len()).any(|skip| fits(rest, &path[skip..])),
        Some((step, rest)) => path.split_first().is_some_and(|(name, below)| {
            (*step == Step::Any || matches!(step, Step::Name(wanted) if wanted == name))
                && fits(rest, below)
        }),
    }
}

/// The JSON Pointer of names and positions.
pub(crate) fn pointer(path: &[String]) -> String {
    path.iter().fold(String::new(), |mut pointer, step| {
        pointer.push('/');
        pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
        pointer
    })
}
