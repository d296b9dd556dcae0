//! RSA private keys.

use std::cmp::Ordering;

use zeroize::Zeroizing;

use super::{NewKey, ReadKeyError, encode, pkcs8, public_key_info};
use crate::pki::element::{Element, INTEGER, SEQUENCE, small_integer};
use crate::pki::encoding::unsigned_integer;
use crate::pki::public_key::{KeyKind, bit_length, unsigned};

/// The largest modulus that is read: twice what anyone uses, and what ring and AWS-LC end at.
pub(super) const MAX_MODULUS_BYTES: usize = 1024;

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
        .any(|number| number.len() > MAX_MODULUS_BYTES)
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
    let [private, p, q, first, second, coefficient] = numbers.map(Number::from_bytes);
    let (modulus, public) = (
        Number::from_bytes(modulus),
        Number::from_bytes(public_exponent),
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

/// An unsigned number in limbs, least significant first; wiped on drop.
///
/// The arithmetic is the schoolbook's and takes a time that depends on the values: it is for
/// looking at a key file once, never for using the key.
pub(super) struct Number(Zeroizing<Vec<u32>>);

impl Number {
    /// The number with these big-endian bytes.
    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        let mut limbs = Zeroizing::new(Vec::with_capacity(bytes.len() / 4 + 1));
        for chunk in bytes.rchunks(4) {
            limbs.push(
                chunk
                    .iter()
                    .fold(0, |limb, byte| limb << 8 | u32::from(*byte)),
            );
        }
        Number(limbs).trimmed()
    }

    /// The sum of the number's neighbour below; zero stays zero.
    pub(super) fn less_one(&self) -> Self {
        let mut limbs = self.0.clone();
        for limb in limbs.iter_mut() {
            let (value, borrowed) = limb.overflowing_sub(1);
            *limb = value;
            if !borrowed {
                break;
            }
        }
        if self.is_zero() {
            Number(Zeroizing::default())
        } else {
            Number(limbs).trimmed()
        }
    }

    /// The product.
    pub(super) fn times(&self, other: &Self) -> Self {
        let mut product = Zeroizing::new(vec![0_u32; self.0.len() + other.0.len()]);
        for (i, a) in self.0.iter().enumerate() {
            let mut carry = 0;
            for (j, b) in other.0.iter().enumerate() {
                let sum = u64::from(*a) * u64::from(*b) + u64::from(product[i + j]) + carry;
                product[i + j] = sum as u32;
                carry = sum >> 32;
            }
            product[i + other.0.len()] = carry as u32;
        }
        Number(product).trimmed()
    }

    /// The remainder of the division by `divisor`; `None` if that is zero.
    pub(super) fn modulo(&self, divisor: &Self) -> Option<Self> {
        if divisor.is_zero() {
            return None;
        }
        // Room for one bit more than the divisor has, so that nothing is ever moved in memory.
        let mut remainder = Zeroizing::new(vec![0_u32; divisor.0.len() + 1]);
        for limb in self.0.iter().rev() {
            for bit in (0..32).rev() {
                let mut carry = limb >> bit & 1;
                for part in remainder.iter_mut() {
                    (*part, carry) = (*part << 1 | carry, *part >> 31);
                }
                if compare(&remainder, &divisor.0) != Ordering::Less {
                    subtract(&mut remainder, &divisor.0);
                }
            }
        }
        Some(Number(remainder).trimmed())
    }

    /// Whether it is zero.
    pub(super) fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it is one.
    pub(super) fn is_one(&self) -> bool {
        self.0[..] == [1]
    }

    /// Which is larger.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        compare(&self.0, &other.0)
    }

    /// The same without zeros at the top.
    fn trimmed(mut self) -> Self {
        let length = self
            .0
            .iter()
            .rposition(|limb| *limb != 0)
            .map_or(0, |at| at + 1);
        self.0.truncate(length);
        self
    }
}

fn compare(a: &[u32], b: &[u32]) -> Ordering {
    let longer = a.len().max(b.len());
    let at = |limbs: &[u32], i: usize| limbs.get(i).copied().unwrap_or(0);
    let differing = (0..longer).rev().find(|i| at(a, *i) != at(b, *i));
    differing.map_or(Ordering::Equal, |i| at(a, i).cmp(&at(b, i)))
}

/// Takes `b` from `a`, which is not smaller.
fn subtract(a: &mut [u32], b: &[u32]) {
    let mut borrow = false;
    for (i, limb) in a.iter_mut().enumerate() {
        let (value, first) = limb.overflowing_sub(b.get(i).copied().unwrap_or(0));
        let (value, second) = value.overflowing_sub(u32::from(borrow));
        *limb = value;
        borrow = first || second;
    }
}

#[cfg(test)]
mod number_tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn products_and_remainders_are_those_of_the_machine(a: u64, b: u64, c in 1_u128..) {
            let number = |n: u128| Number::from_bytes(&n.to_be_bytes());
            let product = number(a.into()).times(&number(b.into()));
            proptest::prop_assert!(product.compare(&number(u128::from(a) * u128::from(b))).is_eq());
            let expected = u128::from(a) * u128::from(b) % c;
            proptest::prop_assert!(product.modulo(&number(c)).unwrap().compare(&number(expected)).is_eq());
        }

        #[test]
        fn a_product_modulo_a_factor_is_zero(a in proptest::collection::vec(1_u8.., 1..99), b in proptest::collection::vec(1_u8.., 1..99)) {
            let (a, b) = (Number::from_bytes(&a), Number::from_bytes(&b));
            proptest::prop_assert!(a.times(&b).modulo(&a).unwrap().is_zero());
        }
    }

    #[test]
    fn less_one_borrows() {
        let number = Number::from_bytes(&[1, 0, 0, 0, 0]).less_one();
        assert!(number.compare(&Number::from_bytes(&[0xff; 4])).is_eq());
        assert!(Number::from_bytes(&[0]).less_one().is_zero());
        assert!(
            Number::from_bytes(&[0])
                .modulo(&Number::from_bytes(&[]))
                .is_none()
        );
    }
}
