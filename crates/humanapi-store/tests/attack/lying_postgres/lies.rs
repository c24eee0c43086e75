//! What the server says in place of an answer.

use super::super::Lie;

/// A message of this kind, with its right length.
pub(super) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("it is short");
    [&[kind], &length.to_be_bytes()[..], body].concat()
}

/// One that says it is of another length.
fn of_length(kind: u8, length: u32, body: &[u8]) -> Vec<u8> {
    [&[kind], &length.to_be_bytes()[..], body].concat()
}

fn error(code: &str, text: &str) -> Vec<u8> {
    let body = format!("SFATAL\0VFATAL\0C{code}\0M{text}\0\0");
    message(b'E', body.as_bytes())
}

/// What describes rows of columns of these types.
fn columns(types: &[u32]) -> Vec<u8> {
    let mut body = u16::try_from(types.len())
        .expect("few")
        .to_be_bytes()
        .to_vec();
    for (index, kind) in types.iter().enumerate() {
        body.extend(format!("c{index}\0").into_bytes());
        body.extend([0; 6]);
        body.extend(kind.to_be_bytes());
        body.extend([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0]);
    }
    message(b'T', &body)
}

fn row(values: &[Option<&[u8]>]) -> Vec<u8> {
    let mut body = u16::try_from(values.len())
        .expect("few")
        .to_be_bytes()
        .to_vec();
    for value in values {
        let length = value.map_or(-1, |value| i32::try_from(value.len()).expect("short"));
        body.extend(length.to_be_bytes());
        body.extend(value.unwrap_or_default());
    }
    message(b'D', &body)
}

pub(super) const INT8: u32 = 20;
pub(super) const BYTEA: u32 = 17;
pub(super) const BOOL: u32 = 16;
pub(super) const TEXT: u32 = 25;

fn done() -> Vec<u8> {
    [message(b'C', b"SELECT 1\0"), message(b'Z', b"I")].concat()
}

/// A whole answer with one row.
pub(super) fn answer(types: &[u32], values: &[Option<&[u8]>]) -> Vec<u8> {
    [columns(types), row(values), done()].concat()
}

