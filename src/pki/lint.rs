//! What is wrong with a plan, before it is signed.

use std::fmt;

use num_bigint::BigUint;

use super::fingerprint::Hex;
use super::name::AttributeType;
use super::plan::{BasicConstraints, IssuancePlan, KeyUsage};
use super::public_key::{Curve, KeyKind, PublicKey, bit_length};
use super::san::SubjectAltName;
use super::usage::{OCSP_SIGNING, SERVER_AUTH};

/// A rule of RFC 5280 or of common practice that a plan breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lint {
    /// The rule's short name.
    pub id: &'static str,
    /// What is wrong, as a lower-case clause.
    pub message: String,
    /// Where the rule stands.
    pub reference: &'static str,
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {})", self.message, self.id, self.reference)
    }
}

/// Everything that is wrong with a plan; empty if it may be signed.
///
/// Does not look at the key or the issuer's certificate beyond what the plan says of them.
pub fn lint(plan: &IssuancePlan) -> Vec<Lint> {
    RULES
        .iter()
        .filter_map(|(id, reference, rule)| {
            rule(plan).map(|message| Lint {
                id,
                message,
                reference,
            })
        })
        .collect()
}

type Rule = fn(&IssuancePlan) -> Option<String>;

const RULES: [(&str, &str, Rule); 9] = [
    ("validity-order", "RFC 5280 §4.1.2.5", |plan| {
        (plan.validity.not_before() >= plan.validity.not_after())
            .then(|| "its validity ends before it starts".into())
    }),
    ("issuer-empty", "RFC 5280 §4.1.2.4", |plan| {
        plan.issuer.is_empty().then(|| "its issuer is empty".into())
    }),
    ("ca-subject-empty", "RFC 5280 §4.1.2.6", |plan| {
        (is_ca(plan) && plan.subject.is_empty()).then(|| "the subject of a CA is empty".into())
    }),
    ("no-name", "RFC 5280 §4.1.2.6", |plan| {
        // A responder is named by its key (RFC 6960 §4.2.2.3).
        let is_responder = plan.extended_key_usages[..] == [OCSP_SIGNING];
        (!is_ca(plan) && !is_responder && plan.subject_alt_names.is_empty())
            .then(|| "it has no subject alternative name".into())
    }),
    ("key-usage-role", "RFC 5280 §4.2.1.3", |plan| {
        ((plan.key_usage == KeyUsage::Ca) != is_ca(plan))
            .then(|| "its keyUsage does not match its role".into())
    }),
    ("extended-key-usage-missing", "RFC 5280 §4.2.1.12", |plan| {
        (plan.key_usage == KeyUsage::EndEntity && plan.extended_key_usages.is_empty())
            .then(|| "it has no extended key usage".into())
    }),
    ("name-constraints-role", "RFC 5280 §4.2.1.10", |plan| {
        (!is_ca(plan) && !plan.name_constraints.is_empty())
            .then(|| "an end entity has name constraints".into())
    }),
    ("common-name-not-in-names", "CABF BR §7.1.4.3", |plan| {
        let server = plan.extended_key_usages.contains(&SERVER_AUTH);
        let names: Vec<_> = plan
            .subject_alt_names
            .iter()
            .map(SubjectAltName::value)
            .collect();
        let missing = plan
            .subject
            .values(AttributeType::CommonName)
            .into_iter()
            .find(|cn| !names.contains(&cn.as_str().into()));
        missing.filter(|_| server).map(|cn| {
            format!(
                "its common name '{}' is not among its names",
                cn.escape_debug()
            )
        })
    }),
    ("name-twice", "RFC 5280 §4.2.1.6", |plan| {
        let mut names: Vec<_> = plan.subject_alt_names.iter().collect();
        names.sort();
        names
            .windows(2)
            .find(|pair| pair[0] == pair[1])
            .map(|pair| format!("the name {} appears twice", pair[0]))
    }),
];

