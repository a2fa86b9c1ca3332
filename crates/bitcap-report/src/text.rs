//! Numbers as people read them, and nothing that moves a terminal's cursor.

/// From here numbers are in powers of ten.
const HUGE: f64 = 1e15;

/// Rounded to a whole number, thousands set apart by commas.
pub(crate) fn thousands(x: f64) -> String {
    let digits = decimals(x, 0);
    if x.abs() >= HUGE {
        return digits;
    }
    let (sign, digits) = digits.split_at(usize::from(digits.starts_with('-')));
    let mut out = sign.to_owned();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// With so many digits behind the point; what rounds to zero has no sign.
pub(crate) fn decimals(x: f64, digits: usize) -> String {
    // Beyond, an f64 has hardly a digit behind the point, and a table no room for those before it.
    if x.abs() >= HUGE {
        return format!("{x:.2e}");
    }
    let text = format!("{x:.digits$}");
    match text.strip_prefix('-') {
        Some(zero) if zero.bytes().all(|byte| b"0.".contains(&byte)) => zero.to_owned(),
        _ => text,
    }
}

/// The same with a plus before what is above zero.
pub(crate) fn signed(x: f64, digits: usize) -> String {
    let text = decimals(x, digits);
    let above = x > 0.0 && text.bytes().any(|byte| (b'1'..=b'9').contains(&byte));
    if above { format!("+{text}") } else { text }
}

/// A number from 0 with two digits behind the point, or as many as show two that are not zero.
pub(crate) fn two_digits(x: f64) -> String {
    match x {
        0.0 => "0".to_owned(),
        // From here on two decimals are 0.10 or more, so that both say something; below, the first
        // digit that is not zero is found by the logarithm.
        x if x >= 0.095 => decimals(x, 2),
        x if x >= 1e-4 => decimals(x, (1 - x.log10().floor() as i32) as usize),
        x => format!("{x:.1e}"),
    }
}

/// A difference with its sign; 0 is nothing but the same.
pub(crate) fn change(x: f64) -> String {
    match x.abs() {
        0.0 => "0".to_owned(),
        // Each bound is where a rounding would leave no digit but zeros, or add one before the
        // point.
        size if size < 0.005 => format!("{x:+.1e}"),
        size if size < 99.995 => signed(x, 2),
        _ if x > 0.0 => format!("+{}", thousands(x)),
        _ => thousands(x),
    }
}

/// Seconds, to three digits or to the whole one.
pub(crate) fn seconds(x: f64) -> String {
    match x {
        // From the bounds on, one digit less behind the point: they round to one more before it.
        x if x < 9.995 => decimals(x, 2),
        x if x < 99.95 => decimals(x, 1),
        x => thousands(x),
    }
}

/// `1 cell`, `2 cells`, `1,024 cells`.
pub(crate) fn count(number: impl TryInto<u64>, noun: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", thousands(number as f64))
}

/// Text from a file or a path, in which nothing may move the cursor.
pub(crate) fn plain(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(write: impl Fn(f64) -> String, table: &[(f64, &str)]) {
        for (x, text) in table {
            assert_eq!(write(*x), *text, "{x}");
        }
    }

    #[test]
    fn thousands_are_set_apart() {
        let small = [(0.0, "0"), (-0.2, "0"), (999.4, "999"), (4_608.0, "4,608")];
        check(thousands, &small);
        check(
            thousands,
            &[(-1_234_567.0, "-1,234,567"), (2e20, "2.00e20")],
        );
    }

    #[test]
    fn what_rounds_to_zero_has_no_sign() {
        for x in [0.0, -0.0, 0.04, -0.04, -1e-300] {
            check(|x| decimals(x, 1), &[(x, "0.0")]);
            check(|x| signed(x, 1), &[(x, "0.0")]);
            check(|x| decimals(x, 0), &[(x, "0")]);
        }
        check(|x| decimals(x, 1), &[(-0.05, "-0.1"), (-10.0, "-10.0")]);
        check(|x| signed(x, 1), &[(0.06, "+0.1")]);
        check(|x| signed(x, 0), &[(-100.0, "-100")]);
        check(seconds, &[(-0.0, "0.00")]);
    }

    #[test]
    fn changes_have_a_sign_and_are_0_only_where_nothing_changed() {
        check(change, &[(0.0, "0"), (-0.0, "0"), (2e-13, "+2.0e-13")]);
        check(change, &[(-0.004, "-4.0e-3"), (0.25, "+0.25")]);
        check(change, &[(-99.99, "-99.99"), (99.999, "+100")]);
        check(change, &[(-1_234.4, "-1,234"), (2e20, "+2.00e20")]);
    }

    #[test]
    fn seconds_have_three_digits() {
        check(seconds, &[(0.0, "0.00"), (9.99, "9.99"), (9.999, "10.0")]);
        check(seconds, &[(99.96, "100"), (86_400.2, "86,400")]);
    }

    #[test]
    fn small_loads_are_told_from_nothing() {
        check(
            two_digits,
            &[(4.0, "4.00"), (0.25, "0.25"), (0.0949, "0.095")],
        );
        check(
            two_digits,
            &[(0.0012, "0.0012"), (0.00001, "1.0e-5"), (0.0, "0")],
        );
    }

    #[test]
    fn one_is_no_plural() {
        let cells = |number: f64| count(number as u64, "cell");
        check(
            cells,
            &[(0.0, "0 cells"), (1.0, "1 cell"), (2_048.0, "2,048 cells")],
        );
    }
}