pub(super) fn lies() -> Vec<Lie> {
    let token = [INT8, INT8, TEXT, BYTEA];
    let order = [INT8, INT8, BOOL, TEXT, BYTEA];
    let mut says = vec![
        Vec::new(),
        vec![0; 100_000],
        vec![0xff; 100_000],
        b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        message(b'R', &99_u32.to_be_bytes()),
        message(b'R', b""),
        message(b'R', &[0, 0, 0, 10, 0]),
        message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0"),
        [
            message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0"),
            message(b'R', b"\0\0\0\x0br=canary,s=Y2FuYXJ5,i=4294967295"),
        ]
        .concat(),
        [
            message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0"),
            message(b'R', b"\0\0\0\x0bcanary"),
        ]
        .concat(),
        message(b'R', b"\0\0\0\x05abcd"),
        message(b'R', b"\0\0\0\x05"),
        message(b'Z', b"I"),
        message(b'Z', b""),
        message(b'Z', b"canary"),
        message(b'K', b"1"),
        message(b'S', b"canary"),
        message(b'N', b""),
        message(b'N', b"canary"),
        message(b'E', b""),
        message(b'E', b"canary-password"),
        error("28P01", "canary-password"),
        error("canary", "canary-password"),
        error("57P03", "canary"),
        error("25006", "canary"),
        error("53100", "canary"),
        error("53300", "canary"),
        error("08P01", "canary-password"),
        error("08P01", "unsupported startup parameter: canary"),
        error("XX000", &"canary".repeat(50_000)),
        message(b'C', b""),
        message(b'C', b"SELECT 99999999999999999999\0"),
        message(b'C', b"canary"),
        message(b'I', b""),
        message(b'G', &[0, 0, 1, 0, 0]),
        message(b'H', &[0, 0, 1, 0, 0]),
        message(b'd', b"canary"),
        message(b'A', b"\0\0\0\x01canary\0canary\0"),
        message(b'T', &[0xff, 0xff]),
        message(b'T', b""),
        message(b'D', &[0xff, 0xff]),
        [
            columns(&token),
            message(b'D', &[0, 4, 0x7f, 0xff, 0xff, 0xff]),
            done(),
        ]
        .concat(),
        [
            columns(&token),
            message(b'D', &[0, 4, 0xff, 0xff, 0xff, 0xfe]),
            done(),
        ]
        .concat(),
        answer(&[INT8, INT8], &[Some(b"7"), Some(b"7")]),
        answer(&token, &[None, None, None, None]),
        answer(
            &token,
            &[Some(b"canary"), Some(b"7"), Some(b"first"), Some(b"\\x00")],
        ),
        answer(
            &token,
            &[
                Some(b"7"),
                Some(b"9223372036854775807"),
                Some(b"first"),
                Some(b"\\x"),
            ],
        ),
        answer(
            &token,
            &[Some(b"-7"), Some(b"-7"), Some(b"first"), Some(b"canary")],
        ),
        answer(
            &token,
            &[Some(b"7"), Some(b"7"), Some(&[b'k'; 5_000]), Some(b"\\x00")],
        ),
        answer(
            &token,
            &[Some(b"7"), Some(b"7"), Some(&[0xff; 9]), Some(b"\\x0")],
        ),
        answer(&[999_999, 999_998], &[Some(b"7"), Some(b"7")]),
        answer(
            &[INT8, INT8, INT8, INT8, TEXT, BYTEA],
            &[None, Some(b"9000000000000000000"), None, None, None, None],
        ),
        answer(
            &[INT8, INT8, INT8, INT8, TEXT, BYTEA],
            &[Some(b"9223372036854775807"), None, None, None, None, None],
        ),
        answer(
            &[TEXT, INT8, INT8, INT8, INT8],
            &[
                Some(b"canary\x1b[2J"),
                Some(b"9223372036854775807"),
                Some(b"1"),
                Some(b"1"),
                Some(b"1"),
            ],
        ),
        // Rows of orders that are none, and a clock that does not show anything.
        answer(&order, &[None, None, None, None, None]),
        answer(
            &order,
            &[
                Some(b"7"),
                Some(b"7"),
                Some(b"t"),
                Some(b"first"),
                Some(b"\\x00"),
            ],
        ),
        answer(
            &order,
            &[
                Some(b"7"),
                Some(b"-7"),
                Some(b"f"),
                Some(b"canary"),
                Some(b"\\x"),
            ],
        ),
        answer(
            &order,
            &[
                Some(b"7"),
                Some(b"9223372036854775807"),
                None,
                Some(b"first"),
                None,
            ],
        ),
        answer(
            &order,
            &[
                Some(b"-7"),
                Some(b"7"),
                Some(b"canary"),
                Some(&[b'k'; 5_000]),
                None,
            ],
        ),
        answer(
            &[BOOL, BOOL, TEXT, BOOL],
            &[Some(b"f"), Some(b"f"), Some(b"canary"), Some(b"t")],
        ),
        [done(), done(), done()].concat(),
        // Work over all rows that never ends, or says so.
        batch(7),
        purged("DELETE 1000"),
        purged("DELETE 1001"),
        purged("DELETE 18446744073709551615"),
        // Far more of a token than the statement asks for.
        answer(
            &token,
            &[
                Some(b"7"),
                Some(b"7"),
                Some(b"first"),
                Some(&[b'0'; 3_000_000]),
            ],
        ),
    ];
    for kind in *b"REDTZCNSAK" {
        for length in [0, 1, 2, 3, 4, 0x7fff_ffff, 0xffff_ffff] {
            says.push(of_length(kind, length, b"canary"));
        }
    }
    let long = "canary".repeat(2_000);
    let mut lies: Vec<Lie> = says.into_iter().map(Lie::Says).collect();
    lies.extend([
        Lie::Ends(Vec::new()),
        Lie::Ends(message(b'R', &[0; 4])),
        Lie::Ends(columns(&token)),
        Lie::Ends(of_length(b'D', 500, b"canary")),
        // Long ones, so that reading as much as may come takes no time; those two are as short as they can be.
        Lie::Endless(message(
            b'N',
            format!("SNOTICE\0VNOTICE\0C00000\0M{long}\0\0").as_bytes(),
        )),
        Lie::Endless(message(b'S', format!("canary\0{long}\0").as_bytes())),
        Lie::Endless(message(
            b'A',
            format!("\0\0\0\x01canary\0{long}\0").as_bytes(),
        )),
        Lie::Endless(message(b'Z', b"I")),
        Lie::Endless(message(b'C', format!("{long}\0").as_bytes())),
        Lie::Endless(message(b'I', b"")),
        Lie::Endless(error("57P03", &long)),
        Lie::Endless(vec![0]),
        Lie::Endless(b"canary".to_vec()),
        Lie::Then(of_length(b'D', 0x7fff_ffff, b""), b"canary".to_vec()),
        Lie::Then(of_length(b'N', 0x7fff_ffff, b""), b"canary".to_vec()),
        Lie::Then(
            columns(&token),
            row(&[
                Some(b"7"),
                Some(b"7"),
                Some(b"first"),
                Some(format!("\\x{}", "00".repeat(5_000)).as_bytes()),
            ]),
        ),
        Lie::Numbered(batch),
        Lie::Numbered(|number| batch(number % 50)),
        Lie::Slowly(message(b'S', b"canary\0canary\0").repeat(40)),
        Lie::Slowly(done().repeat(40)),
    ]);
    lies
}

/// As many names as a batch of a rotation has, all of this number.
fn batch(number: u64) -> Vec<u8> {
    let name = format!("\\x{number:064x}");
    let rows = row(&[Some(name.as_bytes())]).repeat(200);
    [columns(&[BYTEA]), rows, done()].concat()
}

fn purged(tag: &str) -> Vec<u8> {
    let tag = format!("{tag}\0");
    [message(b'C', tag.as_bytes()), message(b'Z', b"I")].concat()
}

/// What a page of cursors is not.
pub(super) fn pages() -> Vec<Lie> {
    let page = |names: std::ops::Range<u32>, cursors: Option<&[u8]>| {
        let rows = names.map(|name| row(&[Some(format!("\\x{name:032x}").as_bytes()), cursors]));
        let rows: Vec<u8> = rows.flatten().collect();
        [columns(&[BYTEA, BYTEA]), rows, done()].concat()
    };
    let few: &[u8] = b"\\x00";
    vec![
        // The same users again and again, none of whom comes after the last.
        Lie::Says(page(0..1_000, Some(few))),
        Lie::Says(page(5..6, Some(few)).repeat(2)),
        Lie::Says(page(7..8, None)),
        Lie::Says(page(7..8, Some(b"canary"))),
        Lie::Says(page(7..8, Some(&[b'0'; 3_000_000]))),
        Lie::Then(
            columns(&[BYTEA, BYTEA]),
            row(&[Some(b"\\x07"), Some(&[b'0'; 9_000])]),
        ),
        Lie::Then(columns(&[BYTEA, BYTEA]), of_length(b'D', 0x3fff_ffff, b"")),
    ]
}
