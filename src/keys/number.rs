//! Whole numbers for checking that the parts of a private key belong together.

use std::cmp::Ordering;

use zeroize::Zeroizing;

/// An unsigned number in limbs, least significant first; wiped on drop.
///
/// The arithmetic is the schoolbook's and takes a time that depends on the values: it is for
/// looking at a key file once, never for using the key.
pub(super) struct Number(Zeroizing<Vec<u32>>);

impl Number {
    /// The number with these big-endian bytes.
    pub(super) fn from_octets(octets: &[u8]) -> Self {
        let mut limbs = Zeroizing::new(Vec::with_capacity(octets.len() / 4 + 1));
        for chunk in octets.rchunks(4) {
            limbs.push(
                chunk
                    .iter()
                    .fold(0, |limb, octet| limb << 8 | u32::from(*octet)),
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
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn products_and_remainders_are_those_of_the_machine(a: u64, b: u64, c in 1_u128..) {
            let number = |n: u128| Number::from_octets(&n.to_be_bytes());
            let product = number(a.into()).times(&number(b.into()));
            proptest::prop_assert!(product.compare(&number(u128::from(a) * u128::from(b))).is_eq());
            let expected = u128::from(a) * u128::from(b) % c;
            proptest::prop_assert!(product.modulo(&number(c)).unwrap().compare(&number(expected)).is_eq());
        }

        #[test]
        fn a_product_modulo_a_factor_is_zero(a in proptest::collection::vec(1_u8.., 1..99), b in proptest::collection::vec(1_u8.., 1..99)) {
            let (a, b) = (Number::from_octets(&a), Number::from_octets(&b));
            proptest::prop_assert!(a.times(&b).modulo(&a).unwrap().is_zero());
        }
    }

    #[test]
    fn less_one_borrows() {
        let number = Number::from_octets(&[1, 0, 0, 0, 0]).less_one();
        assert!(number.compare(&Number::from_octets(&[0xff; 4])).is_eq());
        assert!(Number::from_octets(&[0]).less_one().is_zero());
        assert!(
            Number::from_octets(&[0])
                .modulo(&Number::from_octets(&[]))
                .is_none()
        );
    }
}
