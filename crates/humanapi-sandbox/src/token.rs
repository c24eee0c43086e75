//! Tokens: made from the seed and a counter, and recognised without being stored.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use crate::clock::{DAY, Millis};
use crate::seed::{Numbers, keyed, mix};

/// The kinds of token that the service issues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum TokenKind {
    /// Opens Connect for a user who has not connected yet.
    Session,
    /// Opens Connect for a user who has connected before.
    Id,
    /// Reads a user's health data.
    Access,
    /// Calls the Admin API for an application.
    Client,
    /// Opens the Task Manager for a user; a consumer link carries it.
    Tasks,
}

impl TokenKind {
    /// How long a token of this kind lives, in seconds.
    #[must_use]
    pub const fn lifetime(self) -> u32 {
        match self {
            Self::Session => 3600,
            Self::Id | Self::Access | Self::Client => 86_400,
            Self::Tasks => 8 * 3600,
        }
    }

    const ALL: [Self; Self::COUNT] = [
        Self::Session,
        Self::Id,
        Self::Access,
        Self::Client,
        Self::Tasks,
    ];

    /// How many there are.
    pub(crate) const COUNT: usize = 5;

    const fn prefix(self) -> &'static str {
        match self {
            Self::Session => "sbx-st-",
            Self::Id => "sbx-id-",
            Self::Access => "sbx-at-",
            Self::Client => "AT.",
            Self::Tasks => "sbx-rq-",
        }
    }
}

impl fmt::Display for TokenKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Session => "session",
            Self::Id => "id",
            Self::Access => "access",
            Self::Client => "client",
            Self::Tasks => "tasks",
        })
    }
}

/// What a token says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) kind: TokenKind,
    /// The user's place in the list of users, or the application's for a client token.
    pub(crate) holder: u32,
    pub(crate) serial: u64,
}

/// What the mint thinks of a token, before anyone asks whether its user still exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenState {
    Valid { claim: Claim, expires: Millis },
    Expired(Claim),
    Revoked(Claim),
    Foreign,
}

/// A token as it leaves the mint.
#[derive(Debug)]
pub(crate) struct Minted {
    pub(crate) text: String,
    pub(crate) claim: Claim,
}

/// Issues tokens and recognises them.
///
/// A token carries its own claim, scrambled by the seed, so the mint keeps no table of tokens:
/// a day of load testing must not fill the memory. Only the instants of issue are kept, one entry
/// for each millisecond in which anything was issued.
#[derive(Debug)]
pub(crate) struct Mint {
    seed: u64,
    next: u64,
    issued: VecDeque<(u64, Millis)>,
    revoked: BTreeSet<u64>,
}

/// Beyond this many instants of issue, whole seconds are precise enough.
const FINE_INSTANTS: usize = 1_000_000;

