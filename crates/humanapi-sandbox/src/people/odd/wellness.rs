//! What is odd about records of trackers and apps.

use super::oddity::{Oddity, oddity};

/// Objects where there are lists of one, and nothing where there is an empty text.
pub(super) const SUMMARY: &str = r#"{"userId":"{user}","humanId":"{human}","gender":"unspecified","createdAt":"2014-03-10T09:15:00.000Z","bloodGlucose":{},"bloodOxygen":{"id":"{id}","timestamp":"2021-06-01T07:30:00.000Z","source":"{source}","value":"97","unit":"SpO2"},"bloodPressure":{},"bmi":{},"bodyFat":{},"height":[],"heartRate":{},"weight":{},"activitySummary":[{"id":"{id}","date":"","duration":0,"distance":0,"sedentary":0,"light":0,"moderate":0,"vigorous":0,"total":0,"steps":0,"calories":0,"source":"{source}"}],"sleepSummary":[]}"#;

/// The forms of several years, in turns.
pub(super) const SOURCES: &[&str] = &[
    r#"{"source":"{source}","supportedDataTypes":[],"devices":[],"connectedSince":"2014-03-10T09:15:00.000Z","historySync":{"status":"not_started"},"syncStatus":{"status":"not_started"}}"#,
    r#"{"id":"{id}","source":"{source}","sourceName":"{name}","connectedSince":"2021-05-01T10:00:00.000Z","historySync":{"status":"partly_done","oldestDate":"1970-01-01T00:00:00.000Z"},"syncStatus":{"status":"reauthorizationNeeded","details":"wrongCredentials"},"expectedSyncDuration":null}"#,
];

