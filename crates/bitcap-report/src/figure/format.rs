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

/// A difference with its sign; 0 is nothing but the same.
pub(crate) fn change(x: f64) -> String {
    let sign = if x > 0.0 { "+" } else { "" };
    match x.abs() {
        0.0 => "0".to_owned(),
        size if size < 0.005 => format!("{x:+.1e}"),
        size if size < 99.995 => format!("{x:+.2}"),
        _ => format!("{sign}{}", thousands(x)),
    }
}

/// Seconds, to three digits or to the whole one.
pub(crate) fn seconds(x: f64) -> String {
    match x {
        x if x < 9.995 => format!("{x:.2}"),
        x if x < 99.95 => format!("{x:.1}"),
        x => thousands(x),
    }
}

/// The label of a tick at mantissa x 10^exponent; `powers` where the axis goes far beyond what people write out.
pub(crate) fn tick(mantissa: u32, exponent: i32, powers: bool) -> String {
    if !powers && exponent < 0 {
        let digits = exponent.unsigned_abs() as usize;
        return format!("{:.digits$}", f64::from(mantissa) * 10.0_f64.powi(exponent));
    }
    if !powers {
        return thousands(f64::from(mantissa) * 10.0_f64.powi(exponent));
    }
    let power = format!("10{}", superscript(exponent));
    match mantissa {
        1 => power,
        _ => format!("{mantissa}×{power}"),
    }
}

/// A multiple of `step` in powers of ten, with as many digits as tell it from the next.
pub(crate) fn decimal(x: f64, step: f64) -> String {
    if x.abs() < step / 2.0 {
        return "0".to_owned();
    }
    let digits = (x.abs().log10().floor() - step.log10().floor()).clamp(0.0, 6.0) as usize;
    let text = format!("{x:.digits$e}").replace('-', "−");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent = superscript(exponent.replace('−', "-").parse().unwrap_or(0));
    let mantissa = match mantissa.contains('.') {
        true => mantissa.trim_end_matches('0').trim_end_matches('.'),
        false => mantissa,
    };
    match mantissa {
        "1" => format!("10{exponent}"),
        "−1" => format!("−10{exponent}"),
        mantissa => format!("{mantissa}×10{exponent}"),
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
    fn changes_have_a_sign_and_are_0_only_where_nothing_changed() {
        for (x, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (2e-13, "+2.0e-13"),
            (-0.004, "-4.0e-3"),
            (0.25, "+0.25"),
            (-99.99, "-99.99"),
            (99.999, "+100"),
            (-1_234.4, "-1,234"),
            (2e20, "+2.00e20"),
        ] {
            assert_eq!(change(x), text);
        }
    }

    #[test]
    fn seconds_have_three_digits() {
        for (x, text) in [
            (0.0, "0.00"),
            (9.99, "9.99"),
            (9.999, "10.0"),
            (99.96, "100"),
            (86_400.2, "86,400"),
        ] {
            assert_eq!(seconds(x), text);
        }
    }

    #[test]
    fn ticks_read_well() {
        assert_eq!(tick(2, 3, false), "2,000");
        assert_eq!(tick(5, -2, false), "0.05");
        assert_eq!(tick(1, 6, true), "10⁶");
        assert_eq!(tick(5, -12, true), "5×10⁻¹²");
        assert_eq!(decimal(1.5e7, 5e6), "1.5×10⁷");
        assert_eq!(decimal(-1e7, 5e6), "−10⁷");
        assert_eq!(decimal(2e-5, 1e-5), "2×10⁻⁵");
    }
}
