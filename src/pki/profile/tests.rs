//! What profiles permit, and how settings are laid over each other.

use super::*;

#[test]
fn the_rule_that_refuses_is_named_with_what_broke_it() {
    let profile = profile(
        r#"
        purpose = "server"
        default_lifetime = "30d"
        max_lifetime = "90d"
        key_types = ["p256", "p384"]
        [policy]
        permitted_dns = ["**.example.org", "localhost"]
        refused_dns = ["secret.example.org"]
        refused_ip = ["10.0.0.0/8"]
        permitted_uri = []
        permitted_email = ["*@example.org"]
        wildcards = true
        max_names = 2
        "#,
    );
    for (names, refused) in [
        ("a.example.org localhost", None),
        (
            "example.net",
            Some(
                "dns:example.net: its policy.permitted_dns permits only **.example.org, localhost",
            ),
        ),
        (
            "*.example.org",
            Some("dns:*.example.org: its policy.refused_dns holds secret.example.org"),
        ),
        ("*.a.example.org", None),
        (
            "10.1.2.3",
            Some("ip:10.1.2.3: its policy.refused_ip holds 10.0.0.0/8"),
        ),
        ("::ffff:10.1.2.3", Some("its policy.refused_ip")),
        ("192.0.2.1", None),
        (
            "spiffe://td/a",
            Some("uri:spiffe://td/a: its policy.permitted_uri permits none"),
        ),
        ("joe@example.org", None),
        (
            "joe@example.net",
            Some("policy.permitted_email permits only *@example.org"),
        ),
        (
            "1.1.1.1 1.1.1.2 1.1.1.3",
            Some("3 names: its policy.max_names is 2"),
        ),
    ] {
        let answer = profile.permits_names(&parsed(names));
        match refused {
            None => assert_eq!(answer, Ok(()), "{names}"),
            Some(part) => {
                let text = answer.unwrap_err().to_string();
                assert!(text.starts_with("profile 'test' refuses "), "{text}");
                assert!(text.contains(part), "{text}");
            }
        }
    }
}

#[test]
fn lifetimes_and_kinds_of_key_have_bounds() {
    let profile = profile(
        "purpose = 'client'\ndefault_lifetime = '1h'\nmax_lifetime = '1d'\nkey_types = ['p384']",
    );
    let permits = |lifetime: &str, key_type: KeyType| {
        profile.permits(
            &parsed("a"),
            lifetime.parse().unwrap(),
            &key_type.to_string(),
        )
    };
    assert_eq!(permits("24h", KeyType::P384), Ok(()));
    assert_eq!(
        permits("86401s", KeyType::P384).unwrap_err().rule,
        "max_lifetime"
    );
    assert_eq!(permits("1h", KeyType::P256).unwrap_err().rule, "key_types");
    assert_eq!(profile.default_key_type(), KeyType::P384);
}

#[test]
fn wildcards_are_refused_where_the_policy_says_so() {
    let client = BuiltIn::named("client").unwrap().profile();
    let refusal = client.permits_names(&parsed("*.example.org")).unwrap_err();
    assert_eq!(refusal.rule, "policy.wildcards");
}

#[test]
fn an_svid_has_exactly_one_uri_and_it_is_a_spiffe_id() {
    let svid = BuiltIn::named("svid").unwrap().profile();
    for (names, permitted) in [
        ("spiffe://td/a", true),
        ("spiffe://td/a a.example.org", true),
        ("a.example.org", false),
        ("spiffe://td/a spiffe://td/b", false),
        ("uri:https://td/a", false),
    ] {
        assert_eq!(
            svid.permits_names(&parsed(names)).is_ok(),
            permitted,
            "{names}"
        );
    }
}

#[test]
fn settings_lie_over_those_below_and_replace_lists_whole() {
    let below = settings(
        "purpose = 'server'\ndefault_lifetime = '365d'\nkey_types = ['p256', 'p384']\n\
         [subject]\ncountry = 'CH'\norganization = 'Below'\n[policy]\nmax_names = 10\nwildcards = true",
    );
    let above = settings(
        "max_lifetime = '90d'\nkey_types = ['ed25519']\n[subject]\norganization = 'Above'\n\
         [policy]\nwildcards = false",
    );
    let profile = above.over(below).profile("test").unwrap();
    assert_eq!(profile.default_lifetime.to_string(), "90d");
    assert_eq!(profile.key_types, [KeyType::Ed25519]);
    assert_eq!(profile.subject.country.as_deref(), Some("CH"));
    assert_eq!(profile.subject.organization.as_deref(), Some("Above"));
    assert_eq!(profile.policy.max_names, Some(10));
    assert_eq!(profile.policy.wildcards, Some(false));
}

#[test]
fn extra_key_usages_come_behind_the_purposes_and_once() {
    let profile = profile(
        "purpose = 'server'\ndefault_lifetime = '1d'\nextended_key_usages = ['server-auth', 'clientAuth', '1.2.3']",
    );
    let usages: Vec<_> = profile
        .extended_key_usages()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(usages, ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2", "1.2.3"]);
}

#[test]
fn settings_that_contradict_themselves_make_no_profile() {
    for text in [
        "default_lifetime = '1d'",
        "purpose = 'server'",
        "purpose = 'server'\ndefault_lifetime = '2d'\nmax_lifetime = '1d'",
        "purpose = 'server'\ndefault_lifetime = '1d'\nkey_types = []",
        "purpose = 'server'\ndefault_lifetime = '1d'\npath_length = 1",
        "purpose = 'intermediate'\ndefault_lifetime = '1d'\nextended_key_usages = ['client-auth']",
        "purpose = 'server'\ndefault_lifetime = '1d'\n[subject]\ncountry = 'Switzerland'",
    ] {
        assert!(settings(text).profile("test").is_err(), "{text}");
    }
}

#[test]
fn a_profile_reads_back_from_what_it_is_written_as() {
    for built_in in BuiltIn::ALL {
        let profile = built_in.profile();
        let read = settings(&profile.to_toml());
        assert_eq!(read.profile(built_in.name).unwrap(), profile);
    }
}

fn settings(text: &str) -> ProfileSettings {
    toml::from_str(text).unwrap()
}

fn profile(text: &str) -> Profile {
    settings(text).profile("test").unwrap()
}

fn parsed(names: &str) -> Vec<SubjectAltName> {
    names.split(' ').map(|name| name.parse().unwrap()).collect()
}
