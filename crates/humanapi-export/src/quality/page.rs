//! A report as one page of HTML that needs nothing else: no script, no other file, no network.

use std::fmt::{self, Display, Write as _};

use super::report::{Breach, DataReport, QualityReport, Recency, share};
use crate::values::Unread;

/// How the page looks. Its policy takes this text and no other, by [`STYLE_HASH`].
const STYLE: &str = include_str!("page.css");
/// The SHA-256 of [`STYLE`], in base64.
const STYLE_HASH: &str = "sha256-vVZjy+BX0w28IAnjIITRDIKMUnLw4iZ+07tzCAlYhiw=";

impl DataReport {
    /// The report as one page of HTML, with what does not keep the thresholds at its head.
    ///
    /// It stands by itself, reads well in narrow and wide windows, in light and dark and in print, and holds no more than the
    /// report does: counts, names of fields and code systems.
    #[must_use]
    pub fn page(&self, breaches: &[Breach]) -> String {
        let mut page = String::new();
        write!(page, "{}", Page(self, breaches)).expect("a string can be written to");
        page
    }
}

struct Page<'r>(&'r DataReport, &'r [Breach]);

impl Display for Page<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(report, breaches) = self;
        let (there, none): (Vec<_>, Vec<_>) =
            report.resources.iter().partition(|one| one.records > 0);
        write!(
            f,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '{STYLE_HASH}'; \
             base-uri 'none'; form-action 'none'\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
             <title>Quality of health data</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<header>\n\
             <h1>Quality of health data</h1>\n<p>{} of {}, of {}. It holds counts alone, and nothing \
             that a record says.</p>\n</header>\n<main>\n",
            Count(report.records(), "record"),
            Count(report.users, "user"),
            Count(there.len() as u64, "kind"),
        )?;
        parts(f, report)?;
        thresholds(f, breaches)?;
        overview(f, &there, report.deidentified)?;
        for one in &there {
            section(f, one, report.deidentified)?;
        }
        if !none.is_empty() {
            let names: Vec<_> = none.iter().map(|one| one.resource.as_str()).collect();
            write!(
                f,
                "<section aria-labelledby=\"none\">\n<h2 id=\"none\">Without a record</h2>\n<p>{}</p>\n</section>\n",
                Text(&names.join(", "))
            )?;
        }
        f.write_str("</main>\n</body>\n</html>\n")
    }
}

/// What the report is not of, where it is less than all.
fn parts(f: &mut fmt::Formatter<'_>, report: &DataReport) -> fmt::Result {
    if !report.whole {
        writeln!(
            f,
            "<p><strong>Not all is in it.</strong> The export is not over yet, or lists could not be read: {}.</p>",
            report.failed
        )?;
    }
    if report.refused > 0 {
        writeln!(
            f,
            "<p>The service refuses {}, of which nothing is told here.</p>",
            Count(report.refused, "list or document")
        )?;
    }
    if report.deidentified {
        f.write_str(
            "<p>The records were de-identified: fields were left out, which completeness tells of too, and moments were \
             changed, so that nothing is told here of how old the records were.</p>\n",
        )?;
    }
    Ok(())
}

/// What does not keep the thresholds.
fn thresholds(f: &mut fmt::Formatter<'_>, breaches: &[Breach]) -> fmt::Result {
    if breaches.is_empty() {
        return Ok(());
    }
    f.write_str(
        "<section class=\"breaches\" aria-labelledby=\"breaches\">\n\
         <h2 id=\"breaches\">Thresholds that are not kept</h2>\n<ul>\n",
    )?;
    for breach in breaches {
        writeln!(
            f,
            "<li>{}: <strong>{}</strong>, and the threshold is {}</li>",
            Text(&breach.of),
            Percent(breach.share),
            Percent(breach.threshold)
        )?;
    }
    f.write_str("</ul>\n</section>\n")
}

/// One line for each kind of record.
fn overview(
    f: &mut fmt::Formatter<'_>,
    reports: &[&QualityReport],
    deidentified: bool,
) -> fmt::Result {
    f.write_str("<section aria-labelledby=\"overview\">\n<h2 id=\"overview\">Overview</h2>\n")?;
    if reports.is_empty() {
        return f.write_str("<p>There is no record.</p>\n</section>\n");
    }
    f.write_str(
        "<dl class=\"terms\">\n\
         <div><dt>Filled</dt><dd>of its fields, how many hold something that could be read</dd></div>\n\
         <div><dt>Last year</dt><dd>records of the year before they were read</dd></div>\n\
         <div><dt>Units</dt><dd>values whose unit could be read</dd></div>\n\
         <div><dt>Odd</dt><dd>records with something that could not be read as documented</dd></div>\n\
         <div><dt>Drift</dt><dd>lists that changed while they were read, and fields that no table has</dd></div>\n\
         </dl>\n",
    )?;
    table(
        f,
        "overview",
        &[
            "Kind",
            "Records",
            "Filled",
            "Last year",
            "Units",
            "Odd",
            "Drift",
        ],
    )?;
    for one in reports {
        let recent = one.recency.month + one.recency.year;
        let units = one.units.read() + one.units.unread();
        let unknown: u64 = one.unknown.iter().map(|field| field.times).sum();
        writeln!(
            f,
            "<tr><th scope=\"row\"><a href=\"#{0}\">{0}</a></th><td>{1}</td>{2}{3}{4}{5}<td>{6}</td></tr>",
            Text(&one.resource),
            one.records,
            Share(filled(one)),
            Share(share(recent, one.records).filter(|_| !deidentified)),
            Share(share(one.units.read(), units)),
            Share(share(one.odd_records, one.records)),
            one.drifted_lists + unknown,
        )?;
    }
    f.write_str("</tbody></table></div>\n</section>\n")
}

