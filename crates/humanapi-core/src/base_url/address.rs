//! Scheme, host and port, in the one spelling that every HTTP stack understands alike.

use core::net::{Ipv4Addr, Ipv6Addr};
use std::fmt;

use http::uri::Scheme;

use crate::error::HostError;

pub(super) fn read_scheme(text: &str) -> Result<Scheme, HostError> {
    if text.eq_ignore_ascii_case("https") {
        Ok(Scheme::HTTPS)
    } else if text.eq_ignore_ascii_case("http") {
        Ok(Scheme::HTTP)
    } else {
        Err(HostError::OtherScheme)
    }
}

/// A host and a port.
pub(super) struct Address<'a> {
    host: HostName<'a>,
    /// None where it is the scheme's own.
    port: Option<u16>,
}

enum HostName<'a> {
    Name(&'a str),
    V4(Ipv4Addr),
    V6(Ipv6Addr),
}

impl<'a> Address<'a> {
    pub(super) fn read(scheme: &Scheme, text: &'a str) -> Result<Self, HostError> {
        if text.contains('@') {
            return Err(HostError::UserInfo);
        }
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (address, tail) = rest.split_once(']').ok_or(HostError::IpAddress)?;
            let port = match tail.strip_prefix(':') {
                None if !tail.is_empty() => return Err(HostError::IpAddress),
                port => port,
            };
            (HostName::v6(address)?, port)
        } else {
            let (host, port) = match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            };
            (HostName::name_or_v4(host)?, port)
        };
        let usual = if *scheme == Scheme::HTTPS { 443 } else { 80 };
        let port = port
            .map(read_port)
            .transpose()?
            .filter(|port| *port != usual);
        if *scheme == Scheme::HTTP && !host.is_this_machine() {
            return Err(HostError::PlainHttp);
        }
        Ok(Self { host, port })
    }
}

impl fmt::Display for Address<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host {
            HostName::Name(name) => f.write_str(&name.to_ascii_lowercase())?,
            HostName::V4(address) => write!(f, "{address}")?,
            HostName::V6(address) => write!(f, "[{address}]")?,
        }
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

impl<'a> HostName<'a> {
    /// Without a zone, which means something to one machine alone, and without a disguised address of the fourth version.
    fn v6(text: &str) -> Result<Self, HostError> {
        match text.parse::<Ipv6Addr>() {
            Ok(address) if address.to_ipv4_mapped().is_none() => Ok(Self::V6(address)),
            _ => Err(HostError::IpAddress),
        }
    }

    fn name_or_v4(text: &'a str) -> Result<Self, HostError> {
        if text.is_empty() {
            return Err(HostError::NotAUrl);
        }
        let last = text.rsplit('.').next().unwrap_or_default();
        if is_number(last) {
            // Where the last label is a number, browsers and resolvers take the whole for an address, in any of many
            // spellings. Only the usual one means the same to all.
            return text.parse().map(Self::V4).map_err(|_| HostError::IpAddress);
        }
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        if text.len() <= 253 && text.split('.').all(is_label) {
            Ok(Self::Name(text))
        } else {
            Err(HostError::HostName)
        }
    }

    /// Exactly `localhost`, `[::1]` or an address of 127.0.0.0/8.
    fn is_this_machine(&self) -> bool {
        match self {
            Self::Name(name) => name.eq_ignore_ascii_case("localhost"),
            Self::V4(address) => address.is_loopback(),
            Self::V6(address) => address.is_loopback(),
        }
    }
}

/// Decimal or hexadecimal digits.
fn is_number(label: &str) -> bool {
    let hexadecimal = label
        .strip_prefix("0x")
        .or_else(|| label.strip_prefix("0X"));
    match hexadecimal {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

/// A number from 1 to 65535, without a sign and without zeros in front.
fn read_port(text: &str) -> Result<u16, HostError> {
    if !text.starts_with(|first: char| ('1'..='9').contains(&first)) {
        return Err(HostError::Port);
    }
    text.parse().map_err(|_| HostError::Port)
}
