//! What the fields of messages are by their places: HL7 v2, whose segments are lines, and X12.

use crate::bytes::{Position as _, at, count_while, part};
use crate::detect::Span;
use crate::markup::search;
use crate::plan::Plan;
use crate::steps::step;

/// Reads a text piece by piece.
#[derive(Clone, Debug, Default)]
pub(crate) struct Segments {
    state: State,
    /// What the segment is called.
    id: Vec<u8>,
    /// The place of the field that is read, from 1 on.
    field: u8,
    /// The first two fields of X12 say what those behind them are.
    qualifiers: [Vec<u8>; 2],
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// In what may be the name of a segment.
    #[default]
    Name,
    /// In a segment whose fields this byte separates.
    Fields(u8),
    /// In what is no segment, or none of these.
    Other,
}

impl Segments {
    /// Reads what is between two places, and adds what is found; `is_line_end`: the line ends there.
    pub(crate) fn read(
        &mut self,
        (plan, text): (&Plan, &[u8]),
        (from, to): (usize, usize),
        is_line_end: bool,
        found: &mut Vec<Span>,
    ) {
        let mut start = from;
        while start < to {
            let ahead = part(text, start, to);
            let length = match self.state {
                State::Name => Some(count_while(ahead, 0, |byte| byte.is_ascii_alphanumeric())),
                State::Fields(b'|') => memchr::memchr2(b'|', b'\r', ahead),
                State::Fields(sign) => memchr::memchr2(sign, b'~', ahead),
                State::Other => memchr::memchr2(b'\r', b'~', ahead),
            };
            let end = start.plus(length.unwrap_or(ahead.len()));
            step(end.less(start) / 4);
            self.piece((plan, text), (start, end), found);
            if end >= to {
                break;
            }
            self.sign(at(text, end));
            start = end.plus(1);
        }
        if is_line_end {
            *self = Self::default();
        }
    }

    fn piece(
        &mut self,
        (plan, text): (&Plan, &[u8]),
        (start, end): (usize, usize),
        found: &mut Vec<Span>,
    ) {
        let piece = part(text, start, end);
        match self.state {
            State::Name => {
                let room = LONGEST_ID_BYTES.less(self.id.len());
                self.id.extend_from_slice(part(piece, 0, room));
            }
            State::Fields(sign) => {
                let qualifier = self.qualifiers.get_mut(usize::from(self.field).less(1));
                if let Some(qualifier) = qualifier.filter(|_| sign == b'*') {
                    let room = LONGEST_ID_BYTES.less(qualifier.len());
                    qualifier.extend_from_slice(part(piece, 0, room));
                }
                if let Some(name) = self.name(sign) {
                    let info = plan.field_info(name.as_bytes());
                    search(plan, text, (start, end), &info, found);
                }
            }
            State::Other => {}
        }
    }

    /// A sign behind a piece.
    fn sign(&mut self, sign: u8) {
        self.state = match (self.state, sign) {
            (State::Name, b'|' | b'*')
                if FIELDS.iter().any(|(id, ..)| id.as_bytes() == self.id) =>
            {
                self.field = 1;
                State::Fields(sign)
            }
            (State::Fields(own), _) if own == sign => {
                self.field = self.field.saturating_add(1);
                State::Fields(own)
            }
            (_, b'\r' | b'~') => {
                *self = Self::default();
                State::Name
            }
            _ => State::Other,
        };
    }

    /// What a member with the value of this field would be called.
    fn name(&self, sign: u8) -> Option<&'static str> {
        let [first, second] = &self.qualifiers;
        let fits = |qualifier: &str| {
            sign == b'|'
                || match qualifier {
                    "" => true,
                    "person" => second == b"1",
                    other => first == other.as_bytes(),
                }
        };
        let known = FIELDS.iter().find(|(id, place, qualifier, _)| {
            id.as_bytes() == self.id && *place == self.field && fits(qualifier)
        });
        known.map(|(.., name)| *name)
    }
}

const LONGEST_ID_BYTES: usize = 4;

