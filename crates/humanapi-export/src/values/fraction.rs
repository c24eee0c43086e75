//! Exact numbers: a decimal over a decimal.

use std::num::NonZeroU64;
use std::ops::Mul;

use bigdecimal::{BigDecimal, One as _, RoundingMode};

/// So many digits has a number whose decimal does not end.
const DIGITS: NonZeroU64 = NonZeroU64::new(15).expect("fifteen is not zero");

/// A number that is one decimal by another. Neither is rounded.
#[derive(Clone, Debug)]
pub(super) struct Fraction {
    above: BigDecimal,
    below: BigDecimal,
}

impl Fraction {
    pub(super) fn one() -> Self {
        Self::new(1, 1)
    }

    pub(super) fn new(above: i64, below: i64) -> Self {
        Self {
            above: above.into(),
            below: below.into(),
        }
    }

    pub(super) fn of(above: BigDecimal) -> Self {
        Self {
            above,
            below: BigDecimal::one(),
        }
    }

    pub(super) fn inverse(self) -> Self {
        Self {
            above: self.below,
            below: self.above,
        }
    }

    /// To a small power, be it below zero.
    pub(super) fn power(self, exponent: i32) -> Self {
        let mut power = Self::one();
        for _ in 0..exponent.unsigned_abs() {
            power = power * self.clone();
        }
        if exponent < 0 { power.inverse() } else { power }
    }

    /// Less so much.
    pub(super) fn minus(self, other: &BigDecimal) -> Self {
        Self {
            above: self.above - other * &self.below,
            below: self.below,
        }
    }

    /// The number as a decimal: exactly where it ends, else to fifteen digits.
    pub(super) fn decimal(&self) -> BigDecimal {
        let full = &self.above / &self.below;
        let ends = &full * &self.below == self.above;
        let number = if ends {
            full
        } else {
            full.with_precision_round(DIGITS, RoundingMode::HalfEven)
        };
        number.normalized()
    }

    pub(super) fn is_one(&self) -> bool {
        self.above == self.below
    }
}

impl Mul for Fraction {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        Self {
            above: self.above * other.above,
            below: self.below * other.below,
        }
    }
}
