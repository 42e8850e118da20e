//! Operation 5: certificate download (section 8.3).

use alloc::string::String;
use core::fmt;

use super::transfer::text_field;
use crate::cbor::{Field, Fields, Reader, Reason, Writer};
use crate::message::Role;
use crate::refusal::Refusal;

/// An order for a first certificate, addressed to the device.
#[derive(Clone, PartialEq, Eq)]
pub struct CertificateDownload {
    /// What the new key is for.
    pub role: Role,
    /// The customer, as the bank knows them.
    pub customer: String,
    /// The bank's reference.
    pub reference: String,
}

impl CertificateDownload {
    pub(super) fn write(&self, writer: Writer) -> Writer {
        writer
            .map(3)
            .key(1)
            .uint(u64::from(self.role.number()))
            .key(2)
            .text(&self.customer)
            .key(3)
            .text(&self.reference)
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Refusal> {
        let map = reader.map(3)?;
        Self::read_fields(reader, map).map_err(|refusal| {
            let field = refusal.field.map(|field| Field::inner(10, field.key));
            Refusal { field, ..refusal }
        })
    }

    fn read_fields(reader: &mut Reader<'_>, mut map: Fields) -> Result<Self, Refusal> {
        map.required(reader, 1)?;
        let role = reader.uint()?;
        let role = Role::from_number(role).ok_or(reader.error(Reason::BadValue))?;
        map.required(reader, 2)?;
        let customer = text_field(reader, 2, 1, 140)?;
        map.required(reader, 3)?;
        let reference = text_field(reader, 3, 1, 35)?;
        map.finish(reader)?;
        Ok(Self { role, customer, reference })
    }
}

impl fmt::Debug for CertificateDownload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificateDownload({:?})", self.role)
    }
}