/// All of one kind of record.
fn section(f: &mut fmt::Formatter<'_>, one: &QualityReport, deidentified: bool) -> fmt::Result {
    let id = Text(&one.resource);
    write!(
        f,
        "<section class=\"kind\" aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{id}</h2>\n<p>{}.{}</p>\n",
        Count(one.records, "record"),
        match one.drifted_lists {
            0 => String::new(),
            lists => format!(
                " {} changed while being read, or held what is no record.",
                Count(lists, "list")
            ),
        }
    )?;
    if !deidentified {
        recency(f, one)?;
    }
    writeln!(f, "<h3>Fields</h3>")?;
    table(
        f,
        &format!("fields of {}", one.resource),
        &["Field", "Filled", "", "Of"],
    )?;
    for field in &one.fields {
        let filled = share(field.filled, field.of);
        writeln!(
            f,
            "<tr><th scope=\"row\">{}</th>{}<td class=\"plot\">{}</td><td>{}</td></tr>",
            Text(&field.path),
            Share(filled),
            Bar(filled.unwrap_or(0.0)),
            field.of,
        )?;
    }
    f.write_str("</tbody></table></div>\n")?;
    if !one.code_systems.is_empty() {
        writeln!(f, "<h3>Code systems</h3>")?;
        table(
            f,
            &format!("code systems of {}", one.resource),
            &["Where", "System", "Codes"],
        )?;
        for line in &one.code_systems {
            writeln!(
                f,
                "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td></tr>",
                Text(&line.path),
                Text(line.system.unwrap_or("none that is known")),
                line.codes,
            )?;
        }
        f.write_str("</tbody></table></div>\n")?;
        more(f, one.more_codes, "codes of other systems")?;
    }
    units(f, one)?;
    if !one.odd.is_empty() {
        writeln!(f, "<h3>Odd fields</h3>")?;
        table(
            f,
            &format!("odd fields of {}", one.resource),
            &["Field", "What is wrong", "Times"],
        )?;
        for line in &one.odd {
            writeln!(
                f,
                "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td></tr>",
                Text(place(&line.path)),
                Text(line.problem),
                line.times,
            )?;
        }
        f.write_str("</tbody></table></div>\n")?;
        more(f, one.more_odd, "fields that could not be read")?;
    }
    if !one.unknown.is_empty() {
        writeln!(f, "<h3>Fields that the table does not have</h3>")?;
        table(
            f,
            &format!("unknown fields of {}", one.resource),
            &["Field", "Within", "Times"],
        )?;
        for line in &one.unknown {
            writeln!(
                f,
                "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td></tr>",
                Text(line.name.as_deref().unwrap_or("any other name")),
                Text(match line.within.as_str() {
                    "" => "the record itself",
                    within => within,
                }),
                line.times,
            )?;
        }
        f.write_str("</tbody></table></div>\n")?;
    }
    f.write_str("</section>\n")
}

/// What has no line of its own.
fn more(f: &mut fmt::Formatter<'_>, times: u64, of: &str) -> fmt::Result {
    match times {
        0 => Ok(()),
        times => writeln!(f, "<p>And {times} more {of}, which have no line here.</p>"),
    }
}

/// Where something is, as it is told to a person.
fn place(path: &str) -> &str {
    if path == "." {
        "the record itself"
    } else {
        path
    }
}

