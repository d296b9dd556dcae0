//! Each rule broken once, and found.

use openagents_certs::path::finding::Severity;
use openagents_certs::path::{Candidates, Judgement, Profile, ReferenceName, Requirements, judge};
use openagents_certs::pki::certificate::Certificate;
use openagents_certs::pki::usage::Purpose;

use super::NOW;
use super::chain::{
    AUTHORITY_KEY_IDENTIFIER, BASIC_CONSTRAINTS, Draft, EC_PUBLIC_KEY, EXTENDED_KEY_USAGE,
    KEY_USAGE, Key, SECP256R1, SUBJECT_ALT_NAME, SUBJECT_KEY_IDENTIFIER, UNKNOWN, element, name,
    oid, sequence,
};

#[test]
fn a_chain_that_conforms_is_good_under_every_profile() {
    for profile in [Profile::Tls, Profile::Rfc5280, Profile::Webpki] {
        let judgement = judged(profile, |_, _, _| {});
        assert!(judgement.is_good(), "{:#?}", judgement.findings);
        assert!(judgement.findings.is_empty(), "{:#?}", judgement.findings);
    }
}

#[test]
fn rules_for_every_certificate_are_held_to() {
    refused("serial-not-positive", |_, _, leaf| leaf.serial = vec![0]);
    refused("serial-not-positive", |_, ca, _| ca.serial = vec![0x80]);
    refused("serial-long", |_, _, leaf| leaf.serial = vec![1; 21]);
    refused("serial-form", |_, _, leaf| leaf.serial = vec![0, 1]);
    refused("version", |_, _, leaf| {
        leaf.version = 0;
        leaf.extensions.clear();
    });
    refused("version-extensions", |_, ca, _| ca.version = 1);
    refused("issuer-empty", |root, ca, _| {
        root.subject = String::new();
        ca.issuer = String::new();
    });
    refused("ca-subject-empty", |root, ca, _| {
        root.subject = String::new();
        ca.issuer = String::new();
    });
    refused("extension-twice", |_, _, leaf| {
        leaf.extensions.push(leaf.extensions[0].clone());
    });
    refused("unknown-critical-extension", |root, _, _| {
        root.put(UNKNOWN, true, sequence(&[]));
    });
    refused("time-form", |_, _, leaf| {
        leaf.not_after = "20301231235959Z".into()
    });
    refused("validity-reversed", |_, _, leaf| {
        leaf.not_before = "290101000000Z".into();
    });
    refused("expired", |root, _, _| {
        root.not_after = "260201000000Z".into()
    });
    refused("not-yet-valid", |_, ca, _| {
        ca.not_before = "270201000000Z".into()
    });
    refused("signature-algorithms-disagree", |root, _, _| {
        root.outer_algorithm = sequence(&oid(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03]));
    });
    refused("signature", |_, ca, _| {
        let sha384 = sequence(&oid(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03]));
        ca.outer_algorithm.clone_from(&sha384);
        ca.inner_algorithm = sha384;
    });
}

#[test]
fn rules_for_cas_are_held_to() {
    refused("not-a-ca", |_, ca, _| ca.remove(BASIC_CONSTRAINTS));
    refused("not-a-ca", |root, _, _| root.remove(BASIC_CONSTRAINTS));
    refused("basic-constraints-not-critical", |root, _, _| {
        replace(
            root,
            BASIC_CONSTRAINTS,
            false,
            sequence(&element(0x01, &[0xff])),
        );
    });
    refused("path-length", |root, _, _| {
        replace(root, BASIC_CONSTRAINTS, true, limited(0));
    });
    refused("path-length-without-ca", |_, _, leaf| {
        leaf.put(BASIC_CONSTRAINTS, true, sequence(&element(0x02, &[0])));
    });
    refused("key-usage-cert-sign", |root, _, _| {
        replace(root, KEY_USAGE, true, element(0x03, &[1, 0b0000_0010]));
    });
    refused("key-usage-missing", |_, ca, _| ca.remove(KEY_USAGE));
    refused("subject-key-identifier-missing", |root, _, _| {
        root.remove(SUBJECT_KEY_IDENTIFIER);
    });
    refused("ca-purpose", |_, ca, _| {
        ca.put(EXTENDED_KEY_USAGE, false, sequence(&oid(&CLIENT_AUTH)));
    });
    refused("policy-constraint-not-critical", |_, ca, _| {
        ca.put(POLICY_CONSTRAINTS, false, sequence(&element(0x81, &[0])));
    });
    refused("policy-constraints-empty", |_, ca, _| {
        ca.put(POLICY_CONSTRAINTS, true, sequence(&[]));
    });
    refused("policy-required", |_, ca, _| {
        ca.put(POLICY_CONSTRAINTS, true, sequence(&element(0x80, &[0])));
    });
}

