//! What is odd about records of clinics.

use super::oddity::{Oddity, oddity};

/// Documents that are hardly ones.
pub(in crate::people) const CCD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ClinicalDocument xmlns=\"urn:hl7-org:v3\"><title/></ClinicalDocument>\n";

pub(in crate::people) const REPORT_AS_JSON: &str =
    r#"{"createdAt":"","name":null,"dob":"1980","Items":[null,{"type":"levitation"}]}"#;
pub(in crate::people) const REPORT_AS_HTML: &str = "<title></title><p>n/a";

macro_rules! own {
    ($($rest:literal)+) => {
        concat!(r#"{"id":"{id}","source":"{source}","createdAt":"2021-06-01T10:00:00.000Z","updatedAt":"2021-06-01T10:00:00.000Z","organization":{"id":"{source}","name":"{name}","href":"/medical/organizations/{source}"}"#, $($rest,)+ "}")
    };
}

#[rustfmt::skip] // One row, few lines.
pub(super) const ALL: &[Oddity] = &[
    oddity("medical/allergies", "it has the form of 2015", &[],
        r#"{"id":"{id}","source":"emr-7-12","createdAt":"2015-06-01T10:00:00.000Z","updatedAt":"2015-06-01T10:00:00.000Z","name":"Sulfonamides","patient":{"name":""},"organization":{"id":"{source}","name":"{name}"}}"#),
    oddity("medical/allergies", "its codes have no names, and it ended", &[],
        own!(r#","name":"Penicillin","patient":{},"codes":[{"code":"7980","codeSystemName":"RXNORM"}],"status":"Inactive?","severity":"","allergen":{},"reactionsFull":[],"dateRange":{"start":"2007","end":"201403"}"#)),
    oddity("medical/demographics", "its name and its address are texts, and its birth a moment of the epoch", &[],
        own!(r#","name":"Robin Sample","address":"1 Example Street, Testville","dob":"02-03-1980","dobDateTime":"1970-01-01T00:00:00.000Z","gender":"F","language":"ENG","provider":{"organization":"{name}","address":"2 Example Street, Testville"}"#)),
    oddity("medical/demographics", "its birth is a year where a moment should be", &["dobDateTime"],
        own!(r#","name":{"given":["Robin"]},"dob":"1980","dobDateTime":"1980","genderCodes":[],"raceCodes":[],"address":{}"#)),
    oddity("medical/encounters", "its time is that of JavaScript, its provider has a name in parts and an address too", &["reasons[1]", "problems[0]"],
        own!(r#","dateTime":"Mon Jun 03 2019 09:15:00 GMT-0700 (PDT)","visitType":"Telepathy","patient":{"name":""},"codes":[],"provider":{"name":{"prefix":"Dr.","given":["Dana"],"family":"Placeholder"},"address":{"street":["1 Example Street"],"city":"Testville"}},"reasons":["Check-up",null],"diagnoses":[{"name":""}],"medications":[{"name":"sample 10 mg tablet","startDate":"201403","ndcCode":"00000-0101-60","genericProductIndicator":"Y","canRefill":"true","hasPendingRefill":false}],"orders":[{"name":"Sample panel","type":"Other","codeType":"CPT(R)"}],"problems":[null],"vitals":{"weight":"70 [kg]"}"#)),
    oddity("medical/encounters", "an old name stands for its time, and a list is an object", &["diagnoses"],
        own!(r#","encounterDateTime":"2014-03-10","diagnoses":{"name":"Test ache"},"medications":[],"orders":[]"#)),
    oddity("medical/functional_statuses", "it has a name alone", &[], r#"{"id":"{id}","name":"Walks unaided"}"#),
    oddity("medical/immunizations", "its dates are of every precision, and one is none", &["dates[4]"],
        own!(r#","name":"Sample vaccine","patient":{"name":""},"dates":["2007","201403","2014-00-00","2020-10-01T00:00:00.000Z","soon"],"codes":[{"name":"Sample vaccine"}]"#)),
    oddity("medical/instructions", "it has no day", &[], own!(r#","name":"n/a","text":"Drink water.","dateTime":"","codes":null"#)),
    oddity("medical/issues", "its system is told by another name, and its day a month", &[],
        own!(r#","name":"Test ache","patient":{"name":""},"codes":[{"name":"Test ache","code":"44054006","codeSystemName":"SNOMED-CT"}],"dateTime":"200705","status":"Dormant""#)),
    oddity("medical/issues", "its codes are a text", &["codes"], own!(r#","name":"Test ache","codes":"R00.0","dateTime":"2014-00-00""#)),
    oddity("medical/medications", "its numbers are texts, and one is none", &["refillsRemaining"],
        own!(r#","name":"sample 10 mg tablet","instructions":"","patient":{"name":""},"refillsTotal":"30","refillsRemaining":"as needed","startDate":"2014-00-00","endDate":"2015","expiration":"","pharmacy":{"iD":7,"name":"","address":{"street":["3 Example Street"]}},"details":{"frequency":{"number":"2.0","unit":"as-needed"},"strength":{"number":10,"unit":"mg"},"dosage":{"form":"packet"}},"codes":[{}]"#)),
    oddity("medical/narratives", "its time is that of JavaScript without a zone's name", &["entries[1]"],
        own!(r#","dateTime":"Mon Jun 03 2019 09:15:00 GMT+0000","author":"","entries":[{"title":"Reason for visit","text":"Check-up \ud83d\ude00"},"text alone"]"#)),
    oddity("medical/organizations", "its picture is a bare name", &[], r#"{"id":"{source}","name":"{name}","imageUrl":"sample.png","founded":1899}"#),
    oddity("medical/plans_of_care", "its provider is called by a text, and its day a year ahead", &[],
        own!(r#","name":"Yearly check","text":"","date":"2030","type":"Wish","provider":{"name":"Dana Placeholder"},"codes":[{"name":"encounter","inferred":false}]"#)),
    oddity("medical/procedures", "its organization is what a fault of the server wrote", &[],
        own!(r#","name":"Sample procedure","dateTime":"2020-02-02T12:00:00.000Z","performer":{"phone":"(555) 555-0100","address":{"city":"Testville"},"organizationName":"[object Object]"},"codes":[],"specimenCodes":[],"deviceCodes":[]"#)),
    oddity("medical/social_history", "it says nothing", &[], own!(r#","entries":[]"#)),
    oddity("medical/test_results", "its values are bounds, texts and numbers with zeros at the end", &[],
        own!(r#","name":"SAMPLE PANEL","patient":{"name":""},"resultDateTime":"2021-05-20","status":"Almost final","components":[{"name":"A","value":"<10 IntlUnit/mL"},{"name":"B","value":">60"},{"name":"C","value":"1.10","unit":"1"},{"name":"D","value":1.10},{"name":"E","value":"Negative"},{"name":"F","value":"1,234"},{"name":"G","value":"","flag":"A"},{"name":"H","value":"5.1 K/uL","refRange":"> 14 U/L; < 54 U/L"},{"name":"I","value":"No acute findings.\nHeart and lungs are normal."}],"recipients":[],"allResults":[{"name":"A","value":"<10 IntlUnit/mL","resultDateTime":"201403"}],"codes":[]"#)),
    oddity("medical/test_results", "one value is an object, and one is half a character", &["components[0].value", "components[1].value"],
        own!(r#","name":"SAMPLE PANEL","resultDateTime":"20210520120000-0500","components":[{"name":"A","value":{"amount":1}},{"name":"B","value":"\ud83d"}]"#)),
    oddity("medical/vitals", "it has the form of 2015", &[],
        r#"{"id":"{id}","source":"{source}","createdAt":"2015-06-01T10:00:00.000Z","updatedAt":"2015-06-01T10:00:00.000Z","dateTime":"Wed Mar 05 2014 09:15:00 GMT+0000 (UTC)","author":"n/a","results":[{"name":"PULSE OX","value":"98","unit":"%"},{"name":"TEMP","value":98.60}]}"#),
    oddity("medical/profile", "its person is another form of demographics", &[],
        r#"{"id":"{id}","createdAt":"2021-06-01T10:00:00.000Z","updatedAt":"2021-06-01T10:00:00.000Z","alcohol":{"use":"YES"},"smoking":{"status":"never SMOKER"},"demographics":{"name":"Robin Sample","dob":"02/1980","gender":"female"}}"#),
    oddity("medical/timeline", "its time is that of JavaScript, and it says of nothing that there is none", &[],
        own!(r#","type":"narratives","dateTime":"Wed Mar 05 2014 09:15:00 GMT-0500 (EST)","author":"n/a","name":"n/a","href":"/medical/narratives/5f0000000000000000002801""#)),
    oddity("medical/ccds", "its time is that of JavaScript", &[],
        own!(r#","dateTime":"Mon Jun 03 2019 09:15:00 GMT-0700 (PDT)","author":"""#)),
    oddity("medical/reports", "its id is in three parts", &[],
        r#"{"id":"{id}-000001-{source}","name":"unity","uri":"/medical/reports/{id}/raw","orderIds":[],"providerIds":null}"#),
];
