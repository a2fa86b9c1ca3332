//! Numbers as people read them.

/// Rounded to a whole number, thousands set apart by commas; from 10^15 in powers of ten.
pub(crate) fn thousands(x: f64) -> String {
    if x.abs() >= 1e15 {
        return format!("{x:.2e}");
    }
    let digits = format!("{:.0}", x.abs());
    let mut out = String::new();
    if x < 0.0 && digits != "0" {
        out.push('-');
    }
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The label of a tick at mantissa x 10^exponent; `powers` where the axis reaches a million or goes below one.
pub(crate) fn tick(mantissa: u32, exponent: i32, powers: bool) -> String {
    if !powers {
        return thousands(f64::from(mantissa) * 10.0_f64.powi(exponent));
    }
    let power = format!("10{}", superscript(exponent));
    match mantissa {
        1 => power,
        _ => format!("{mantissa}×{power}"),
    }
}

fn superscript(n: i32) -> String {
    n.to_string()
        .chars()
        .map(|c| match c {
            '0' => '⁰',
            '1' => '¹',
            '2' => '²',
            '3' => '³',
            '4' => '⁴',
            '5' => '⁵',
            '6' => '⁶',
            '7' => '⁷',
            '8' => '⁸',
            '9' => '⁹',
            _ => '⁻',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(thousands(0.0), "0");
        assert_eq!(thousands(-0.2), "0");
        assert_eq!(thousands(999.4), "999");
        assert_eq!(thousands(4_608.0), "4,608");
        assert_eq!(thousands(-1_234_567.0), "-1,234,567");
        assert_eq!(thousands(2e20), "2.00e20");
    }

    #[test]
    fn ticks_read_well() {
        assert_eq!(tick(2, 3, false), "2,000");
        assert_eq!(tick(1, 6, true), "10⁶");
        assert_eq!(tick(5, -12, true), "5×10⁻¹²");
    }
}
