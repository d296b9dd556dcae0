//! The `index.txt` of `openssl ca`: a line per certificate, with its status.
//!
//! ```text
//! V  271128120000Z                          01  unknown  /CN=a.example.org
//! R  271128120000Z  261201080000Z,keyCompromise  02  unknown  /CN=b.example.org
//! ```

use std::path::{Path, PathBuf};

use time::{Date, Month, OffsetDateTime, Time};

use crate::error::shown;
use crate::files;
use crate::pki::bundle;
use crate::pki::certificate::Certificate;
use crate::pki::crl::RevocationReason;
use crate::pki::escape::Escaped;
use crate::pki::serial::SerialNumber;
use crate::store::Revocation;

/// An index, and where its certificates are.
pub(super) struct Index {
    /// Each line with its number: a row, or why it is none.
    pub(super) rows: Vec<(usize, Result<Row, String>)>,
    places: Vec<PathBuf>,
}

/// A line of an index.
pub(super) struct Row {
    pub(super) serial: SerialNumber,
    pub(super) not_after: OffsetDateTime,
    pub(super) revocation: Option<Revocation>,
    /// The serial number as the index writes it, which is the name of the certificate's file.
    digits: String,
    file: String,
}

impl Index {
    /// Whether this is the content of an index.
    pub(super) fn is_index(content: &[u8]) -> bool {
        let line = content
            .split(|byte| *byte == b'\n')
            .next()
            .unwrap_or_default();
        let fields: Vec<_> = line.split(|byte| *byte == b'\t').collect();
        matches!(fields[..], [b"V" | b"R" | b"E", expiry, _, _, _, _] if expiry.ends_with(b"Z"))
    }

    pub(super) fn read(path: &Path, content: &[u8], certificates: Option<&Path>) -> Self {
        let text = String::from_utf8_lossy(content);
        let lines = text.lines().enumerate();
        let lines = lines.filter(|(_, line)| !line.trim().is_empty());
        let place = path.parent().unwrap_or(Path::new(""));
        let places = match certificates {
            Some(given) => vec![given.to_owned()],
            None => vec![
                place.join("newcerts"),
                place.join("certs"),
                place.to_owned(),
            ],
        };
        Index {
            rows: lines.map(|(i, line)| (i + 1, row(line))).collect(),
            places,
        }
    }

    /// The certificate of a row.
    pub(super) fn certificate(&self, row: &Row) -> Result<Certificate, String> {
        let named = (row.file != "unknown").then(|| PathBuf::from(&row.file));
        let endings = ["pem", "crt", "cer"];
        let candidates = self.places.iter().flat_map(|place| {
            let named = named.iter().map(|file| place.join(file));
            named.chain(endings.map(|ending| place.join(format!("{}.{ending}", row.digits))))
        });
        for path in candidates {
            if !files::exists(&path).unwrap_or(false) {
                continue;
            }
            let content = files::read(&path).map_err(|error| error.to_string())?;
            let certificates = bundle::certificates(&content);
            let certificates =
                certificates.map_err(|error| format!("{}: {error}", shown(&path)))?;
            let mut certificates = certificates.into_iter();
            return certificates
                .find(|certificate| *certificate.serial() == row.serial)
                .ok_or_else(|| format!("{}: has another serial number", shown(&path)));
        }
        let place = self.places.first().map(shown).unwrap_or_default();
        Err(format!(
            "no certificate {}.pem in {place}; name its directory with `--newcerts DIR`",
            Escaped(&row.digits)
        ))
    }
}

fn row(line: &str) -> Result<Row, String> {
    let fields: Vec<_> = line.split('\t').collect();
    let [status, expiry, revoked, digits, file, _] = fields[..] else {
        return Err(format!("has {} fields instead of 6", fields.len()));
    };
    let not_after = moment(expiry).ok_or("has an expiry date that cannot be read")?;
    let serial = serial(digits).ok_or("has a serial number that cannot be read")?;
    let revocation = match status {
        "V" | "E" => None,
        "R" => {
            Some(revocation(revoked).ok_or("has a revocation date or reason that cannot be read")?)
        }
        _ => return Err(format!("has the unknown status {}", Escaped(status))),
    };
    Ok(Row {
        serial,
        not_after,
        revocation,
        digits: digits.to_owned(),
        file: file.to_owned(),
    })
}

