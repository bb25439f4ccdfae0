//! Special functions on a logarithmic scale, so that no tail underflows.

use statrs::function::beta;

/// Steps of the continued fraction. It converges in about the square root of the larger parameter: 30,000 at 10⁹.
const MAX_STEPS: u32 = 200_000;

/// A count as a real number: exact up to 2⁵³.
#[allow(clippy::cast_precision_loss)]
pub fn real(count: u64) -> f64 {
    count as f64
}

/// The logarithm of B(a, b); parameters at or below 0 are taken as the smallest positive number.
pub fn ln_beta(a: f64, b: f64) -> f64 {
    beta::ln_beta(a.max(f64::MIN_POSITIVE), b.max(f64::MIN_POSITIVE))
}

/// `count · ln(p)`, which is 0 for a count of 0 whatever p is.
pub fn times_ln(count: f64, p: f64) -> f64 {
    if count == 0.0 { 0.0 } else { count * p.ln() }
}

/// `count · ln(1 − p)`, precise for small p.
pub fn times_ln_1m(count: f64, p: f64) -> f64 {
    if count == 0.0 { 0.0 } else { count * (-p).ln_1p() }
}

/// The logarithm of the regularised incomplete beta function `I_x(a, b)` for 0 < x < 1.
pub fn ln_inc_beta(a: f64, b: f64, x: f64) -> f64 {
    if x < (a + 1.0) / (a + b + 2.0) {
        tail(a, b, x.ln(), (-x).ln_1p(), x)
    } else {
        let other = tail(b, a, (-x).ln_1p(), x.ln(), 1.0 - x);
        (-other.min(0.0).exp_m1()).ln()
    }
}

/// The logarithm of `1 − I_x(a, b)`.
pub fn ln_inc_beta_upper(a: f64, b: f64, x: f64) -> f64 {
    if x < (a + 1.0) / (a + b + 2.0) {
        let other = tail(a, b, x.ln(), (-x).ln_1p(), x);
        (-other.min(0.0).exp_m1()).ln()
    } else {
        tail(b, a, (-x).ln_1p(), x.ln(), 1.0 - x)
    }
}

/// `I_x(a, b)` below its mean, where the continued fraction converges (DLMF 8.17.22, by Lentz's method).
fn tail(a: f64, b: f64, ln_x: f64, ln_1m_x: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let nonzero = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut ahead = 1.0;
    let mut inverse = 1.0 / nonzero(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = inverse;
    for step in 1..=MAX_STEPS {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let before = fraction;
        for term in [even, odd] {
            inverse = 1.0 / nonzero(1.0 + term * inverse);
            ahead = nonzero(1.0 + term / ahead);
            fraction *= inverse * ahead;
        }
        if (fraction / before - 1.0).abs() < 1e-15 {
            break;
        }
    }
    a * ln_x + b * ln_1m_x - a.ln() - ln_beta(a, b) + fraction.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_plain_function_where_that_does_not_underflow() {
        for (a, b, x) in
            [(0.5, 0.5, 0.3), (2.5, 40.5, 0.01), (2.5, 40.5, 0.2), (30.5, 10.5, 0.5), (30.5, 10.5, 0.9)]
        {
            let plain = beta::beta_reg(a, b, x);
            assert!((ln_inc_beta(a, b, x) - plain.ln()).abs() < 1e-10, "{a} {b} {x}");
            assert!((ln_inc_beta_upper(a, b, x) - (1.0 - plain).ln()).abs() < 1e-9, "{a} {b} {x}");
        }
    }

    #[test]
    fn a_tail_far_below_the_smallest_number_keeps_its_logarithm() {
        // I_x(1, b) = 1 − (1 − x)^b, so 1 − I_x(1, b) = (1 − x)^b.
        let upper = ln_inc_beta_upper(1.0, 1e6, 0.5);
        assert!((upper / (1e6 * 0.5f64.ln()) - 1.0).abs() < 1e-9, "{upper}");
        let lower = ln_inc_beta(1e6, 1.0, 0.5);
        assert!((lower / (1e6 * 0.5f64.ln()) - 1.0).abs() < 1e-9, "{lower}");
    }

    #[test]
    fn large_parameters_at_the_mean_converge() {
        let half = ln_inc_beta(5e8, 5e8, 0.5);
        assert!((half - 0.5f64.ln()).abs() < 1e-4, "{half}");
    }

    #[test]
    fn a_count_of_nothing_weighs_nothing() {
        assert!(times_ln(0.0, 0.0).abs() < f64::EPSILON);
        assert!(times_ln_1m(0.0, 1.0).abs() < f64::EPSILON);
    }
}