#[test]
fn rules_for_end_entities_are_held_to() {
    refused("cert-sign-without-ca", |_, _, leaf| {
        replace(leaf, KEY_USAGE, true, element(0x03, &[2, 0b1000_0100]));
    });
    refused("extension-malformed", |_, _, leaf| {
        replace(leaf, EXTENDED_KEY_USAGE, false, sequence(&[]));
    });
    refused("purpose", |_, _, leaf| {
        replace(
            leaf,
            EXTENDED_KEY_USAGE,
            false,
            sequence(&oid(&CLIENT_AUTH)),
        );
    });
    refused("name-constraints-without-ca", |_, _, leaf| {
        leaf.put(
            NAME_CONSTRAINTS,
            false,
            permitted(&element(0x82, b"example.com")),
        );
    });
    refused("no-names", |_, _, leaf| leaf.remove(SUBJECT_ALT_NAME));
    refused("san-not-critical", |_, _, leaf| {
        leaf.subject = String::new()
    });
    refused("dns-name-form", |_, _, leaf| {
        also(leaf, &element(0x82, b".example.com"))
    });
    refused("dns-name-underscore", |_, _, leaf| {
        also(leaf, &element(0x82, b"a_b.example.com"))
    });
    refused("ip-name-form", |_, _, leaf| {
        also(leaf, &element(0x87, &[10, 0, 0, 0, 255, 0, 0, 0]))
    });
    refused("email-name-form", |_, _, leaf| {
        also(leaf, &element(0x81, b"a@b@c.example"))
    });
    refused("uri-name-form", |_, _, leaf| {
        also(leaf, &element(0x86, b"/a"))
    });
    refused("authority-key-identifier-missing", |_, _, leaf| {
        leaf.remove(AUTHORITY_KEY_IDENTIFIER);
    });
    refused("key-identifier-critical", |_, _, leaf| {
        critical(leaf, AUTHORITY_KEY_IDENTIFIER)
    });
    refused("key-identifier-critical", |root, _, _| {
        critical(root, SUBJECT_KEY_IDENTIFIER)
    });
    refused("key-identifier-mismatch", |_, _, leaf| {
        replace(
            leaf,
            AUTHORITY_KEY_IDENTIFIER,
            false,
            sequence(&element(0x80, &[7; 20])),
        );
    });
    refused("authority-key-identifier-without-key", |_, _, leaf| {
        replace(leaf, AUTHORITY_KEY_IDENTIFIER, false, sequence(&[]));
    });
}

#[test]
fn an_intermediate_for_any_purpose_is_for_none_that_tls_programs_look_for() {
    let any = [0x55, 0x1d, 0x25, 0x00];
    for (profile, refuses) in [
        (Profile::Tls, true),
        (Profile::Webpki, true),
        (Profile::Rfc5280, false),
    ] {
        let judgement = judged(profile, |_, ca, _| {
            ca.put(EXTENDED_KEY_USAGE, false, sequence(&oid(&any)));
        });
        assert_eq!(errors(&judgement).contains(&"ca-purpose-any"), refuses);
        assert_eq!(judgement.is_good(), !refuses, "{profile:?}");
    }
    let judgement = judged(Profile::Tls, |root, _, _| {
        root.put(EXTENDED_KEY_USAGE, false, sequence(&oid(&any)));
    });
    assert!(judgement.is_good());
}

