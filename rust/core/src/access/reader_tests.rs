use super::*;

#[test]
fn the_system_says_who_runs_this_process() {
    let reader = Reader::of_process(Door::Cli, &|_| None);
    assert_eq!(reader.pid, std::process::id());
    assert_eq!(printed("id", &["-u"]).map(|text| text.parse().unwrap()), reader.uid);
    assert_eq!(printed("id", &["-un"]), reader.os_user);
    assert_eq!(printed("uname", &["-n"]), reader.host);
    assert_eq!((reader.source_ip, reader.sudo_user), (None, None));
}

#[test]
fn the_environment_says_from_where() {
    let env = |name: &str| match name {
        "SSH_CONNECTION" => Some("198.51.100.7 52311 192.0.2.1 22".to_owned()),
        "SUDO_USER" => Some("mira".to_owned()),
        "USER" => Some("somebody else".to_owned()),
        _ => None,
    };
    let reader = Reader::of_process(Door::Python, &env);
    assert_eq!(reader.source_ip.as_deref(), Some("198.51.100.7"));
    assert_eq!(reader.sudo_user.as_deref(), Some("mira"));
    assert_ne!(reader.os_user.as_deref(), Some("somebody else"));
}

#[test]
fn names_of_users_are_found_by_number() {
    let passwd = "root:x:0:0:root:/root:/bin/sh\n# note\n\nmira:x:1001:100::/home/mira:/bin/sh\n";
    assert_eq!(name_in(passwd, 1001).as_deref(), Some("mira"));
    assert_eq!(name_in(passwd, 0).as_deref(), Some("root"));
    assert_eq!(name_in(passwd, 100), None);
}