/// How old the records are, as a bar of parts with its numbers beside it.
fn recency(f: &mut fmt::Formatter<'_>, one: &QualityReport) -> fmt::Result {
    let Recency {
        month,
        year,
        older,
        ahead,
        undated,
    } = one.recency;
    let parts = [
        ("up to 30 days", "month", month),
        ("up to a year", "year", year),
        ("older", "older", older),
        ("later than read", "ahead", ahead),
        ("without a date", "undated", undated),
    ];
    let told: Vec<_> = parts
        .iter()
        .filter(|(_, _, records)| *records > 0)
        .map(|(name, _, records)| format!("{records} {name}"))
        .collect();
    writeln!(
        f,
        "<h3>How old they were when they were read</h3>\n<figure>\n<svg class=\"parts\" viewBox=\"0 0 1000 24\" \
         preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">",
        Text(&told.join(", "))
    )?;
    let mut x = 0.0;
    for (_, class, records) in parts {
        let width = share(records, one.records).unwrap_or(0.0) * 1000.0;
        if records > 0 {
            writeln!(
                f,
                "<rect class=\"{class}\" x=\"{x:.1}\" y=\"0\" width=\"{width:.1}\" height=\"24\"/>"
            )?;
        }
        x += width;
    }
    f.write_str("</svg>\n<figcaption><ul class=\"legend\">\n")?;
    for (name, class, records) in parts {
        writeln!(
            f,
            "<li><svg class=\"key\" viewBox=\"0 0 10 10\" aria-hidden=\"true\"><rect class=\"{class}\" width=\"10\" \
             height=\"10\"/></svg> {name}: {records}</li>"
        )?;
    }
    f.write_str("</ul></figcaption>\n</figure>\n")
}

/// Which units were read, and which were not and why.
fn units(f: &mut fmt::Formatter<'_>, one: &QualityReport) -> fmt::Result {
    let mut lines = one.units.lines().peekable();
    if lines.peek().is_none() {
        return Ok(());
    }
    writeln!(f, "<h3>Units</h3>")?;
    table(
        f,
        &format!("units of {}", one.resource),
        &["Unit", "Values", "Brought to the unit of their kind"],
    )?;
    for line in lines {
        writeln!(
            f,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td></tr>",
            Text(line.unit.as_deref().unwrap_or("none that is known")),
            line.values,
            line.unread.map_or("yes", why),
        )?;
    }
    f.write_str("</tbody></table></div>\n")
}

const fn why(unread: Unread) -> &'static str {
    match unread {
        Unread::NoUnit => "no: there is no unit",
        Unread::Unknown => "no: the unit is none that is known",
        Unread::Doubt => "no: the unit means different things to different senders",
        Unread::TwoUnits => "no: the unit beside the value is another than within it",
        Unread::TwoAnalytes => "no: the codes name two things that were measured",
        Unread::NoRule => "no: no rule says how many of the other unit one is",
        Unread::OtherKind => "no: the unit is of another kind",
        Unread::OutOfRange => "no: the number is none that was measured",
    }
}

/// Begins a table, which can be moved by keys where it is wider than the window.
fn table(f: &mut fmt::Formatter<'_>, name: &str, heads: &[&str]) -> fmt::Result {
    let name = Text(name);
    write!(
        f,
        "<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"Table: {name}\"><table>\n<thead><tr>"
    )?;
    for head in heads {
        match *head {
            "" => f.write_str("<td class=\"plot\"></td>")?,
            head => write!(f, "<th scope=\"col\">{head}</th>")?,
        }
    }
    f.write_str("</tr></thead>\n<tbody>\n")
}

/// How much of the fields of records holds something, those within others left aside.
fn filled(report: &QualityReport) -> Option<f64> {
    let top = report
        .fields
        .iter()
        .filter(|field| !field.path.contains('.'));
    let (filled, of) = top.fold((0, 0), |(filled, of), field| {
        (filled + field.filled, of + field.of)
    });
    share(filled, of)
}

/// So many of something that has this name where it is one.
struct Count(u64, &'static str);

impl Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(count, name) = self;
        match (count, name.split_once(' ')) {
            (1, _) => write!(f, "1 {name}"),
            (_, None) => write!(f, "{count} {name}s"),
            (_, Some((first, rest))) => write!(f, "{count} {first}s {rest}s"),
        }
    }
}

/// A share as a cell; a dash where there is nothing that it could be of.
struct Share(Option<f64>);

impl Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(share) => write!(f, "<td>{}</td>", Percent(share)),
            None => f.write_str("<td>–</td>"),
        }
    }
}

struct Percent(f64);

impl Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = self.0 * 100.0;
        // What is not all of it does not look like all of it, and what is there not like nothing.
        match percent {
            percent if percent > 99.0 && percent < 100.0 => f.write_str("&gt;99\u{a0}%"),
            percent if percent > 0.0 && percent < 1.0 => f.write_str("&lt;1\u{a0}%"),
            percent => write!(f, "{percent:.0}\u{a0}%"),
        }
    }
}

/// A share as a bar. Its number stands beside it.
struct Bar(f64);

impl Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "<svg class=\"bar\" viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
             <rect class=\"all\" width=\"100\" height=\"10\"/><rect class=\"some\" width=\"{:.1}\" height=\"10\"/></svg>",
            self.0 * 100.0
        )
    }
}

/// Text that is no markup.
struct Text<'t>(&'t str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for sign in self.0.chars() {
            match sign {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                sign => f.write_char(sign)?,
            }
        }
        Ok(())
    }
}