fn is_ca(plan: &IssuancePlan) -> bool {
    match plan.basic_constraints {
        BasicConstraints::Ca { .. } => true,
        BasicConstraints::EndEntity => false,
    }
}

/// Why a public key protects nothing, or too little.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    /// Not a point of the named curve, (0, 0) for example.
    #[error("its point is not on the curve {curve}")]
    OffCurve {
        /// The curve.
        curve: Curve,
    },
    /// One of the eight points of small order: anyone can forge signatures, or knows the shared secret.
    #[error("its point has a small order, so that it protects nothing")]
    SmallOrder,
    /// An RSA modulus below [`MIN_RSA_BITS`].
    #[error("its RSA modulus has {bits} bits, fewer than {MIN_RSA_BITS}")]
    SmallModulus {
        /// Its size in bits.
        bits: usize,
    },
    /// An RSA modulus with a tiny factor.
    #[error("its RSA modulus is divisible by {factor}")]
    SmallFactor {
        /// The factor.
        factor: u64,
    },
    /// An RSA exponent that is even, or below [`MIN_RSA_EXPONENT`].
    #[error("its RSA exponent is {exponent}, not an odd number from {MIN_RSA_EXPONENT}")]
    Exponent {
        /// The exponent.
        exponent: u64,
    },
    /// A modulus with the fingerprint of Infineon's broken generator, which can be factored.
    #[error("its RSA modulus comes from a broken generator (ROCA, CVE-2017-15361)")]
    Roca,
}

impl PublicKey {
    /// Why the key must not be trusted; `None` if nothing was found, or its kind is unknown.
    ///
    /// Takes a few microseconds, about 50 for a compressed point. Does not look for the keys of Debian's
    /// generator of 2008, nor for primes that are close to each other.
    pub fn weakness(&self) -> Option<Weakness> {
        match self.kind {
            KeyKind::Ec(curve) => {
                (!is_on_curve(curve, &self.key)).then_some(Weakness::OffCurve { curve })
            }
            KeyKind::Ed25519 => is_small_order(&self.key, &ED25519_SMALL_ORDER),
            KeyKind::X25519 => is_small_order(&self.key, &X25519_SMALL_ORDER),
            KeyKind::Rsa | KeyKind::RsaPss => {
                let (modulus, exponent) = self.rsa_numbers()?;
                rsa_weakness(modulus, exponent)
            }
            KeyKind::EcOther
            | KeyKind::EcExplicit
            | KeyKind::Ed448
            | KeyKind::X448
            | KeyKind::Dsa
            | KeyKind::Other => None,
        }
    }
}

/// The smallest RSA modulus that is accepted (CABF BR §6.1.5).
pub const MIN_RSA_BITS: usize = 2048;
/// The smallest RSA exponent that is accepted (CABF BR §6.1.6).
pub const MIN_RSA_EXPONENT: u64 = 65537;

fn rsa_weakness(modulus: &[u8], exponent: &[u8]) -> Option<Weakness> {
    let bits = bit_length(modulus);
    if bits < MIN_RSA_BITS {
        return Some(Weakness::SmallModulus { bits });
    }
    let residues = residues(modulus);
    if let Some((factor, _)) = residues.into_iter().find(|(_, residue)| *residue == 0) {
        return Some(Weakness::SmallFactor { factor });
    }
    // An exponent of more than eight bytes is odd or not, but never small.
    let low = exponent.iter().rev().take(8).rev();
    let low = low.fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    let is_small = exponent.len() <= 8 && low < MIN_RSA_EXPONENT;
    if is_small || low % 2 == 0 {
        return Some(Weakness::Exponent { exponent: low });
    }
    is_roca(&residues).then_some(Weakness::Roca)
}

