//! Numbers that stay, as JSON writes them: short enough to be no telephone's and no account's.

/// So many decimals of a number stay, and so many digits in all: more could be a number of somebody's with a point in it.
const DECIMALS: usize = 6;
const DIGITS: usize = 7;
/// Of a number below the first, whose decimals would be noughts, six digits stay. Below the second nobody measures.
const SMALL: f64 = 0.001;
const SMALLEST: f64 = 1e-15;

/// A number as JSON writes it, if it is none that could be somebody's.
pub(super) fn short(sent: &str, largest: f64) -> Option<String> {
    let number: f64 = sent
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite())?;
    if number.abs() > largest || number != 0.0 && number.abs() < SMALLEST {
        return None;
    }
    // Noughts before a number are an account's or a record's, unless they are few.
    let whole = sent.trim_start_matches(['-', '+']);
    let whole = whole.split(['.', 'e', 'E']).next().unwrap_or_default();
    let is_padded = whole.len() > 1 && whole.starts_with('0');
    if is_padded && whole.len() > format!("{largest:.0}").len() {
        return None;
    }
    let decimals = sent.split_once('.').map_or(0, |(_, behind)| behind.len());
    let is_plain = sent
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"-.".contains(&byte));
    let digits = sent.bytes().filter(u8::is_ascii_digit);
    let digits = digits.skip_while(|byte| *byte == b'0').count();
    let is_json = serde_json::from_str::<serde_json::Number>(sent).is_ok();
    let is_whole = decimals == 0;
    if is_json && is_plain && decimals <= DECIMALS && (is_whole || digits <= DIGITS) {
        return Some(sent.to_owned());
    }
    if number != 0.0 && number.abs() < SMALL {
        let short = format!("{number:.5e}");
        let (digits, exponent) = short.split_once('e')?;
        return Some(format!("{}e{exponent}", without_noughts(digits)));
    }
    let before = format!("{:.0}", number.abs().trunc()).len();
    let decimals = DIGITS.saturating_sub(before).min(DECIMALS);
    Some(without_noughts(&format!("{number:.decimals$}")).to_owned())
}

/// A number without the noughts that end its decimals.
fn without_noughts(number: &str) -> &str {
    if number.contains('.') {
        number.trim_end_matches('0').trim_end_matches('.')
    } else {
        number
    }
}
