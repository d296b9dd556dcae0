//! One change to one field of one certificate of a good chain.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::chain::{
    AUTHORITY_KEY_IDENTIFIER, BASIC_CONSTRAINTS, Draft, EXTENDED_KEY_USAGE, KEY_USAGE, Key,
    SUBJECT_ALT_NAME, SUBJECT_KEY_IDENTIFIER, UNKNOWN, element, oid, sequence,
};

pub(crate) const HOST: &str = "node.example.com";

/// A root, an intermediate and a server's certificate, as DER.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    pub(crate) root: Vec<u8>,
    pub(crate) intermediate: Vec<u8>,
    pub(crate) end_entity: Vec<u8>,
}

/// What is changed.
#[derive(Clone, Debug)]
pub(crate) struct Mutation {
    certificate: Place,
    change: Change,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Root,
    Intermediate,
    EndEntity,
}

#[derive(Clone, Debug)]
enum Change {
    Version(u8),
    Serial(Vec<u8>),
    OuterAlgorithm,
    BothAlgorithms,
    Subject(String),
    Issuer(String),
    NotBefore(&'static str),
    NotAfter(&'static str),
    Remove(u8),
    Criticality(u8),
    Twice(u8),
    Garbage(u8),
    BasicConstraints { ca: bool, path_length: Option<u8> },
    KeyUsage(u8),
    ExtendedKeyUsage(u8),
    Name(String),
    NameConstraints { excluded: bool, base: String },
    Unknown { critical: bool },
    KeyIdentifier,
    ForeignKey,
}

impl Mutation {
    pub(crate) fn any() -> impl Strategy<Value = Mutation> {
        let place = prop_oneof![
            Just(Place::Root),
            Just(Place::Intermediate),
            Just(Place::EndEntity)
        ];
        (place, change()).prop_map(|(certificate, change)| Mutation {
            certificate,
            change,
        })
    }

    /// Whether this very second is the last of a certificate's validity.
    pub(crate) fn ends_now(&self) -> bool {
        matches!(self.change, Change::NotAfter(NOW))
    }

    pub(crate) fn apply(&self) -> Chain {
        Chain::with(|place, draft| {
            if place == self.certificate {
                self.change.apply(draft);
            }
            place == self.certificate && matches!(self.change, Change::ForeignKey)
        })
    }
}

impl Chain {
    pub(crate) fn good() -> Self {
        Chain::with(|_, _| false)
    }

    /// A chain whose certificates are changed, and signed by a key that is not their issuer's
    /// where `change` says so.
    fn with(change: impl Fn(Place, &mut Draft) -> bool) -> Self {
        let Keys {
            root,
            intermediate,
            server,
            foreign,
        } = &*KEYS;
        let sign = |place, mut draft: Draft, key: &Key, issuers_key: &Key| {
            let is_foreign = change(place, &mut draft);
            draft.sign(key, if is_foreign { foreign } else { issuers_key })
        };
        let issuer = "Intermediate";
        Chain {
            root: sign(
                Place::Root,
                Draft::ca("Root", "Root", root, root),
                root,
                root,
            ),
            intermediate: sign(
                Place::Intermediate,
                Draft::ca(issuer, "Root", intermediate, root),
                intermediate,
                root,
            ),
            end_entity: sign(
                Place::EndEntity,
                Draft::server(HOST, issuer, server, intermediate),
                server,
                intermediate,
            ),
        }
    }
}

struct Keys {
    root: Key,
    intermediate: Key,
    server: Key,
    foreign: Key,
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys {
    root: Key::new(),
    intermediate: Key::new(),
    server: Key::new(),
    foreign: Key::new(),
});

fn change() -> impl Strategy<Value = Change> {
    let arc = || {
        prop::sample::select(vec![
            SUBJECT_KEY_IDENTIFIER,
            KEY_USAGE,
            SUBJECT_ALT_NAME,
            BASIC_CONSTRAINTS,
            AUTHORITY_KEY_IDENTIFIER,
            EXTENDED_KEY_USAGE,
        ])
    };
    let host = prop::sample::select(vec![
        "node.example.com",
        "*.example.com",
        "*.com",
        "example.com",
        "NODE.example.COM",
        "other.example.com",
        "node.example.org",
        ".example.com",
        "com",
        "",
    ]);
    let host = host.prop_map(str::to_owned);
    prop_oneof![
        (0..3_u8).prop_map(Change::Version),
        prop::collection::vec(any::<u8>(), 1..24).prop_map(Change::Serial),
        Just(Change::OuterAlgorithm),
        Just(Change::BothAlgorithms),
        "[a-zA-Z ]{0,12}".prop_map(Change::Subject),
        "(Root|root|Intermediate|intermediate|Other)".prop_map(Change::Issuer),
        prop::sample::select(TIMES.to_vec()).prop_map(Change::NotBefore),
        prop::sample::select(TIMES.to_vec()).prop_map(Change::NotAfter),
        arc().prop_map(Change::Remove),
        arc().prop_map(Change::Criticality),
        arc().prop_map(Change::Twice),
        arc().prop_map(Change::Garbage),
        (any::<bool>(), prop::option::of(0..3_u8))
            .prop_map(|(ca, path_length)| Change::BasicConstraints { ca, path_length }),
        any::<u8>().prop_map(Change::KeyUsage),
        (0..10_u8).prop_map(Change::ExtendedKeyUsage),
        host.clone().prop_map(Change::Name),
        (any::<bool>(), host)
            .prop_map(|(excluded, base)| Change::NameConstraints { excluded, base }),
        any::<bool>().prop_map(|critical| Change::Unknown { critical }),
        Just(Change::KeyIdentifier),
        Just(Change::ForeignKey),
    ]
}

const NOW: &str = "261120080500Z";
const TIMES: &[&str] = &[
    "200101000000Z",
    NOW,
    "261120080459Z",
    "261120080501Z",
    "400101000000Z",
    "20400101000000Z",
    "20550101000000Z",
];

impl Change {
    fn apply(&self, draft: &mut Draft) {
        match self {
            Change::Version(version) => draft.version = *version,
            Change::Serial(octets) => draft.serial.clone_from(octets),
            Change::OuterAlgorithm => draft.outer_algorithm = ecdsa_sha384(),
            Change::BothAlgorithms => {
                draft.inner_algorithm = ecdsa_sha384();
                draft.outer_algorithm = ecdsa_sha384();
            }
            Change::Subject(name) => draft.subject.clone_from(name),
            Change::Issuer(name) => draft.issuer.clone_from(name),
            Change::NotBefore(time) => draft.not_before = (*time).into(),
            Change::NotAfter(time) => draft.not_after = (*time).into(),
            Change::Remove(arc) => draft.remove(*arc),
            Change::Criticality(arc) => {
                for extension in &mut draft.extensions {
                    extension.critical ^= extension.oid == [0x55, 0x1d, *arc];
                }
            }
            Change::Twice(arc) => {
                let again = draft.extensions.iter().find(|e| e.oid[2] == *arc).cloned();
                draft.extensions.extend(again);
            }
            Change::Garbage(arc) => {
                for extension in draft.extensions.iter_mut().filter(|e| e.oid[2] == *arc) {
                    extension.value = vec![0x30, 0x03, 0x02, 0x01];
                }
            }
            Change::BasicConstraints { ca, path_length } => {
                let ca = ca.then(|| element(0x01, &[0xff])).unwrap_or_default();
                let length = path_length.map(|n| element(0x02, &[n])).unwrap_or_default();
                let value = sequence(&[ca, length].concat());
                Change::replace(draft, BASIC_CONSTRAINTS, true, value);
            }
            Change::KeyUsage(bits) => {
                let unused = bits.trailing_zeros().min(7) as u8;
                let value = element(0x03, &[unused, *bits]);
                Change::replace(draft, KEY_USAGE, true, value);
            }
            Change::ExtendedKeyUsage(arc) => {
                let usage = oid(&[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, *arc]);
                Change::replace(draft, EXTENDED_KEY_USAGE, false, sequence(&usage));
            }
            Change::Name(host) => {
                let names = sequence(&element(0x82, host.as_bytes()));
                Change::replace(draft, SUBJECT_ALT_NAME, false, names);
            }
            Change::NameConstraints { excluded, base } => {
                let subtree = sequence(&element(0x82, base.as_bytes()));
                let tag = if *excluded { 0xa1 } else { 0xa0 };
                draft.put(NAME_CONSTRAINTS, true, sequence(&element(tag, &subtree)));
            }
            Change::Unknown { critical } => draft.put(UNKNOWN, *critical, sequence(&[])),
            Change::KeyIdentifier => {
                let other = sequence(&element(0x80, &[7; 20]));
                Change::replace(draft, AUTHORITY_KEY_IDENTIFIER, false, other);
            }
            Change::ForeignKey => {}
        }
    }

    fn replace(draft: &mut Draft, arc: u8, critical: bool, value: Vec<u8>) {
        draft.remove(arc);
        draft.put(arc, critical, value);
    }
}

const NAME_CONSTRAINTS: u8 = 30;

fn ecdsa_sha384() -> Vec<u8> {
    sequence(&oid(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03]))
}
