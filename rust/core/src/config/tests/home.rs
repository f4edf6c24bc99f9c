use std::path::{Path, PathBuf};

use super::{Home, config_file};
use crate::{Error, Result};

fn env<'a>(variables: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
    |name| variables.iter().find(|(known, _)| *known == name).map(|(_, v)| (*v).to_owned())
}

#[test]
fn sealtrail_home_holds_everything() -> Result<()> {
    let home = Home::from_env(&env(&[("SEALTRAIL_HOME", "/srv/st"), ("HOME", "/root")]))?;
    assert_eq!(home, Home::at(Path::new("/srv/st")));
    assert_eq!(home.config_file(), Path::new("/srv/st/sealtrail.yaml"));
    assert_eq!(home.keys_dir, Path::new("/srv/st/keys"));
    assert_eq!(home.state_dir, Path::new("/srv/st/state"));
    assert_eq!(home.access_dir, Path::new("/srv/st/access"));
    Ok(())
}

#[test]
fn a_relative_sealtrail_home_counts_from_the_working_folder() -> Result<()> {
    let home = Home::from_env(&env(&[("SEALTRAIL_HOME", "st")]))?;
    let here = std::env::current_dir().expect("a working folder");
    assert_eq!(home, Home::at(&here.join("st")));
    Ok(())
}

#[test]
fn without_it_the_xdg_folders_count() -> Result<()> {
    let home = Home::from_env(&env(&[("HOME", "/home/mira"), ("SEALTRAIL_HOME", "")]))?;
    assert_eq!(home.config_dir, Path::new("/home/mira/.config/sealtrail"));
    assert_eq!(home.keys_dir, Path::new("/home/mira/.local/share/sealtrail/keys"));
    assert_eq!(home.state_dir, Path::new("/home/mira/.local/state/sealtrail"));

    let home = Home::from_env(&env(&[
        ("HOME", "/home/mira"),
        ("XDG_CONFIG_HOME", "/c"),
        ("XDG_DATA_HOME", "/d"),
        ("XDG_STATE_HOME", "relative/is/ignored"),
    ]))?;
    assert_eq!(home.config_dir, Path::new("/c/sealtrail"));
    assert_eq!(home.keys_dir, Path::new("/d/sealtrail/keys"));
    assert_eq!(home.state_dir, Path::new("/home/mira/.local/state/sealtrail"));
    Ok(())
}

#[test]
fn without_any_of_them_there_is_no_home() -> Result<()> {
    let error = Home::from_env(&env(&[("XDG_CONFIG_HOME", "/c")])).expect_err("no data folder");
    assert!(matches!(error, Error::Usage(_)));
    assert!(error.to_string().contains("XDG_DATA_HOME"), "{error}");
    assert_eq!(config_file(&env(&[]))?, None);
    let file = config_file(&env(&[("XDG_CONFIG_HOME", "/c")]))?;
    assert_eq!(file, Some(PathBuf::from("/c/sealtrail/sealtrail.yaml")));
    Ok(())
}