/// Whether the modulus is a power of 65537 modulo every small prime, as all of Infineon's are and one in
/// 2^154 others ([Nemec et al., The Return of Coppersmith's Attack, §2.3](https://crocs.fi.muni.cz/public/papers/rsa_ccs17)).
fn is_roca(residues: &[(u64, u64)]) -> bool {
    let is_power = |&(p, wanted): &(u64, u64)| {
        let mut power = 1;
        loop {
            if power == wanted {
                return true;
            }
            power = power * 65537 % p;
            if power == 1 {
                return false;
            }
        }
    };
    residues.iter().skip(1).all(is_power)
}

/// What is left of a number when it is divided by each of the small primes: first by products of them, four bytes
/// at a time.
fn residues(number: &[u8]) -> [(u64, u64); SMALL_PRIMES.len()] {
    let mut residues = SMALL_PRIMES.map(|prime| (prime, 0));
    let (head, words) = number.as_rchunks::<4>();
    let head = head
        .iter()
        .fold(0, |value, byte| value << 8 | u64::from(*byte));
    let mut start = 0;
    for count in PRIMES_PER_PRODUCT {
        let primes = &mut residues[start..start + count];
        start += count;
        let product: u64 = primes.iter().map(|(prime, _)| prime).product();
        let rest = words.iter().fold(head % product, |rest, word| {
            (rest << 32 | u64::from(u32::from_be_bytes(*word))) % product
        });
        for (prime, residue) in primes {
            *residue = rest % *prime;
        }
    }
    residues
}

/// Whether `y² = x³ + ax + b`; whether there is such a `y` for a compressed point (SEC 1 §2.3.4).
fn is_on_curve(curve: Curve, point: &[u8]) -> bool {
    let [form, coordinates @ ..] = point else {
        return false;
    };
    let number = |hex: &str| BigUint::parse_bytes(hex.as_bytes(), 16).unwrap_or_default();
    let (p, a, b) = parameters(curve);
    let (p, a, b) = (number(p), number(a), number(b));
    let (x, y) = coordinates.split_at(coordinates.len().min(curve.field_bytes()));
    let (x, y) = (BigUint::from_bytes_be(x), BigUint::from_bytes_be(y));
    if x >= p || y >= p {
        return false;
    }
    let right = ((&x * &x + a) * &x + b) % &p;
    match form {
        2 | 3 => right.modpow(&((&p - 1_u8) / 2_u8), &p) <= BigUint::from(1_u8),
        _ => &y * &y % p == right,
    }
}

/// The prime and the coefficients of a curve, in hex (SEC 2, RFC 5639).
fn parameters(curve: Curve) -> (&'static str, &'static str, &'static str) {
    match curve {
        Curve::P224 => (
            "ffffffffffffffffffffffffffffffff000000000000000000000001",
            "fffffffffffffffffffffffffffffffefffffffffffffffffffffffe",
            "b4050a850c04b3abf54132565044b0b7d7bfd8ba270b39432355ffb4",
        ),
        Curve::P256 => (
            "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
            "ffffffff00000001000000000000000000000000fffffffffffffffffffffffc",
            "5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b",
        ),
        Curve::P384 => (
            "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffff",
            "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000fffffffc",
            "b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef",
        ),
        Curve::P521 => (
            "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc",
            "51953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00",
        ),
        Curve::Secp256k1 => (
            "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f",
            "0",
            "7",
        ),
        Curve::BrainpoolP256r1 => (
            "a9fb57dba1eea9bc3e660a909d838d726e3bf623d52620282013481d1f6e5377",
            "7d5a0975fc2c3057eef67530417affe7fb8055c126dc5c6ce94a4b44f330b5d9",
            "26dc5c6ce94a4b44f330b5d9bbd77cbf958416295cf7e1ce6bccdc18ff8c07b6",
        ),
        Curve::BrainpoolP384r1 => (
            "8cb91e82a3386d280f5d6f7e50e641df152f7109ed5456b412b1da197fb71123acd3a729901d1a71874700133107ec53",
            "7bc382c63d8c150c3c72080ace05afa0c2bea28e4fb22787139165efba91f90f8aa5814a503ad4eb04a8c7dd22ce2826",
            "04a8c7dd22ce28268b39b55416f0447c2fb77de107dcd2a62e880ea53eeb62d57cb4390295dbc9943ab78696fa504c11",
        ),
        Curve::BrainpoolP512r1 => (
            "aadd9db8dbe9c48b3fd4e6ae33c9fc07cb308db3b3c9d20ed6639cca703308717d4d9b009bc66842aecda12ae6a380e62881ff2f2d82c68528aa6056583a48f3",
            "7830a3318b603b89e2327145ac234cc594cbdd8d3df91610a83441caea9863bc2ded5d5aa8253aa10a2ef1c98b9ac8b57f1117a72bf2c7b9e7c1ac4d77fc94ca",
            "3df91610a83441caea9863bc2ded5d5aa8253aa10a2ef1c98b9ac8b57f1117a72bf2c7b9e7c1ac4d77fc94cadc083e67984050b75ebae5dd2809bd638016f723",
        ),
    }
}

