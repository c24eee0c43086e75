//! The reports that an order leads to.

use crate::seed::{Numbers, keyed};

/// A report of one kind, in one form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReportKind {
    /// `highlights`, `ccdraw`, `apidata` or `combined`.
    pub(crate) code: &'static str,
    /// `json`, `html` or `pdf`.
    pub(crate) extension: &'static str,
}

/// Of what a combined report is made.
pub(crate) const COMBINED_OF: [&str; 2] = ["highlights", "ccdraw"];

pub(crate) const COMBINED: &str = "combined";

impl ReportKind {
    #[rustfmt::skip] // One row, one line.
    pub(crate) const ALL: [Self; 7] = [
        Self { code: "highlights", extension: "json" },
        Self { code: "highlights", extension: "html" },
        Self { code: "highlights", extension: "pdf" },
        Self { code: "ccdraw", extension: "html" },
        Self { code: "ccdraw", extension: "pdf" },
        Self { code: "apidata", extension: "json" },
        Self { code: COMBINED, extension: "pdf" },
    ];

    pub(crate) fn is_combined(self) -> bool {
        self.code == COMBINED
    }
}

/// What the id of a report says: no table of ids is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReportId {
    /// The place of its order.
    pub(crate) place: u32,
    pub(crate) report: ReportKind,
}

impl ReportId {
    pub(crate) fn text(self, seed: u64) -> String {
        let kind = ReportKind::ALL.iter().position(|one| *one == self.report);
        let kind = u8::try_from(kind.unwrap_or_default()).unwrap_or_default();
        let start = keyed(seed, &[b"report", &self.place.to_be_bytes(), &[kind]]);
        let check = Numbers::new(start).hex(14);
        format!("{:08x}{kind:02x}{check}", self.place)
    }

    pub(crate) fn read(seed: u64, text: &str) -> Option<Self> {
        let place = u32::from_str_radix(text.get(..8)?, 16).ok()?;
        let kind = usize::from_str_radix(text.get(8..10)?, 16).ok()?;
        let report = *ReportKind::ALL.get(kind)?;
        let id = Self { place, report };
        (id.text(seed) == text).then_some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_leads_back_to_its_report_and_no_other_text_does() {
        for (place, report) in (0..300).zip(ReportKind::ALL.into_iter().cycle()) {
            let id = ReportId { place, report };
            let text = id.text(7);
            assert_eq!(text.len(), 24);
            assert_eq!(ReportId::read(7, &text), Some(id));
            assert_eq!(ReportId::read(8, &text), None);
            assert_eq!(
                ReportId::read(7, &text.to_uppercase()).is_some(),
                text == text.to_uppercase()
            );
        }
        for text in [
            "",
            "rep-1",
            "zzzzzzzz00aaaaaaaaaaaaaa",
            "é0000000é",
            "+0000000000",
        ] {
            assert_eq!(ReportId::read(7, text), None, "{text}");
        }
    }
}