#[test]
fn a_trust_anchor_without_key_usage_or_authority_key_identifier_is_only_warned_of() {
    for profile in [Profile::Tls, Profile::Webpki] {
        let judgement = judged(profile, |root, _, _| root.remove(KEY_USAGE));
        assert!(judgement.is_good(), "{:#?}", judgement.findings);
        assert_eq!(judgement.findings[0].id, "anchor-key-usage-missing");
        let judgement = judged(profile, |root, _, _| {
            root.issuer = "Elsewhere".into();
            root.remove(AUTHORITY_KEY_IDENTIFIER);
        });
        assert!(judgement.is_good(), "{:#?}", judgement.findings);
    }
}

#[test]
fn a_uri_with_a_backslash_is_in_no_permitted_subtree() {
    let base = element(0x86, b"example.org");
    for (uri, is_good) in [
        (&b"https://example.org/"[..], true),
        (b"https://evil.org\\@example.org/", false),
        (b"https://example.org\\.evil.org/", false),
        (b"https://example.org/ \"", false),
    ] {
        let judgement = judged(Profile::Tls, |root, _, leaf| {
            root.put(NAME_CONSTRAINTS, true, permitted(&base));
            also(leaf, &element(0x86, uri));
        });
        assert_eq!(judgement.is_good(), is_good, "{:?}", judgement.findings);
    }
}

#[test]
fn keys_that_anyone_can_break_are_errors_under_every_profile() {
    let point = |coordinates: &[u8]| {
        let algorithm = sequence(&[oid(&EC_PUBLIC_KEY), oid(&SECP256R1)].concat());
        let bits = element(0x03, &[&[0, 4], coordinates].concat());
        sequence(&[algorithm, bits].concat())
    };
    let ed25519 =
        sequence(&[sequence(&oid(&[0x2b, 0x65, 0x70])), element(0x03, &[0; 33])].concat());
    let rsa = |modulus: &[u8]| {
        let numbers = [
            element(0x02, &[&[0], modulus].concat()),
            element(0x02, &[1, 0, 1]),
        ];
        let bits = [&[0], &sequence(&numbers.concat())[..]].concat();
        let identifier = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
        let algorithm = sequence(&[oid(&identifier), element(0x05, &[])].concat());
        sequence(&[algorithm, element(0x03, &bits)].concat())
    };
    for (key, id) in [
        (point(&[0; 64]), "key-off-curve"),
        (point(&[1; 64]), "key-off-curve"),
        (ed25519, "key-small-order"),
        // All bits set: divisible by 3.
        (rsa(&[0xff; 256]), "key-factored"),
    ] {
        for profile in [Profile::Tls, Profile::Rfc5280, Profile::Webpki] {
            let judgement = judged(profile, |_, _, leaf| {
                leaf.public_key_info = Some(key.clone());
            });
            assert!(errors(&judgement).contains(&id), "{id} {profile:?}");
        }
    }
}

#[test]
fn a_common_name_may_be_the_domain_of_a_wildcard() {
    for (common_name, is_good) in [("example.com", true), ("example.org", false)] {
        let judgement = judged(Profile::Webpki, |_, _, leaf| {
            leaf.subject = common_name.into();
            leaf.remove(SUBJECT_ALT_NAME);
            let names = [
                element(0x82, HOST.as_bytes()),
                element(0x82, b"*.example.com"),
            ];
            leaf.put(SUBJECT_ALT_NAME, false, sequence(&names.concat()));
        });
        assert_eq!(judgement.is_good(), is_good, "{:#?}", judgement.findings);
    }
}