/// The sign of Ed25519 and the unused bit of X25519 do not count.
fn is_small_order(key: &[u8], points: &[&str]) -> Option<Weakness> {
    let mut key = key.to_vec();
    if let Some(last) = key.last_mut() {
        *last &= 0x7f;
    }
    points
        .contains(&&*Hex(&key).to_string())
        .then_some(Weakness::SmallOrder)
}

/// The points of order 1, 2, 4 and 8, canonical or not, without their sign
/// ([Cremers and Jackson, Prime, Order Please!, table 1](https://eprint.iacr.org/2019/526)).
const ED25519_SMALL_ORDER: [&str; 7] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];
/// The same for X25519 (the same paper).
const X25519_SMALL_ORDER: [&str; 7] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];
/// The primes up to 167: those that the fingerprint of ROCA is taken with, and 2.
const SMALL_PRIMES: [u64; 39] = [
    2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];
/// How many of them, in their order, have a product below 2^32.
const PRIMES_PER_PRODUCT: [usize; 8] = [9, 6, 5, 5, 4, 4, 4, 2];

#[cfg(test)]
mod weakness_tests {
    use super::*;
    use crate::pki::encoding::{sequence, unsigned_integer};
    use crate::pki::public_key::rsa_public_key_info;

    #[test]
    fn residues_are_those_of_division() {
        assert_eq!(PRIMES_PER_PRODUCT.iter().sum::<usize>(), SMALL_PRIMES.len());
        let number: Vec<u8> = (1..=67).map(|byte| byte * 3).collect();
        for (prime, residue) in residues(&number) {
            let expected = BigUint::from_bytes_be(&number) % prime;
            assert_eq!(BigUint::from(residue), expected, "{prime}");
        }
    }

    #[test]
    fn a_point_lies_on_its_curve_or_is_found_out() {
        for (curve, x, y) in GENERATORS {
            let point = |form: u8, y: &str| {
                let mut point = vec![form];
                for hex in [x, y] {
                    let number = BigUint::parse_bytes(hex.as_bytes(), 16);
                    let bytes = number.map(|n| n.to_bytes_be()).unwrap_or_default();
                    let padding = if hex.is_empty() {
                        0
                    } else {
                        curve.field_bytes() - bytes.len()
                    };
                    point.extend(std::iter::repeat_n(0, padding));
                    point.extend(bytes);
                }
                point
            };
            assert!(is_on_curve(curve, &point(4, y)), "{curve}");
            assert!(is_on_curve(curve, &point(3, "")), "{curve}, compressed");
            let mut off = point(4, y);
            *off.last_mut().unwrap() ^= 1;
            assert!(!is_on_curve(curve, &off), "{curve}");
            assert!(!is_on_curve(
                curve,
                &[&[4][..], &vec![0; 2 * curve.field_bytes()]].concat()
            ));
        }
    }