macro_rules! own {
    ($($rest:literal)+) => {
        concat!(r#"{"id":"{id}","userId":"{user}","humanId":"{human}","source":"{source}","createdAt":"2021-06-01T13:00:00.000Z","updatedAt":"2021-06-01T13:00:00.000Z""#, $($rest,)+ "}")
    };
}

const TIMES: &str = "the numbers are texts";

#[rustfmt::skip] // One row, few lines.
pub(super) const ALL: &[Oddity] = &[
    oddity("activities", TIMES, &[],
        own!(r#","startTime":"2021-06-01T12:00:00.000Z","endTime":"2021-06-01T12:30:05.000Z","tzOffset":"+02:00","type":"walking","duration":"1805.5","distance":"2410.7","steps":"3120","calories":"140","sourceData":{}"#)),
    oddity("activities", "half of a character is in a text", &["type"],
        own!(r#","startTime":"2021-06-01T12:00:00.000Z","type":"run \ud83d","duration":60,"distance":0,"steps":0,"calories":1,"sourceData":{"details":"\udc00"}"#)),
    oddity("activities", "a field is there twice", &["steps"],
        own!(r#","startTime":"2021-06-01T12:00:00.000Z","type":"walking","steps":3120,"steps":3121"#)),
    oddity("activities", "there is nothing in place of a record", &["."], "null"),
    oddity("activities", "a number is greater than any float, and another longer", &["calories"],
        own!(r#","startTime":"2021-06-01T12:00:00.000Z","type":"cycling","calories":1e999,"distance":123456789012345678901234567890"#)),
    oddity("activities", "it has no id, and the name of a time zone", &[],
        r#"{"userId":"{user}","startTime":"2014-03-10T09:15:00.000Z","endTime":"2014-03-10T09:45:00.000Z","timeZone":"Europe/Rome","type":"levitation","source":"{source}","duration":1800,"distance":1200,"steps":0,"calories":90,"createdAt":"2014-03-10T10:00:00.000Z","updatedAt":"2014-03-10T10:00:00.000Z"}"#),
    oddity("activities", "its times are those of JavaScript, and its offset is a number", &["tzOffset"],
        own!(r#","startTime":"Mon Jun 03 2019 09:15:00 GMT-0700 (PDT)","endTime":"Mon Jun 03 2019 09:45:00 GMT-0700 (PDT)","tzOffset":2,"type":"unknown","mood":{"later":[1.10]}"#)),
    oddity("activities/summaries", "there are two of one day: the first", &[],
        own!(r#","date":"2021-06-01","duration":5400,"distance":6100.5,"steps":8200,"calories":310,"vigorous":10,"moderate":25,"light":55,"sedentary":600,"total":0,"sourceData":{}"#)),
    oddity("activities/summaries", "there are two of one day: the second", &[],
        own!(r#","date":"2021-06-01","duration":5400,"distance":6100.5,"steps":8200,"calories":310,"vigorous":10,"moderate":25,"light":55,"sedentary":600,"sourceData":{}"#)),
    oddity("activities/summaries", "its day is an empty text, and its series a list", &["timeSeries"],
        own!(r#","date":"","duration":0,"steps":0,"timeSeries":[]"#)),
    oddity("blood_glucose", "its value is a bound", &["value"],
        own!(r#","timestamp":"2021-06-01T07:30:00.000Z","tzOffset":"","value":">400","unit":"mg/dL","notes":null,"mealTag":"","medicationTag":"with_insulin""#)),
    oddity("blood_oxygen", "it has the unit of 2014", &[],
        own!(r#","timestamp":"2021-06-01T07:30:00.000Z","value":97,"unit":"SpO2""#)),
    oddity("blood_pressure", "its numbers are texts, and nested besides", &[],
        own!(r#","timestamp":"2021-06-01T07:35:00.000Z","systolic":"118","diastolic":"77","heartRate":"64","unit":"mmHg","value":{"systolic":118,"diastolic":77,"unit":"mmHg"}"#)),
    oddity("bmi", "its value is null", &[], own!(r#","timestamp":"2021-06-01T23:59:59.000Z","value":null,"unit":"kg/m2""#)),
    oddity("body_fat", "it has the other unit", &[], own!(r#","timestamp":"2021-06-01T23:59:59.000Z","value":21.50,"unit":"%""#)),
    oddity("heart_rate", "its unit is under another name, and its time a number", &["timestamp"],
        own!(r#","timestamp":1622532600000,"value":61,"units":"bpm""#)),
    oddity("heart_rate/summaries", "there is nothing in place of a zone", &["zones[0]"],
        own!(r#","date":"2021-06-01","zones":[null,{"name":"Easy","min":"40","max":110,"duration":7200,"caloriesBurned":210.5}],"restingHR":"56""#)),
    oddity("height", "its number is spelled with an exponent", &[], own!(r#","timestamp":"2021-06-01T00:00:00.000Z","value":1.71e3,"unit":"mm""#)),
    oddity("weight", "its number has a zero at the end", &[], own!(r#","timestamp":"2021-06-01T23:59:59.000Z","value":71.20,"unit":"kg""#)),
    oddity("weight", "its number has a comma", &["value"], own!(r#","timestamp":"2021-06-01T23:59:59.000Z","value":"71,2","unit":"kg""#)),
    oddity("sleeps", "its day is a year, and its efficiency says that there is none", &["efficiency"],
        own!(r#","day":"2014-00-00","startTime":"2014-03-10T03:10:00.000Z","endTime":"2014-03-10T10:40:00.000Z","mainSleep":"true","timeAsleep":420,"timeAwake":0,"efficiency":"n/a","timeToFallAsleep":0,"timeAfterWakeup":0,"timeInBed":0,"numberOfWakeups":0"#)),
    oddity("sleeps/summaries", "its day is a month", &[], own!(r#","date":"201403","timeAsleep":420.5,"timeAwake":24"#)),
    oddity("locations", "it has one time, and numbers that are texts", &[],
        own!(r#","timestamp":"2021-06-01T15:00:00.000Z","name":"","type":"place","location":{"lat":"0.5","lon":"-0.25"}"#)),
    oddity("food/meals", "its salt comes with a unit, and its amount is a number", &["sodium", "amount"],
        own!(r#","timestamp":"2021-06-01T00:00:00.000Z","type":"brunch","name":"Test salad \ud83e\udd57","calories":320,"carbohydrate":30.50,"fat":12,"protein":18,"sodium":"0.4 g","amount":1"#)),
    oddity("genetic/traits", "its outcomes are one text", &["possibleTraits"],
        r#"{"userId":"{user}","description":"Sample trait","trait":"Typical","possibleTraits":"Typical, Increased","humanId":"{human}"}"#),
    oddity("genetic/genotypes", "it has none", &[], r#"{"location":"rs1","genotype":"--","humanId":"{human}","userId":"{user}"}"#),
];
