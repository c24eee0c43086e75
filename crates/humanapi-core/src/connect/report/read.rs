//! Reads what Connect reports: payloads of three eras, in three forms.

use serde_json::{Map, Value};

use super::fields::{provider, source, take, take_auth_code, take_text};
use super::{ConnectEvent, ConnectReport, ConnectStatus, MAX_REPORT_SIZE, ReportError};
use crate::parameters;

impl ConnectReport {
    /// Reads a message's data: an object, an object within a JSON string, or a bare event name. An object is what
    /// Connect sent in any of three eras.
    ///
    /// What a page posts that opened Connect by `connect.js` is read as well: `{"message":…,"dismissed":…}`, where the
    /// message is such data as it came, or null if none came.
    ///
    /// # Errors
    ///
    /// When it is too large or none of these.
    pub fn from_json(data: &[u8]) -> Result<Self, ReportError> {
        if data.len() > MAX_REPORT_SIZE {
            return Err(ReportError::TooLarge);
        }
        match serde_json::from_slice(data) {
            Ok(Value::Object(fields)) => match Posted::take_apart(fields) {
                Ok(posted) => posted.read(),
                Err(fields) => Ok(Self::from_fields(fields)),
            },
            Ok(other) => Self::from_value(other),
            Err(_) => Self::from_name(std::str::from_utf8(data).unwrap_or_default()),
        }
    }

    fn from_value(data: Value) -> Result<Self, ReportError> {
        match data {
            Value::Object(fields) => Ok(Self::from_fields(fields)),
            Value::String(text) => match serde_json::from_str(&text) {
                Ok(Value::Object(fields)) => Ok(Self::from_fields(fields)),
                _ => Self::from_name(&text),
            },
            _ => Err(ReportError::NotAReport),
        }
    }

    /// Reads what hosted Connect appended to the callback: the whole URL, or its query or fragment.
    ///
    /// How the objects are written there is not documented, so JSON in one parameter, dotted names
    /// and bracketed names are all read.
    ///
    /// # Errors
    ///
    /// When it is too large or holds no field of a report.
    pub fn from_callback(url_or_query: &str) -> Result<Self, ReportError> {
        if url_or_query.len() > MAX_REPORT_SIZE {
            return Err(ReportError::TooLarge);
        }
        let fields = parameters::read(url_or_query);
        let report = Self::from_fields(fields);
        if report.tells_nothing() {
            return Err(ReportError::NotAReport);
        }
        Ok(report)
    }

    fn from_name(text: &str) -> Result<Self, ReportError> {
        let text = text.trim();
        let event = ConnectEvent::parse(text);
        if matches!(event, ConnectEvent::Other(_)) && !text.starts_with(PREFIX) {
            return Err(ReportError::NotAReport);
        }
        Ok(Self {
            event: Some(event),
            ..Self::default()
        })
    }

    fn from_fields(mut fields: Map<String, Value>) -> Self {
        let mut results = match fields.remove("sessionResults") {
            Some(Value::Object(results)) => results,
            Some(other) => {
                fields.insert("sessionResults".to_owned(), other);
                Map::new()
            }
            None => Map::new(),
        };
        let tells_sources = SOURCE_LISTS
            .iter()
            .any(|name| results.get(*name).is_some_and(Value::is_array));
        let report = Self {
            event: take_text(&mut fields, "type").map(|text| ConnectEvent::parse(&text)),
            status: take_text(&mut fields, "status").map(ConnectStatus::parse),
            connected: take(&mut results, &["connectedSources", "connected"], source),
            disconnected: take(
                &mut results,
                &["disconnectedSources", "disconnected"],
                source,
            ),
            requested: take(&mut results, &["requestedSources", "requested"], provider),
            current_connections: take(&mut fields, &["currentConnections", "connections"], source),
            requested_providers: take(&mut fields, &["requestedProviders"], provider),
            auth_code: take_auth_code(&mut fields),
            tells_sources,
            dismissed: false,
            extra: Map::new(),
        };
        if !results.is_empty() {
            fields.insert("sessionResults".to_owned(), Value::Object(results));
        }
        Self {
            extra: fields,
            ..report
        }
    }

    fn tells_nothing(&self) -> bool {
        self.event.is_none()
            && self.status.is_none()
            && self.connected.is_empty()
            && self.disconnected.is_empty()
            && self.requested.is_empty()
            && self.current_connections.is_empty()
            && self.requested_providers.is_empty()
            && self.auth_code.is_none()
    }
}

const PREFIX: &str = "hapi-connect-";