#[test]
fn an_excluded_directory_name_is_excluded_however_it_is_composed() {
    for (excluded_name, subject) in [
        ("Caf\u{e9}", "Cafe\u{301}"),
        ("Cafe\u{301}", "Caf\u{e9}"),
        ("Stra\u{df}e", "STRASSE"),
        ("Evil Org", "Evil\u{200b} \u{a0}Org"),
    ] {
        let judgement = judged(Profile::Tls, |root, _, leaf| {
            let base = element(0xa4, &name(excluded_name));
            let subtrees = sequence(&element(0xa1, &sequence(&base)));
            root.put(NAME_CONSTRAINTS, true, subtrees);
            leaf.subject = subject.into();
        });
        assert!(errors(&judgement).contains(&"name-excluded"), "{subject:?}");
    }
}

#[test]
fn a_serial_number_or_a_date_that_grpcio_does_not_read_is_an_error() {
    let judgement = judged(Profile::Tls, |_, _, leaf| leaf.serial = vec![0, 1]);
    assert_eq!(errors(&judgement), ["serial-form"]);
    for date in ["20281231235959.5Z", "20281231235959+0000"] {
        let judgement = judged(Profile::Tls, |_, _, leaf| {
            // The other date is only unusual, and hides nothing.
            leaf.not_before = "20260101000000Z".into();
            leaf.not_after = date.into();
        });
        assert!(errors(&judgement).contains(&"time-malformed"), "{date}");
    }
}

#[test]
fn name_constraints_bind_every_form_of_name() {
    for (base, name) in [
        (
            element(0x82, b"example.org"),
            element(0x82, b"a.example.com"),
        ),
        (
            element(0x81, b"a@example.com"),
            element(0x81, b"b@example.com"),
        ),
        (
            element(0x81, b"example.com"),
            element(0x81, b"a@b.example.com"),
        ),
        (
            element(0x81, b".example.com"),
            element(0x81, b"a@example.com"),
        ),
        (
            element(0x86, b"example.com"),
            element(0x86, b"https://a.example.com/"),
        ),
        (
            element(0x87, &[10, 0, 0, 0, 255, 0, 0, 0]),
            element(0x87, &[11, 0, 0, 1]),
        ),
        (element(0xa4, &name("foo")), element(0xa4, &name("bar"))),
    ] {
        refused("name-not-permitted", |root, _, leaf| {
            root.put(NAME_CONSTRAINTS, true, permitted(&base));
            also(leaf, &name);
        });
        refused("name-excluded", |_, ca, leaf| {
            ca.put(NAME_CONSTRAINTS, true, excluded(&name_as_base(&name)));
            also(leaf, &name);
        });
    }
}

#[test]
fn name_constraints_that_mean_nothing_are_refused() {
    for base in [
        element(0x82, b"*.example.com"),
        element(0x87, &[10, 0, 0, 0]),
        element(0x87, &[10, 0, 0, 0, 255, 0, 255, 0]),
        element(0x81, b"a@b@example.com"),
        element(0x86, b"https://example.com"),
    ] {
        refused("name-constraint-malformed", |root, _, _| {
            root.put(NAME_CONSTRAINTS, true, excluded(&base));
        });
    }
    refused("name-constraint-leading-dot", |root, _, _| {
        root.put(
            NAME_CONSTRAINTS,
            true,
            permitted(&element(0x82, b".example.com")),
        );
    });
    refused("name-constraints-empty", |_, ca, _| {
        let empty = [element(0xa0, &[]), element(0xa1, &[])].concat();
        ca.put(NAME_CONSTRAINTS, true, sequence(&empty));
    });
    refused("name-constraints-not-critical", |root, _, _| {
        root.put(
            NAME_CONSTRAINTS,
            false,
            permitted(&element(0x82, b"example.com")),
        );
    });
    refused("name-constraint-undecidable", |root, _, leaf| {
        root.put(
            NAME_CONSTRAINTS,
            true,
            permitted(&element(0x86, b"example.com")),
        );
        also(leaf, &element(0x86, b"urn:a:b"));
    });
    refused("extension-malformed", |_, ca, _| {
        let null = [element(0x05, &[]), element(0x05, &[])].concat();
        ca.put(NAME_CONSTRAINTS, true, sequence(&null));
    });
}

