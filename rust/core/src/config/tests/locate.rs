use std::fs;
use std::path::{Path, PathBuf};

use super::locate;
use crate::{Error, Result};

/// A folder with a home and a working folder.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("created");
        fs::write(&path, "").expect("written");
        path
    }

    fn locate(
        &self,
        explicit: Option<&str>,
        variables: &[(&str, &str)],
    ) -> Result<Option<PathBuf>> {
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| (*name, self.path(value).display().to_string()))
            .collect();
        let env = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
        };
        fs::create_dir_all(self.path("work")).expect("created");
        locate(explicit.map(Path::new), &env, &self.path("work"))
    }
}

const ALL: [(&str, &str); 3] =
    [("SEALTRAIL_CONFIG", "env.yaml"), ("SEALTRAIL_HOME", "home"), ("HOME", "user")];

#[test]
fn the_first_that_exists_counts() -> Result<()> {
    let place = Place::new();
    assert_eq!(place.locate(None, &ALL[1..])?, None);
    let mut files = Vec::new();
    for name in
        ["work/sealtrail.yaml", "work/.claude/config/audit.yaml", "home/sealtrail.yaml", "env.yaml"]
    {
        files.push(place.file(name));
        let variables = if name == "env.yaml" { &ALL[..] } else { &ALL[1..] };
        assert_eq!(place.locate(None, variables)?.as_ref(), files.last());
    }
    let explicit = place.file("work/other.yaml");
    assert_eq!(place.locate(Some("other.yaml"), &ALL)?, Some(explicit));
    // Each is the next in turn when those before it go.
    fs::remove_file(&files[2]).expect("removed");
    assert_eq!(place.locate(None, &ALL[1..])?.as_ref(), Some(&files[1]));
    fs::remove_file(&files[1]).expect("removed");
    assert_eq!(place.locate(None, &ALL[1..])?.as_ref(), Some(&files[0]));
    Ok(())
}

#[test]
fn the_xdg_folder_counts_only_without_sealtrail_home() -> Result<()> {
    let place = Place::new();
    let file = place.file("user/.config/sealtrail/sealtrail.yaml");
    assert_eq!(place.locate(None, &[("HOME", "user")])?, Some(file));
    assert_eq!(place.locate(None, &ALL[1..])?, None);
    let file = place.file("xdg/sealtrail/sealtrail.yaml");
    let variables = [("XDG_CONFIG_HOME", "xdg"), ("HOME", "user")];
    assert_eq!(place.locate(None, &variables)?, Some(file));
    Ok(())
}

#[test]
fn a_named_file_that_is_missing_is_an_error() {
    let place = Place::new();
    place.file("home/sealtrail.yaml");
    place.file("work/sealtrail.yaml");
    let error = place.locate(None, &ALL).expect_err("env.yaml is missing");
    assert!(matches!(error, Error::Config { line: 0, .. }));
    let expected = place.path("env.yaml");
    assert_eq!(
        error.to_string(),
        format!("{}: there is no such file; SEALTRAIL_CONFIG names it", expected.display())
    );
    let error = place.locate(Some("no.yaml"), &ALL[1..]).expect_err("no.yaml is missing");
    assert!(error.to_string().ends_with("no.yaml: there is no such file; --config names it"));
}

#[test]
fn an_empty_variable_is_not_set() -> Result<()> {
    let place = Place::new();
    let file = place.file("work/sealtrail.yaml");
    let env = |name: &str| (name == "SEALTRAIL_CONFIG").then(String::new);
    assert_eq!(locate(None, &env, &place.path("work"))?, Some(file));
    Ok(())
}

#[cfg(unix)]
#[test]
fn a_broken_link_is_not_passed_over() -> Result<()> {
    let place = Place::new();
    place.file("work/sealtrail.yaml");
    fs::create_dir(place.path("home")).expect("created");
    let link = place.path("home/sealtrail.yaml");
    std::os::unix::fs::symlink("gone", &link).expect("linked");
    assert_eq!(place.locate(None, &ALL[1..])?, Some(link));
    Ok(())
}

/// A name that no file can have stands for any reason why a file cannot be examined.
#[test]
fn a_file_that_cannot_be_examined_is_not_passed_over() {
    let place = Place::new();
    place.file("work/sealtrail.yaml");
    let home = "h".repeat(300);
    let result = place.locate(None, &[("SEALTRAIL_HOME", &home)]);
    assert!(matches!(result, Err(Error::Io { .. })), "{result:?}");
}