/// What was connected and disconnected in a sitting, by its names of all eras.
const SOURCE_LISTS: [&str; 4] = [
    "connectedSources",
    "connected",
    "disconnectedSources",
    "disconnected",
];

/// What a page posts that opened Connect by `connect.js`.
struct Posted {
    message: Value,
    dismissed: bool,
}

impl Posted {
    /// Gives the fields back where they are none of these: Connect's own objects have a type, or no message.
    fn take_apart(mut fields: Map<String, Value>) -> Result<Self, Map<String, Value>> {
        match fields.get("dismissed") {
            Some(&Value::Bool(dismissed)) if !fields.contains_key("type") => {
                let message = fields.remove("message").ok_or(fields)?;
                Ok(Self { message, dismissed })
            }
            _ => Err(fields),
        }
    }

    fn read(self) -> Result<ConnectReport, ReportError> {
        let report = match self.message {
            // The dialog was closed before Connect said anything.
            Value::Null if self.dismissed => ConnectReport::default(),
            message => ConnectReport::from_value(message)?,
        };
        Ok(ConnectReport {
            dismissed: self.dismissed,
            // Whatever the last message told, the sitting went on after it.
            tells_sources: report.tells_sources && !self.dismissed,
            ..report
        })
    }
}

impl ConnectEvent {
    fn parse(text: &str) -> Self {
        match text.strip_prefix(PREFIX).unwrap_or(text) {
            "connect-source" => Self::Connect,
            "disconnect-source" => Self::Disconnect,
            "close" => Self::Close,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl ConnectStatus {
    fn parse(text: String) -> Self {
        match text.as_str() {
            "SUCCESS" => Self::Success,
            "CONNECTED_SOURCE" => Self::ConnectedSource,
            "DISCONNECTED_SOURCE" => Self::DisconnectedSource,
            "SESSION_TOKEN_INVALID" => Self::SessionTokenInvalid,
            "SESSION_TOKEN_EXPIRED" => Self::SessionTokenExpired,
            "MISSING_SESSION_TOKEN" => Self::MissingSessionToken,
            _ => Self::Other(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::ConnectedSource;

    fn names(sources: &[ConnectedSource]) -> Vec<&str> {
        sources.iter().map(|source| source.name.as_str()).collect()
    }

    fn check(report: &ConnectReport) {
        assert_eq!(names(&report.connected), ["Clinic A"]);
        assert_eq!(names(&report.disconnected), ["Clinic B"]);
        assert_eq!(names(&report.current_connections), ["Clinic A", "Band"]);
    }

    const NEWEST: &str = r#"{"type":"hapi-connect-close","status":"SUCCESS",
        "sessionResults":{"connectedSources":[{"name":"Clinic A","id":"a1"}],
            "disconnectedSources":[{"name":"Clinic B","id":"b2"}],
            "requestedSources":[{"address":"1 Mock St","healthSystem":"N/A","physician":"P",
                "website":"https://clinic.example.test","location":{"latitude":0.5,"longitude":-0.25}}]},
        "currentConnections":[{"name":"Clinic A","id":"a1"},{"name":"Band","id":"c3"}],
        "requestedProviders":[],"later":{"field":1}}"#;

    #[test]
    fn the_newest_form() {
        let report = ConnectReport::from_json(NEWEST.as_bytes()).unwrap();
        check(&report);
        assert_eq!(report.event, Some(ConnectEvent::Close));
        assert_eq!(report.status, Some(ConnectStatus::Success));
        let requested = &report.requested[0];
        assert_eq!(requested.health_system.as_deref(), Some("N/A"));
        assert_eq!(requested.location.map(|place| place.longitude), Some(-0.25));
        assert_eq!(report.extra["later"]["field"], 1);
    }

    /// As a browser writes a place. A fast reader of numbers is a last digit off, and which one serde_json has is said by a
    /// feature that has to be on whatever else of this crate is.
    #[test]
    fn a_place_is_read_to_its_last_digit() {
        for degrees in [
            "-104.48469054064759",
            "-104.567372990373522",
            "104.8304523271810863",
        ] {
            let sent = format!(
                r#"{{"type":"hapi-connect-close","sessionResults":{{"requestedSources":[{{"location":{{"latitude":{degrees},"longitude":{degrees}}}}}]}}}}"#
            );
            let report = ConnectReport::from_json(sent.as_bytes()).unwrap();
            let place = report.requested[0].location.unwrap();
            let exact: f64 = degrees.parse().unwrap();
            assert_eq!(
                [place.latitude, place.longitude].map(f64::to_bits),
                [exact.to_bits(); 2]
            );
        }
    }

    #[test]
    fn the_forms_of_2018_and_of_1_x() {
        let older = r#"{"sessionResults":{"connected":[{"name":"Clinic A","id":"a1"}],
            "disconnected":[{"name":"Clinic B"}]},
            "connections":[{"name":"Clinic A","id":"a1"},{"name":"Band"}]}"#;
        check(&ConnectReport::from_json(older.as_bytes()).unwrap());
        let oldest = older.replacen(
            '{',
            r#"{"authCode":{"code":"canary","expiresAt":1500000000000,"expiresIn":3600},"#,
            1,
        );
        let report = ConnectReport::from_json(oldest.as_bytes()).unwrap();
        check(&report);
        let code = report.auth_code.as_ref().unwrap();
        assert_eq!(code.expose_secret(), "canary");
        assert_eq!(code.expires_at_millis, Some(1_500_000_000_000));
        assert!(!format!("{report:?} {code:?}").contains("canary"));
    }

    #[test]
    fn an_object_within_a_string_and_a_bare_name() {
        let quoted = serde_json::to_vec(NEWEST).unwrap();
        check(&ConnectReport::from_json(&quoted).unwrap());
        let event = |data: &[u8]| ConnectReport::from_json(data).map(|report| report.event);
        assert_eq!(
            event(b"\"hapi-connect-close\""),
            Ok(Some(ConnectEvent::Close))
        );
        assert_eq!(event(b"hapi-connect-close"), Ok(Some(ConnectEvent::Close)));
        assert_eq!(event(b"close"), Ok(Some(ConnectEvent::Close)));
        assert_eq!(
            event(b"hapi-connect-open-url"),
            Ok(Some(ConnectEvent::Other("open-url".to_owned())))
        );
        for other in [
            &b"hello"[..],
            b"[]",
            b"1",
            b"null",
            b"\"hello\"",
            b"",
            b"\xff",
        ] {
            assert_eq!(event(other), Err(ReportError::NotAReport), "{other:?}");
        }
    }

    #[test]
    fn what_connect_js_posts() {
        let posted = |message: &str, dismissed: bool| {
            let posted = format!(r#"{{"message":{message},"dismissed":{dismissed}}}"#);
            ConnectReport::from_json(posted.as_bytes())
        };
        let report = posted(NEWEST, false).unwrap();
        check(&report);
        assert!(report.tells_sources && !report.dismissed);
        assert_eq!(report.extra["later"]["field"], 1);
        let quoted = serde_json::to_string(NEWEST).unwrap();
        check(&posted(&quoted, false).unwrap());
        let bare = posted(r#""hapi-connect-close""#, false).unwrap();
        assert_eq!(bare.event, Some(ConnectEvent::Close));

        let report = posted(NEWEST, true).unwrap();
        check(&report);
        assert!(report.dismissed && !report.tells_sources);
        let nothing_said = posted("null", true).unwrap();
        assert!(nothing_said.dismissed && nothing_said.event.is_none());
        for nonsense in ["null", "7", "[]", r#""hello""#] {
            let refused = posted(nonsense, false).map(|_| ());
            assert_eq!(refused, Err(ReportError::NotAReport), "{nonsense}");
        }
    }

    #[test]
    fn what_connect_js_made_of_a_message_is_not_read_back() {
        let normal = r#"{"event":"connect","status":"SUCCESS","tellsSources":true,"connected":[{"name":"A","id":"a"}],
            "disconnected":[],"requested":[],"currentConnections":[],"requestedProviders":[],"dismissed":false"#;
        let report = ConnectReport::from_json(format!("{normal}}}").as_bytes()).unwrap();
        assert!(report.event.is_none() && report.connected.is_empty() && !report.tells_sources);
        // Beside it stands the message, which alone counts.
        let posted = format!(r#"{normal},"message":{{"type":"hapi-connect-close"}}}}"#);
        let report = ConnectReport::from_json(posted.as_bytes()).unwrap();
        assert_eq!(report.event, Some(ConnectEvent::Close));
        assert!(report.connected.is_empty() && !report.tells_sources && report.status.is_none());
    }

    #[test]
    fn a_message_that_looks_like_a_post_is_one_only_if_it_is() {
        for own in [
            r#"{"type":"hapi-connect-close","message":"x","dismissed":true}"#,
            r#"{"status":"SUCCESS","message":"x"}"#,
            r#"{"status":"SUCCESS","message":"x","dismissed":"true"}"#,
        ] {
            let report = ConnectReport::from_json(own.as_bytes()).unwrap();
            assert!(!report.dismissed, "{own}");
            assert_eq!(report.extra["message"], "x", "{own}");
        }
        let twice =
            br#"{"message":{"message":{"type":"close"},"dismissed":true},"dismissed":false}"#;
        let report = ConnectReport::from_json(twice).unwrap();
        assert!(report.event.is_none() && !report.dismissed);
    }

    #[test]
    fn a_report_says_whether_it_tells_of_sources() {
        let tells = |data: &[u8]| ConnectReport::from_json(data).unwrap().tells_sources;
        assert!(tells(br#"{"sessionResults":{"connected":[]}}"#));
        assert!(tells(br#"{"sessionResults":{"disconnectedSources":[]}}"#));
        assert!(!tells(
            br#"{"sessionResults":{"requestedSources":[]},"currentConnections":[]}"#
        ));
        assert!(!tells(br#"{"sessionResults":{"connected":"no"}}"#));
        assert!(!tells(b"close"));
    }

    #[test]
    fn a_callback_in_every_form() {
        let connected = "%5B%7B%22name%22%3A%22Clinic+A%22%2C%22id%22%3A%22a1%22%7D%5D";
        let disconnected = "%5B%7B%22name%22%3A%22Clinic%20B%22%7D%5D";
        let current = "%5B%7B%22name%22%3A%22Clinic%20A%22%7D%2C%7B%22name%22%3A%22Band%22%7D%5D";
        let dotted = format!(
            "sessionResults.connectedSources={connected}&sessionResults.disconnectedSources={disconnected}&currentConnections={current}"
        );
        check(&ConnectReport::from_callback(&format!("exampleapp://done?{dotted}")).unwrap());
        check(&ConnectReport::from_callback(&format!("https://a.example.test/#{dotted}")).unwrap());
        check(&ConnectReport::from_callback(&dotted).unwrap());
        let bracketed = dotted
            .replace(
                "sessionResults.connectedSources",
                "sessionResults%5BconnectedSources%5D",
            )
            .replace(
                "sessionResults.disconnectedSources",
                "sessionResults[disconnectedSources]",
            );
        check(&ConnectReport::from_callback(&bracketed).unwrap());
        let whole = "status=SUCCESS&sessionResults=%7B%22connectedSources%22%3A%5B%7B%22name%22%3A%22Clinic%20A%22%7D%5D%2C%22disconnectedSources%22%3A%5B%7B%22name%22%3A%22Clinic%20B%22%7D%5D%7D";
        let report =
            ConnectReport::from_callback(&format!("?{whole}&currentConnections={current}"))
                .unwrap();
        check(&report);
        assert_eq!(report.status, Some(ConnectStatus::Success));
        assert_eq!(
            ConnectReport::from_callback("https://a.example.test/path").map(|_| ()),
            Err(ReportError::NotAReport)
        );
    }

    #[test]
    fn an_odd_item_spoils_nothing_and_is_kept() {
        let report = ConnectReport::from_json(
            br#"{"type":7,"sessionResults":{"connectedSources":[{"name":"Clinic A"},3,null]},
                "currentConnections":"none"}"#,
        )
        .unwrap();
        assert_eq!(names(&report.connected), ["Clinic A"]);
        assert_eq!(
            report.extra["sessionResults"]["connectedSources"],
            serde_json::json!([3, null])
        );
        assert_eq!(report.extra["type"], 7);
        assert_eq!(report.extra["currentConnections"], "none");
    }

    #[test]
    fn a_report_of_64_kib_is_read_and_a_larger_one_is_not() {
        let filler = "x".repeat(MAX_REPORT_SIZE - r#"{"a":""}"#.len());
        let largest = format!(r#"{{"a":"{filler}"}}"#);
        assert!(ConnectReport::from_json(largest.as_bytes()).is_ok());
        let larger = format!("{largest} ");
        assert_eq!(
            ConnectReport::from_json(larger.as_bytes()).map(|_| ()),
            Err(ReportError::TooLarge)
        );
        assert_eq!(
            ConnectReport::from_callback(&larger).map(|_| ()),
            Err(ReportError::TooLarge)
        );
    }

    #[test]
    fn debug_tells_counts_and_no_names() {
        let report = ConnectReport::from_json(NEWEST.as_bytes()).unwrap();
        let shown = format!("{report:?} {:?} {:?}", report.connected, report.requested);
        assert!(shown.contains("connected: 1"), "{shown}");
        assert!(
            !shown.contains("Clinic") && !shown.contains("Mock"),
            "{shown}"
        );
    }
}