/// `DATE`, `DATE,REASON` or `DATE,REASON,DETAIL` (openssl-ca(1), `crl_reason`).
fn revocation(text: &str) -> Option<Revocation> {
    let mut parts = text.split(',');
    let at = moment(parts.next()?)?;
    let (reason, detail) = (parts.next(), parts.next());
    let (reason, invalidity_date) = match reason {
        None => (RevocationReason::Unspecified, None),
        Some("holdInstruction") => (RevocationReason::CertificateHold, None),
        Some("keyTime") => (RevocationReason::KeyCompromise, Some(moment(detail?)?)),
        Some("CAkeyTime") => (RevocationReason::CaCompromise, Some(moment(detail?)?)),
        Some(reason) => (reason.parse().ok()?, None),
    };
    Some(Revocation {
        at,
        reason,
        invalidity_date,
    })
}

fn serial(digits: &str) -> Option<SerialNumber> {
    let digits = if digits.len().is_multiple_of(2) {
        digits.to_owned()
    } else {
        format!("0{digits}")
    };
    let bytes: Option<Vec<u8>> = (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok())
        .collect();
    let mut bytes = bytes.filter(|bytes| !bytes.is_empty())?;
    // An index writes the number, and DER a sign bit with it.
    if bytes[0] >= 0x80 {
        bytes.insert(0, 0);
    }
    Some(SerialNumber::from_der_content(&bytes))
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`, as in certificates (RFC 5280 §4.1.2.5).
fn moment(text: &str) -> Option<OffsetDateTime> {
    let digits = text.strip_suffix('Z')?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = |from: usize, to: usize| -> Option<u8> { digits.get(from..to)?.parse().ok() };
    let (year, rest) = match digits.len() {
        12 => {
            let year = i32::from(number(0, 2)?);
            (if year < 50 { 2000 + year } else { 1900 + year }, 2)
        }
        14 => (digits.get(..4)?.parse().ok()?, 4),
        _ => return None,
    };
    let part = |at: usize| number(rest + at, rest + at + 2).filter(|_| is_number);
    let month = Month::try_from(part(0)?).ok()?;
    let date = Date::from_calendar_date(year, month, part(2)?).ok()?;
    let time = Time::from_hms(part(4)?, part(6)?, part(8)?).ok()?;
    Some(OffsetDateTime::new_utc(date, time))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn each_form_of_a_line_is_read() {
        let revoked = |text| row(&format!("R\t271128120000Z\t{text}\tA1\tunknown\t/CN=a")).unwrap();
        let valid = row("V\t271128120000Z\t\t0F\tunknown\t/CN=a").unwrap();
        assert_eq!(valid.not_after, datetime!(2027-11-28 12:00 UTC));
        assert!(valid.revocation.is_none());
        let at = datetime!(2026-12-01 08:00 UTC);
        for (text, reason, invalidity_date) in [
            ("261201080000Z", RevocationReason::Unspecified, None),
            (
                "20261201080000Z,superseded",
                RevocationReason::Superseded,
                None,
            ),
            (
                "261201080000Z,CACompromise",
                RevocationReason::CaCompromise,
                None,
            ),
            (
                "261201080000Z,holdInstruction,1.2",
                RevocationReason::CertificateHold,
                None,
            ),
            (
                "261201080000Z,keyTime,20261130000000Z",
                RevocationReason::KeyCompromise,
                Some(datetime!(2026-11-30 0:00 UTC)),
            ),
        ] {
            let expected = Revocation {
                at,
                reason,
                invalidity_date,
            };
            assert_eq!(revoked(text).revocation, Some(expected), "{text}");
        }
        assert_eq!(revoked("261201080000Z").serial.as_bytes(), [0, 0xa1]);
        for malformed in [
            "V\t27\t\t01\tunknown\t/CN=a",
            "X\t271128120000Z\t\t01\tunknown\t/",
            "V",
        ] {
            assert!(row(malformed).is_err(), "{malformed}");
        }
    }
}
