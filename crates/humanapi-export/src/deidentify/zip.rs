//! ZIP codes to three digits.

/// The areas of three digits that 20,000 people or fewer lived in, by the census of 2000, as the Department of Health and
/// Human Services lists them in its guidance on the rule. Later censuses have other lists; theirs names this one.
const SPARSE: [&str; 17] = [
    "036", "059", "063", "102", "203", "556", "692", "790", "821", "823", "830", "831", "878",
    "879", "884", "890", "893",
];

/// The first three digits, or 000 for an area where few live. Nothing where it is no ZIP code.
pub(super) fn three_digits(zip: &str) -> Option<&str> {
    let (five, four) = match zip.len() {
        5 => (zip, ""),
        9 => zip.split_at_checked(5)?,
        _ => zip.split_once('-').filter(|(_, four)| four.len() == 4)?,
    };
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if five.len() != 5 || !are_digits(five) || !are_digits(four) {
        return None;
    }
    let three = &five[..3];
    Some(if SPARSE.contains(&three) {
        "000"
    } else {
        three
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zip_code_has_three_digits_and_none_where_few_live() {
        for (zip, three) in [
            ("94117", Some("941")),
            ("94117-2047", Some("941")),
            ("941172047", Some("941")),
            ("00000", Some("000")),
            ("03601", Some("000")),
            ("89301-0001", Some("000")),
            ("20301", Some("000")),
            ("9411", None),
            ("94117-20", None),
            ("SW1A 1AA", None),
            ("9411é", None),
            ("", None),
        ] {
            assert_eq!(three_digits(zip), three, "{zip}");
        }
    }
}
