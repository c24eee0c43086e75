//! The document of a visit: a Continuity of Care Document by C-CDA, with its sections as text.

use super::chart::{self, Clinician};
use super::resources::moments;
use super::sections::{Section, escaped, sections};
use super::visits;
use crate::clock::{Millis, instant};
use crate::people::odd;
use crate::people::person::Person;
use crate::persona::Persona;
use crate::records::Ask;
use crate::resource::Resource;

/// A document by the id of its record.
pub(crate) fn document(ask: &Ask<'_>, id: &str) -> Option<String> {
    let person = Person::of(ask);
    match person.persona {
        Persona::Empty => None,
        Persona::Odd => odd::has(Resource::Ccds, &person, id).then(|| odd::CCD.to_owned()),
        _ => of_visit(&person, id),
    }
}

fn of_visit(person: &Person, id: &str) -> Option<String> {
    let moments = moments(Resource::Ccds, person);
    let moment = moments.get(moments.find(person, Resource::Ccds, id)?)?;
    let department = visits::of(person, &moment).map_or("General", |visit| visit.kind.department);
    let clinician = Clinician::of(moment.source, department);
    let sections = sections(person, moment.source, moment.at);
    Some(xml(person, id, moment.at, &clinician, &sections))
}

/// `20260115090000+0000`.
fn hl7(at: Millis) -> String {
    let digits: String = instant(at)
        .chars()
        .filter(char::is_ascii_digit)
        .take(14)
        .collect();
    format!("{digits}+0000")
}

fn xml(person: &Person, id: &str, at: Millis, author: &Clinician, sections: &[Section]) -> String {
    let life = person.life();
    let source = author.source();
    let organization = escaped(source.name);
    let (gender, gender_name) = if life.is_female {
        ("F", "Female")
    } else {
        ("M", "Male")
    };
    let (written, born) = (hl7(at), &hl7(life.born)[..8]);
    let address = format!(
        "<addr use=\"WP\"><streetAddressLine>{}</streetAddressLine><city>Testville</city><state>CA</state><postalCode>00000</postalCode><country>US</country></addr>",
        chart::street(source),
    );
    let telephone = format!(
        "<telecom use=\"WP\" value=\"tel:{}\"/>",
        chart::phone(source).replace(' ', "-")
    );
    let body: String = sections.iter().map(section).collect();
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<realmCode code="US"/>
<typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>
<templateId root="2.16.840.1.113883.10.20.22.1.1"/>
<templateId root="2.16.840.1.113883.10.20.22.1.2"/>
<id root="1.3.6.1.4.1.99999.1" extension="{id}"/>
<code code="34133-9" codeSystem="2.16.840.1.113883.6.1" codeSystemName="LOINC" displayName="Summarization of Episode LogDetails"/>
<title>Continuity of Care Document</title>
<effectiveTime value="{written}"/>
<confidentialityCode code="N" codeSystem="2.16.840.1.113883.5.25"/>
<languageCode code="en-US"/>
<recordTarget><patientRole>
<id root="1.3.6.1.4.1.99999.2" extension="{patient}"/>
<addr use="HP"><streetAddressLine>{house} Example Street</streetAddressLine><city>Testville</city><state>CA</state><postalCode>00000</postalCode><country>US</country></addr>
<telecom nullFlavor="UNK"/>
<patient><name use="L"><given>{given}</given><family>{family}</family></name><administrativeGenderCode code="{gender}" codeSystem="2.16.840.1.113883.5.1" displayName="{gender_name}"/><birthTime value="{born}"/></patient>
</patientRole></recordTarget>
<author><time value="{written}"/><assignedAuthor>
<id root="1.3.6.1.4.1.99999.3" extension="{author_id}"/>
{address}{telephone}
<assignedPerson><name><given>{author_given}</given><family>{author_family}</family></name></assignedPerson>
</assignedAuthor></author>
<custodian><assignedCustodian><representedCustodianOrganization>
<id root="1.3.6.1.4.1.99999.4" extension="{custodian}"/><name>{organization}</name>{telephone}{address}
</representedCustodianOrganization></assignedCustodian></custodian>
<documentationOf><serviceEvent classCode="PCPR"><effectiveTime><low value="{born}"/><high value="{written}"/></effectiveTime></serviceEvent></documentationOf>
<component><structuredBody>
{body}</structuredBody></component>
</ClinicalDocument>
"#,
        patient = person.user_id,
        house = life.house,
        given = life.given,
        family = life.family,
        author_id = author.id(),
        author_given = author.given(),
        author_family = author.family(),
        custodian = source.id,
    )
}

fn section(section: &Section) -> String {
    let text = if section.rows.is_empty() {
        "<paragraph>Nothing is known.</paragraph>".to_owned()
    } else {
        section.table()
    };
    // What a section says is in its text; a section that has none says so by its null flavor.
    let flavor = if section.rows.is_empty() {
        " nullFlavor=\"NI\""
    } else {
        ""
    };
    format!(
        "<component><section{flavor}><templateId root=\"{}\"/><code code=\"{}\" codeSystem=\"2.16.840.1.113883.6.1\" codeSystemName=\"LOINC\"/><title>{}</title><text>{text}</text></section></component>\n",
        section.template, section.loinc, section.title,
    )
}