#[test]
fn self_issued_intermediates_are_free_of_name_constraints_and_end_entities_are_not() {
    let elsewhere = sequence(&element(0x82, b"elsewhere.example"));
    let judgement = judged(Profile::Rfc5280, |root, ca, leaf| {
        root.put(
            NAME_CONSTRAINTS,
            true,
            permitted(&element(0x82, b"example.com")),
        );
        ca.subject = root.subject.clone();
        ca.put(SUBJECT_ALT_NAME, false, elsewhere.clone());
        leaf.issuer = root.subject.clone();
    });
    assert!(judgement.is_good(), "{:#?}", judgement.findings);
    refused("name-not-permitted", |root, ca, leaf| {
        root.put(
            NAME_CONSTRAINTS,
            true,
            permitted(&element(0x82, b"example.org")),
        );
        ca.subject = leaf.subject.clone();
        leaf.issuer = leaf.subject.clone();
    });
}

#[test]
fn what_public_cas_must_do_is_held_to_in_public() {
    for (rule, change) in [
        (
            "extended-key-usage-missing",
            (|leaf| leaf.remove(EXTENDED_KEY_USAGE)) as fn(&mut Draft),
        ),
        ("extended-key-usage-critical", |leaf| {
            critical(leaf, EXTENDED_KEY_USAGE)
        }),
        ("extended-key-usage-any", |leaf| {
            let any = oid(&[0x55, 0x1d, 0x25, 0x00]);
            replace(leaf, EXTENDED_KEY_USAGE, false, sequence(&any));
        }),
        ("common-name-not-in-san", |leaf| {
            leaf.subject = "NODE.example.com".into()
        }),
        ("san-critical", |leaf| critical(leaf, SUBJECT_ALT_NAME)),
        ("wildcard-public-suffix", |leaf| {
            also(leaf, &element(0x82, b"*.co.uk"))
        }),
        ("wildcard-public-suffix", |leaf| {
            also(leaf, &element(0x82, b"*.UNKNOWN-TLD"))
        }),
        ("san-type", |leaf| {
            also(leaf, &element(0x81, b"a@example.com"))
        }),
        ("ca-as-end-entity", |leaf| {
            leaf.put(BASIC_CONSTRAINTS, true, sequence(&element(0x01, &[0xff])));
        }),
    ] {
        let public = judged(Profile::Webpki, |_, _, leaf| change(leaf));
        assert!(
            errors(&public).contains(&rule),
            "{rule}: {:#?}",
            public.findings
        );
        let private = judged(Profile::Tls, |_, _, leaf| change(leaf));
        assert!(
            !errors(&private).contains(&rule),
            "{rule}: {:#?}",
            private.findings
        );
    }
}

#[test]
fn what_public_roots_must_be_like_is_held_to_in_public() {
    for (rule, change) in [
        (
            "anchor-extended-key-usage",
            (|root| {
                root.put(EXTENDED_KEY_USAGE, false, sequence(&oid(&SERVER_AUTH)));
            }) as fn(&mut Draft),
        ),
        ("root-key-identifiers-differ", |root| {
            replace(
                root,
                AUTHORITY_KEY_IDENTIFIER,
                false,
                sequence(&element(0x80, &[7; 20])),
            );
        }),
        ("root-authority-key-identifier-without-key", |root| {
            replace(root, AUTHORITY_KEY_IDENTIFIER, false, sequence(&[]));
        }),
    ] {
        let public = judged(Profile::Webpki, |root, _, _| change(root));
        assert!(
            errors(&public).contains(&rule),
            "{rule}: {:#?}",
            public.findings
        );
    }
}

#[test]
fn a_policy_that_all_cas_have_satisfies_the_one_that_requires_it() {
    let policy = |arc| sequence(&sequence(&oid(&[0x2a, 0x03, arc])));
    let with = |ca_policy, leaf_policy| {
        judged(Profile::Rfc5280, move |_, ca, leaf| {
            ca.put(POLICY_CONSTRAINTS, true, sequence(&element(0x80, &[0])));
            ca.put(CERTIFICATE_POLICIES, false, policy(ca_policy));
            leaf.put(CERTIFICATE_POLICIES, false, policy(leaf_policy));
        })
    };
    assert!(with(1, 1).is_good(), "{:#?}", with(1, 1).findings);
    assert_eq!(errors(&with(1, 2)), ["policy-required"]);
}

