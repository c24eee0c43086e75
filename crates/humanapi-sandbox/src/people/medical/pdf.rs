//! A document of one kind of page: lines of text, as PDF.

use std::fmt::Write as _;

/// How many lines a page takes.
const LINES: usize = 48;

/// Lines of text as a PDF document. What is not ASCII becomes a question mark.
pub(super) fn write(lines: &[String]) -> Vec<u8> {
    let pages: Vec<&[String]> = lines.chunks(LINES).collect();
    let page_ids: Vec<usize> = (0..pages.len()).map(|page| 4 + 2 * page).collect();
    let kids: Vec<String> = page_ids.iter().map(|id| format!("{id} 0 R")).collect();
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        format!(
            "<< /Type /Pages /Kids [{}] /Count {} >>",
            kids.join(" "),
            pages.len()
        ),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    for (page, id) in pages.iter().zip(&page_ids) {
        let content = content(page);
        objects.push(format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >> /Contents {} 0 R >>",
            id + 1,
        ));
        objects.push(format!(
            "<< /Length {} >>\nstream\n{content}\nendstream",
            content.len()
        ));
    }
    let mut pdf = "%PDF-1.4\n".to_owned();
    let mut offsets = Vec::new();
    for (number, object) in objects.iter().enumerate() {
        offsets.push(pdf.len());
        // Writing into a String cannot fail.
        let _ = write!(pdf, "{} 0 obj\n{object}\nendobj\n", number + 1);
    }
    let start = pdf.len();
    let count = objects.len() + 1;
    let _ = write!(pdf, "xref\n0 {count}\n0000000000 65535 f \n");
    for offset in offsets {
        let _ = writeln!(pdf, "{offset:010} 00000 n ");
    }
    let _ = write!(
        pdf,
        "trailer\n<< /Size {count} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
    );
    pdf.into_bytes()
}

fn content(lines: &[String]) -> String {
    let mut content = "BT\n/F1 10 Tf\n14 TL\n56 740 Td\n".to_owned();
    for line in lines {
        let text: String = line
            .chars()
            .flat_map(|character| {
                let escaped = matches!(character, '(' | ')' | '\\').then_some('\\');
                let is_plain = character.is_ascii() && !character.is_ascii_control();
                escaped
                    .into_iter()
                    .chain([if is_plain { character } else { '?' }])
            })
            .collect();
        let _ = writeln!(content, "({text}) Tj T*");
    }
    content.push_str("ET");
    content
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_object_stands_where_the_table_says() {
        let lines: Vec<String> = (0..100).map(|line| format!("line {line} (é) \\")).collect();
        let pdf = String::from_utf8(write(&lines)).unwrap();
        let start: usize = pdf.lines().rev().nth(1).unwrap().parse().unwrap();
        let table = &pdf[start..];
        assert!(
            table.starts_with("xref\n0 10\n"),
            "three pages of two objects, and three more"
        );
        let offsets: Vec<usize> = table
            .lines()
            .skip(3)
            .take(9)
            .map(|row| row[..10].parse().unwrap())
            .collect();
        for (number, offset) in offsets.into_iter().enumerate() {
            assert!(pdf[offset..].starts_with(&format!("{} 0 obj\n", number + 1)));
        }
        for stream in pdf.split("/Length ").skip(1) {
            let length: usize = stream.split(' ').next().unwrap().parse().unwrap();
            let body = stream.split_once("stream\n").unwrap().1;
            assert!(body[length..].starts_with("\nendstream"));
        }
        assert!(pdf.contains("(line 99 \\(?\\) \\\\) Tj"));
    }
}