/// Segments, the places of their fields, what must stand before them, and what they are.
#[rustfmt::skip]
const FIELDS: &[(&str, u8, &str, &str)] = &[
    ("PID", 2, "", "patient id"),
    ("PID", 3, "", "mrn"),
    ("PID", 4, "", "patient id"),
    ("PID", 5, "", "patient name"),
    ("PID", 6, "", "maiden name"),
    ("PID", 7, "", "dob"),
    ("PID", 9, "", "patient name"),
    ("PID", 10, "", "race"),
    ("PID", 11, "", "home address"),
    ("PID", 13, "", "phone number"),
    ("PID", 14, "", "phone number"),
    ("PID", 17, "", "religion"),
    ("PID", 18, "", "account number"),
    ("PID", 19, "", "ssn"),
    ("PID", 20, "", "drivers license"),
    ("PID", 21, "", "mrn"),
    ("PID", 22, "", "ethnicity"),
    ("PID", 29, "", "death date"),
    ("NK1", 2, "", "relative name"),
    ("NK1", 4, "", "home address"),
    ("NK1", 5, "", "phone number"),
    ("NK1", 6, "", "phone number"),
    ("GT1", 3, "", "guarantor name"),
    ("GT1", 5, "", "home address"),
    ("GT1", 6, "", "phone number"),
    ("GT1", 7, "", "phone number"),
    ("GT1", 8, "", "dob"),
    ("GT1", 12, "", "ssn"),
    ("IN1", 16, "", "insured name"),
    ("IN1", 18, "", "dob"),
    ("IN1", 19, "", "home address"),
    ("IN1", 36, "", "policy number"),
    ("IN1", 49, "", "member id"),
    ("PV1", 7, "", "physician name"),
    ("PV1", 8, "", "physician name"),
    ("PV1", 9, "", "physician name"),
    ("PV1", 19, "", "encounter number"),
    ("PV1", 44, "", "admission date"),
    ("PV1", 45, "", "discharge date"),
    ("DG1", 3, "", "diagnosis"),
    ("DG1", 4, "", "diagnosis"),
    ("AL1", 3, "", "allergy"),
    ("NM1", 3, "person", "patient name"),
    ("NM1", 4, "person", "patient name"),
    ("NM1", 5, "person", "patient name"),
    ("NM1", 9, "person", "member id"),
    ("N3", 1, "", "home address"),
    ("N3", 2, "", "home address"),
    ("N4", 1, "", "city"),
    ("N4", 3, "", "zip"),
    ("DMG", 2, "", "dob"),
    ("REF", 2, "SY", "ssn"),
    ("REF", 2, "EA", "mrn"),
    ("REF", 2, "1W", "member id"),
    ("PER", 4, "", "phone number"),
    ("PER", 6, "", "phone number"),
    ("CLM", 1, "", "patient id"),
    ("HI", 1, "", "diagnosis"),
    ("DTP", 3, "", "service date"),
];

#[cfg(test)]
mod tests {
    use crate::fixtures::{plan_of, redacted};

    #[test]
    fn fields_are_what_their_places_say() {
        let plan = plan_of(r#"{"presets":["gdpr","hipaa"]}"#);
        for (content_type, text, expected) in [
            (
                "application/hl7-v2",
                "MSH|^~\\&|A\rPID|1||0012345^^^H^MR~7||DOE^JANE^Q||19710102|F||2106-3|742 EVERGREEN^^X^IL||(212)555-0123|||M|CAT||536221000\rOBX|1|NM|a||7",
                "MSH|^~\\&|A\rPID|1||[MEDICAL_RECORD]||[PERSON_NAME]||[PERSON_DATE]|F|||[STREET_ADDRESS]||[PHONE]|||M|||[US_SSN]\rOBX|1|NM|a||7",
            ),
            (
                "text/plain",
                "x\nNK1|1|DOE^JOHN|SPO\nXYZ|1|DOE^JOHN\n",
                "x\nNK1|1|[PERSON_NAME]|SPO\nXYZ|1|DOE^JOHN\n",
            ),
            (
                "application/edi-x12",
                "ISA*00~NM1*IL*1*DOE*JANE*Q***MI*W123456789~NM1*PR*2*ACME*****PI*1~N3*742 EVERGREEN TERRACE~DMG*D8*19710102*F~REF*SY*536221000~REF*G1*536221000~",
                "ISA*00~NM1*IL*1*[PERSON_NAME]*[PERSON_NAME]*[PERSON_NAME]***MI*[HEALTH_PLAN]~NM1*PR*2*ACME*****PI*1~N3*[STREET_ADDRESS]~DMG*D8*[PERSON_DATE]*F~REF*SY*[US_SSN]~REF*G1*536221000~",
            ),
        ] {
            assert_eq!(redacted(&plan, content_type, text), expected);
        }
    }
}