const HOST: &str = "node.example.com";
const NAME_CONSTRAINTS: u8 = 30;
const CERTIFICATE_POLICIES: u8 = 32;
const POLICY_CONSTRAINTS: u8 = 36;
const SERVER_AUTH: [u8; 8] = super::chain::SERVER_AUTH;
const CLIENT_AUTH: [u8; 8] = [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];

/// That RFC 5280 has this rule broken when root, intermediate and end entity are changed so.
fn refused(rule: &str, change: impl Fn(&mut Draft, &mut Draft, &mut Draft)) {
    let judgement = judged(Profile::Rfc5280, change);
    assert!(
        errors(&judgement).contains(&rule),
        "{rule}: {:#?}",
        judgement.findings
    );
}

#[test]
fn a_wildcard_below_a_suffix_that_a_company_registered_is_in_use() {
    let judgement = judged(Profile::Webpki, |_, _, leaf| {
        also(leaf, &element(0x82, b"*.s3.amazonaws.com"));
    });
    assert!(!errors(&judgement).contains(&"wildcard-public-suffix"));
}

fn judged(profile: Profile, change: impl Fn(&mut Draft, &mut Draft, &mut Draft)) -> Judgement {
    let [root, ca, server] = [Key::new(), Key::new(), Key::new()];
    let mut drafts = [
        Draft::ca("Root", "Root", &root, &root),
        Draft::ca("CA", "Root", &ca, &root),
        Draft::server(HOST, "CA", &server, &ca),
    ];
    let [first, second, third] = &mut drafts;
    change(first, second, third);
    let read = |der: Vec<u8>| Certificate::from_der(der).unwrap();
    let candidates = Candidates {
        end_entity: &read(drafts[2].sign(&server, &ca)),
        intermediates: &[read(drafts[1].sign(&ca, &root))],
        anchors: &[read(drafts[0].sign(&root, &root))],
        revocation_lists: &[],
    };
    let requirements = Requirements {
        profile,
        host: Some(ReferenceName::Dns(HOST.into())),
        purpose: Some(Purpose::Server),
        ..Requirements::at(NOW)
    };
    judge(candidates, &requirements)
}

fn errors(judgement: &Judgement) -> Vec<&'static str> {
    let findings = judgement.findings.iter();
    let severe = findings.filter(|finding| finding.severity == Severity::Error);
    severe.map(|finding| finding.id).collect()
}

fn replace(draft: &mut Draft, arc: u8, critical: bool, value: Vec<u8>) {
    draft.remove(arc);
    draft.put(arc, critical, value);
}

fn critical(draft: &mut Draft, arc: u8) {
    let extensions = draft.extensions.iter_mut();
    let found = extensions.filter(|extension| extension.oid == [0x55, 0x1d, arc]);
    found.for_each(|extension| extension.critical = true);
}

/// Adds a name to the end entity's.
fn also(leaf: &mut Draft, name: &[u8]) {
    let names = [&element(0x82, HOST.as_bytes()), name].concat();
    replace(leaf, SUBJECT_ALT_NAME, false, sequence(&names));
}

fn limited(path_length: u8) -> Vec<u8> {
    let fields = [element(0x01, &[0xff]), element(0x02, &[path_length])];
    sequence(&fields.concat())
}

fn permitted(base: &[u8]) -> Vec<u8> {
    sequence(&element(0xa0, &sequence(base)))
}

fn excluded(base: &[u8]) -> Vec<u8> {
    sequence(&element(0xa1, &sequence(base)))
}

/// The smallest subtree that a name lies in.
fn name_as_base(name: &[u8]) -> Vec<u8> {
    match (name[0], &name[2..]) {
        (0x87, address) => element(0x87, &[address, &[0xff; 4]].concat()),
        (0x86, _) => element(0x86, b"a.example.com"),
        (tag, content) => element(tag, content),
    }
}