    #[test]
    fn points_of_small_order_are_found_whatever_their_sign() {
        let header = [
            0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
        ];
        let mut der = [&header[..], &[0; 32]].concat();
        for last in [0, 0x80] {
            der[43] = last;
            let key = PublicKey::from_der(&der).unwrap();
            assert_eq!(key.weakness(), Some(Weakness::SmallOrder));
        }
        der[43] = 9;
        assert_eq!(PublicKey::from_der(&der).unwrap().weakness(), None);
    }

    #[test]
    fn rsa_keys_that_can_be_factored_or_are_too_short_are_found() {
        let weakness = |modulus: &BigUint, exponent: u32| {
            rsa(
                &modulus.to_bytes_be(),
                &BigUint::from(exponent).to_bytes_be(),
            )
            .weakness()
        };
        let odd_primes = SMALL_PRIMES.into_iter().skip(1).map(BigUint::from);
        let step = odd_primes.product::<BigUint>() * 2_u8;
        let roca = (BigUint::from(1_u8) << 2047_u32) / &step * &step + &step + 65537_u32;
        assert_eq!(weakness(&roca, 65537), Some(Weakness::Roca));
        let mut others = (1_u32..).map(|n| &roca + n * 2);
        let good = others.find(|n| weakness(n, 65537).is_none()).unwrap();
        assert_eq!(weakness(&good, 3), Some(Weakness::Exponent { exponent: 3 }));
        assert_eq!(
            weakness(&good, 65538),
            Some(Weakness::Exponent { exponent: 65538 })
        );
        assert_eq!(
            weakness(&(&good + 1_u8), 65537),
            Some(Weakness::SmallFactor { factor: 2 })
        );
        let short = Some(Weakness::SmallModulus { bits: 512 });
        assert_eq!(weakness(&(BigUint::from(1_u8) << 511_u32), 65537), short);
    }

    fn rsa(modulus: &[u8], exponent: &[u8]) -> PublicKey {
        let key = sequence(&[&unsigned_integer(modulus), &unsigned_integer(exponent)]);
        PublicKey::from_der(&rsa_public_key_info(&key).unwrap()).unwrap()
    }

    /// The generators, as OpenSSL prints them.
    const GENERATORS: [(Curve, &str, &str); 8] = [
        (
            Curve::P224,
            "b70e0cbd6bb4bf7f321390b94a03c1d356c21122343280d6115c1d21",
            "bd376388b5f723fb4c22dfe6cd4375a05a07476444d5819985007e34",
        ),
        (
            Curve::P256,
            "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
            "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
        ),
        (
            Curve::P384,
            "aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7",
            "3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f",
        ),
        (
            Curve::P521,
            "00c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b5e77efe75928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66",
            "011839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17273e662c97ee72995ef42640c550b9013fad0761353c7086a272c24088be94769fd16650",
        ),
        (
            Curve::Secp256k1,
            "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
            "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8",
        ),
        (
            Curve::BrainpoolP256r1,
            "8bd2aeb9cb7e57cb2c4b482ffc81b7afb9de27e1e3bd23c23a4453bd9ace3262",
            "547ef835c3dac4fd97f8461a14611dc9c27745132ded8e545c1d54c72f046997",
        ),
        (
            Curve::BrainpoolP384r1,
            "1d1c64f068cf45ffa2a63a81b7c13f6b8847a3e77ef14fe3db7fcafe0cbd10e8e826e03436d646aaef87b2e247d4af1e",
            "8abe1d7520f9c2a45cb1eb8e95cfd55262b70b29feec5864e19c054ff99129280e4646217791811142820341263c5315",
        ),
        (
            Curve::BrainpoolP512r1,
            "81aee4bdd82ed9645a21322e9c4c6a9385ed9f70b5d916c1b43b62eef4d0098eff3b1f78e2d0d48d50d1687b93b97d5f7c6d5047406a5e688b352209bcb9f822",
            "7dde385d566332ecc0eabfa9cf7822fdf209f70024a57b1aa000c55b881f8111b2dcde494a5f485e5bca4bd88a2763aed1ca2b2fa8f0540678cd1e0f3ad80892",
        ),
    ];
}