impl Mint {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            next: 1,
            issued: VecDeque::new(),
            revoked: BTreeSet::new(),
        }
    }

    pub(crate) fn issue(&mut self, kind: TokenKind, holder: u32, now: Millis) -> Minted {
        let serial = self.next;
        self.next += 1;
        self.note_instant(serial, now);
        let claim = Claim {
            kind,
            holder,
            serial,
        };
        Minted {
            text: self.text(claim),
            claim,
        }
    }

    /// The text of a token that was issued with this claim; for a client token, of its id alone.
    pub(crate) fn text(&self, claim: Claim) -> String {
        let mut text = String::with_capacity(52);
        text.push_str(claim.kind.prefix());
        URL_SAFE_NO_PAD.encode_string(self.seal(claim), &mut text);
        text
    }

    /// The serial that the next token will have; every token so far has a smaller one.
    pub(crate) fn next_serial(&self) -> u64 {
        self.next
    }

    /// 43 base64url characters that belong to the token of this serial.
    pub(crate) fn refresh(&self, serial: u64) -> String {
        let start = keyed(self.seed, &[b"refresh", &serial.to_be_bytes()]);
        URL_SAFE_NO_PAD.encode(Numbers::new(start).bytes32())
    }

    /// A JWT-looking client token around an issued `AT.` id.
    pub(crate) fn jwt(&self, id: &str, client_id: &str, issued: Millis) -> String {
        let key = Numbers::new(keyed(self.seed, &[b"kid"])).hex(32);
        let header = JwtHeader {
            kid: &key,
            alg: "RS256",
        };
        let iat = issued.div_euclid(1000);
        let claims = JwtClaims {
            ver: 1,
            jti: id,
            iss: "https://account.humanapi.co/oauth2/sandbox",
            aud: "admin.humanapi.co",
            iat,
            exp: iat + i64::from(TokenKind::Client.lifetime()),
            cid: client_id,
            scp: ["appuser:write", "appuser:read"],
            sub: client_id,
        };
        let mut text = String::with_capacity(900);
        URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(&header).unwrap_or_default(), &mut text);
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(&claims).unwrap_or_default(), &mut text);
        let signature = self.signature(&text);
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut text);
        text
    }

    pub(crate) fn judge(&self, token: &str, now: Millis) -> TokenState {
        self.read(token)
            .map_or(TokenState::Foreign, |claim| self.judge_claim(claim, now))
    }

    pub(crate) fn judge_claim(&self, claim: Claim, now: Millis) -> TokenState {
        if self.revoked.contains(&claim.serial) {
            return TokenState::Revoked(claim);
        }
        let lifetime = i64::from(claim.kind.lifetime()) * 1000;
        match self.issued_at(claim.serial) {
            Some(at) if now < at + lifetime => TokenState::Valid {
                claim,
                expires: at + lifetime,
            },
            _ => TokenState::Expired(claim),
        }
    }

    /// Whether a token of any kind and this serial could still be valid.
    pub(crate) fn is_live(&self, serial: u64, now: Millis) -> bool {
        self.issued_at(serial).is_some_and(|at| now < at + DAY)
    }

    /// The claim of any token that this mint has issued, whatever its standing.
    pub(crate) fn read(&self, token: &str) -> Option<Claim> {
        let claim = if token.bytes().filter(|byte| *byte == b'.').count() == 2 {
            self.read_jwt(token)?
        } else {
            TokenKind::ALL
                .into_iter()
                .filter(|kind| *kind != TokenKind::Client)
                .find_map(|kind| {
                    let claim = self.unseal(token.strip_prefix(kind.prefix())?)?;
                    (claim.kind == kind).then_some(claim)
                })?
        };
        (claim.serial < self.next).then_some(claim)
    }

    pub(crate) fn revoke(&mut self, claim: Claim, now: Millis) {
        // What has expired needs no mark any more, and the oldest stand in front.
        while let Some(oldest) = self.revoked.first()
            && !self.is_live(*oldest, now)
        {
            self.revoked.pop_first();
        }
        self.revoked.insert(claim.serial);
    }

    fn read_jwt(&self, token: &str) -> Option<Claim> {
        let (signed, signature) = token.rsplit_once('.')?;
        if URL_SAFE_NO_PAD.encode(self.signature(signed)) != signature {
            return None;
        }
        let (_, claims) = signed.split_once('.')?;
        let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
        let claims: serde_json::Value = serde_json::from_slice(&claims).ok()?;
        let id = claims.get("jti")?.as_str()?;
        let claim = self.unseal(id.strip_prefix(TokenKind::Client.prefix())?)?;
        (claim.kind == TokenKind::Client).then_some(claim)
    }

    fn signature(&self, signed: &str) -> Vec<u8> {
        let mut numbers = Numbers::new(keyed(self.seed, &[b"signature", signed.as_bytes()]));
        // 256 bytes, the length of a signature by a 2048-bit RSA key.
        (0..8).flat_map(|_| numbers.bytes32()).collect()
    }

    fn seal(&self, claim: Claim) -> [u8; 32] {
        let who = (u64::from(claim.holder) << 8) | claim.kind as u64;
        let check = mix(mix(mix(self.seed ^ 0x746f_6b65_6e73) ^ claim.serial) ^ who);
        let words = [
            check,
            claim.serial ^ mix(check ^ self.seed),
            who ^ mix(check ^ !self.seed),
            mix(!check ^ self.seed),
        ];
        let mut bytes = [0; 32];
        for (place, word) in bytes.chunks_exact_mut(8).zip(words) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        bytes
    }

    fn unseal(&self, text: &str) -> Option<Claim> {
        if text.len() != 43 {
            return None;
        }
        let bytes: [u8; 32] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let mut words = bytes
            .chunks_exact(8)
            .filter_map(|word| word.try_into().ok().map(u64::from_be_bytes));
        let check = words.next()?;
        let serial = words.next()? ^ mix(check ^ self.seed);
        let who = words.next()? ^ mix(check ^ !self.seed);
        let kind = TokenKind::ALL
            .into_iter()
            .find(|kind| *kind as u64 == who & 0xff)?;
        let claim = Claim {
            kind,
            holder: u32::try_from(who >> 8).ok()?,
            serial,
        };
        (self.seal(claim) == bytes).then_some(claim)
    }

    fn note_instant(&mut self, serial: u64, now: Millis) {
        let step = if self.issued.len() < FINE_INSTANTS {
            1
        } else {
            1000
        };
        let last = self.issued.back().map(|(_, at)| *at);
        if last.is_none_or(|last| (now - last).abs() >= step) {
            self.issued.push_back((serial, now));
        }
        // An entry may go once its successor is older than any token can live.
        while self.issued.get(1).is_some_and(|(_, at)| at + DAY < now) {
            self.issued.pop_front();
        }
    }

    fn issued_at(&self, serial: u64) -> Option<Millis> {
        let after = self.issued.partition_point(|(first, _)| *first <= serial);
        let (_, at) = self.issued.get(after.checked_sub(1)?)?;
        Some(*at)
    }
}

