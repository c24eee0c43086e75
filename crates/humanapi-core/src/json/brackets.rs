//! Passing objects and lists, whether they are well formed or not.

use super::tokens::{Fault, Form, More, Scanner, Span};

impl Scanner<'_> {
    /// Passes an object or a list.
    pub(super) fn brackets(self, start: usize, form: Form) -> Result<Span, Fault> {
        match self.well_formed(start) {
            Some((end, is_plain)) => Ok(Span::new(start, end, form, is_plain)),
            None => Ok(Span::new(start, self.matching(start)?, form, false)),
        }
    }

    /// Passes an object or a list, if it is one as JSON has them, and says whether all in it is plain.
    fn well_formed(self, start: usize) -> Option<(usize, bool)> {
        // Each list and object that is open adds a bit below this one, which is set for an object.
        const NONE_OPEN: u64 = 1;
        let mut open = NONE_OPEN;
        let mut is_plain = true;
        let mut at = start;
        loop {
            match self.byte(at).ok()? {
                bracket @ (b'{' | b'[') => {
                    let is_object = bracket == b'{';
                    match self.first(at, closing(is_object)).ok()? {
                        More::At(first) => {
                            if open.leading_zeros() < 2 {
                                return None;
                            }
                            open = open << 1 | u64::from(is_object);
                            at = self.behind_name(first, is_object, &mut is_plain)?;
                            continue;
                        }
                        More::No(end) => at = end,
                    }
                }
                first => {
                    let span = match first {
                        b'"' => self.text(at),
                        _ => self.bare(at),
                    };
                    let span = span.ok()?;
                    is_plain &= span.is_plain;
                    at = span.range().end;
                }
            }
            loop {
                if open == NONE_OPEN {
                    return Some((at, is_plain));
                }
                let is_object = open & 1 == 1;
                match self.further(at, closing(is_object)).ok()? {
                    More::At(next) => {
                        at = self.behind_name(next, is_object, &mut is_plain)?;
                        break;
                    }
                    More::No(end) => {
                        at = end;
                        open >>= 1;
                    }
                }
            }
        }
    }

    /// Where the value begins: in an object behind its name.
    #[inline]
    fn behind_name(self, at: usize, is_object: bool, is_plain: &mut bool) -> Option<usize> {
        if !is_object {
            return Some(at);
        }
        let (name, end) = self.name(at).ok()?;
        *is_plain &= name.is_plain;
        self.behind_colon(end).ok()
    }

    /// The end of an object or a list that is none as JSON has them, and whose brackets must match all the same.
    fn matching(self, start: usize) -> Result<usize, Fault> {
        // The brackets that are open.
        let mut open = Vec::new();
        let mut at = start;
        loop {
            match self.byte(at)? {
                b'"' => {
                    at = self.text(at)?.range().end;
                    continue;
                }
                b'{' => open.push(b'}'),
                b'[' => open.push(b']'),
                byte @ (b'}' | b']') => {
                    if open.pop() != Some(byte) {
                        return Err(Fault::NotJson);
                    }
                    if open.is_empty() {
                        return Ok(at + 1);
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }
}

const fn closing(is_object: bool) -> u8 {
    if is_object { b'}' } else { b']' }
}
