//! RSA private keys.

use super::{NewKey, ReadKeyError, encode, pkcs8, public_key_info};
use crate::keys::number::Number;
use crate::pki::element::{Element, INTEGER, SEQUENCE, small_integer};
use crate::pki::encoding::unsigned_integer;
use crate::pki::public_key::{KeyKind, bit_length, unsigned};

/// The largest modulus that is read: twice what anyone uses, and what ring and AWS-LC end at.
pub(super) const MAX_MODULUS_OCTETS: usize = 1024;

/// Reads an RSAPrivateKey (RFC 8017 §A.1.2) and checks that its numbers belong together.
/// `algorithm` is the AlgorithmIdentifier that stands beside it.
pub(super) fn read_pkcs1(
    sequence: Element<'_>,
    kind: KeyKind,
    algorithm: &[u8],
) -> Result<NewKey, ReadKeyError> {
    let mut parts = sequence.children();
    if small_integer(parts.next(INTEGER, "the version")?, "the version")? != 0 {
        return Err(ReadKeyError::MultiPrime);
    }
    let mut number = |what| {
        parts
            .next(INTEGER, what)
            .and_then(|element| unsigned(element, what))
    };
    let modulus = number("the modulus")?;
    let public_exponent = number("the public exponent")?;
    let numbers = [
        number("the private exponent")?,
        number("the first prime")?,
        number("the second prime")?,
        number("the first exponent")?,
        number("the second exponent")?,
        number("the coefficient")?,
    ];
    parts.end("the coefficient")?;
    let all = numbers.iter().chain([&modulus, &public_exponent]);
    if all
        .into_iter()
        .any(|number| number.len() > MAX_MODULUS_OCTETS)
    {
        return Err(ReadKeyError::TooLarge);
    }
    check(modulus, public_exponent, numbers)?;
    let public = [modulus, public_exponent].map(unsigned_integer);
    let public = encode(SEQUENCE, &[&public[0], &public[1]]);
    Ok(NewKey {
        kind,
        bits: Some(bit_length(modulus)),
        public_key_info: Some(public_key_info(algorithm, &public)),
        pkcs8: pkcs8(algorithm, sequence.whole),
        is_checked: true,
    })
}

/// The rules of RFC 8017 §3.2 that can be checked without looking for primes.
fn check(modulus: &[u8], public_exponent: &[u8], numbers: [&[u8]; 6]) -> Result<(), ReadKeyError> {
    let wrong = |what| Err(ReadKeyError::Inconsistent { what });
    let [private, p, q, first, second, coefficient] = numbers.map(Number::from_octets);
    let (modulus, public) = (
        Number::from_octets(modulus),
        Number::from_octets(public_exponent),
    );
    let (p_less, q_less) = (p.less_one(), q.less_one());
    if p_less.is_zero() || q_less.is_zero() || !p.times(&q).compare(&modulus).is_eq() {
        return wrong("its primes do not multiply to its modulus");
    }
    if public_exponent.last().is_none_or(|last| last & 1 == 0) || public.is_one() {
        return wrong("its public exponent is even or 1");
    }
    let inverse = public.times(&private);
    let is_one =
        |number: &Number, modulo: &Number| number.modulo(modulo).is_some_and(|n| n.is_one());
    if !is_one(&inverse, &p_less) || !is_one(&inverse, &q_less) {
        return wrong("its exponents do not match each other");
    }
    let equals = |expected: Option<Number>, given: &Number| {
        expected.is_some_and(|expected| expected.compare(given).is_eq())
    };
    if !equals(private.modulo(&p_less), &first) || !equals(private.modulo(&q_less), &second) {
        return wrong("an exponent for one of its primes is wrong");
    }
    if !is_one(&coefficient.times(&q), &p) {
        return wrong("its coefficient is wrong");
    }
    Ok(())
}