#[derive(Serialize)]
struct JwtHeader<'a> {
    kid: &'a str,
    alg: &'a str,
}

#[derive(Serialize)]
struct JwtClaims<'a> {
    ver: u8,
    jti: &'a str,
    iss: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    cid: &'a str,
    scp: [&'a str; 2],
    sub: &'a str,
}

/// Enough of a token to tell it from others, and no more.
pub(crate) fn mask(token: &str) -> String {
    let prefix = TokenKind::ALL
        .into_iter()
        .map(TokenKind::prefix)
        .find(|prefix| token.starts_with(prefix))
        .unwrap_or_default();
    let end: String = match token.char_indices().rev().nth(3) {
        Some((at, _)) if token.len() >= 40 => token[at..].to_owned(),
        _ => String::new(),
    };
    format!("{prefix}…{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = crate::clock::DEFAULT_START;

    #[test]
    fn a_token_is_recognised_until_it_expires() {
        let mut mint = Mint::new(5);
        for kind in [
            TokenKind::Session,
            TokenKind::Id,
            TokenKind::Access,
            TokenKind::Tasks,
        ] {
            let token = mint.issue(kind, 9, NOW);
            let end = NOW + i64::from(kind.lifetime()) * 1000;
            let claim = Claim {
                kind,
                holder: 9,
                serial: token.claim.serial,
            };
            assert_eq!(
                mint.judge(&token.text, end - 1),
                TokenState::Valid {
                    claim,
                    expires: end
                }
            );
            assert_eq!(mint.judge(&token.text, end), TokenState::Expired(claim));
        }
    }

    #[test]
    fn every_changed_character_is_noticed() {
        let mut mint = Mint::new(5);
        let text = mint.issue(TokenKind::Access, 0, NOW).text;
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(mint.judge(&changed, NOW), TokenState::Foreign, "{changed}");
        }
        assert_eq!(Mint::new(6).judge(&text, NOW), TokenState::Foreign);
    }

    #[test]
    fn a_client_token_has_three_parts_and_a_checked_signature() {
        let mut mint = Mint::new(5);
        let id = mint.issue(TokenKind::Client, 1, NOW);
        let jwt = mint.jwt(&id.text, "abc", NOW);
        assert_eq!(jwt.split('.').count(), 3);
        assert!(matches!(mint.judge(&jwt, NOW), TokenState::Valid { .. }));
        let (signed, _) = jwt.rsplit_once('.').unwrap();
        assert_eq!(
            mint.judge(&format!("{signed}.AAAA"), NOW),
            TokenState::Foreign
        );
    }

    #[test]
    fn a_long_day_of_issuing_keeps_little() {
        let mut mint = Mint::new(5);
        let first = mint.issue(TokenKind::Access, 0, NOW).text;
        for hour in 1..100 {
            mint.issue(TokenKind::Access, 0, NOW + hour * 3_600_000);
        }
        assert!(mint.issued.len() <= 27, "{}", mint.issued.len());
        assert!(matches!(
            mint.judge(&first, NOW + 99 * 3_600_000),
            TokenState::Expired(_)
        ));
    }

    #[test]
    fn a_mask_shows_no_short_secret() {
        assert_eq!(mask("demo"), "…");
        let token = Mint::new(5).issue(TokenKind::Session, 0, NOW).text;
        let masked = mask(&token);
        assert!(masked.starts_with("sbx-st-…") && masked.chars().count() == 12);
    }
}
