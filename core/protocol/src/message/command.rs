//! Commands of the phone (section 5).

use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use super::handshake::Cursor;
use super::order_id;
use crate::cbor::DecodeError;
use crate::code::Code;
use crate::key::{OrderId, PhoneId};
use crate::pin::PinBlock;
use crate::refusal::Refusal;

/// What a signing key of the token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Approvals of money and of life-cycle orders.
    Pay,
    /// Approvals of logins.
    Login,
}

impl Role {
    /// The number in statements and commands.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Role::Pay => 1,
            Role::Login => 2,
        }
    }

    /// The role of a number.
    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        match number {
            1 => Some(Role::Pay),
            2 => Some(Role::Login),
            _ => None,
        }
    }
}

/// A command, with its body parsed. Its Debug form shows the command alone: the body may hold a customer's order.
pub enum Request {
    /// 01
    Info,
    /// 02
    Phones,
    /// 03
    Forget {
        /// The phone to forget.
        phone: PhoneId,
    },
    /// 04
    PinChange {
        /// The PIN as it is.
        old: PinBlock,
        /// The PIN as it shall be.
        new: PinBlock,
    },
    /// 05
    BankKey {
        /// `BANKKEY` statement.
        statement: Vec<u8>,
    },
    /// 06
    Order {
        /// PIN, if the phone has it already.
        pin: Option<PinBlock>,
        /// The order as the bank signed it.
        order: Vec<u8>,
    },
    /// 07
    Pin {
        /// PIN for the running review.
        pin: PinBlock,
    },
    /// 08
    Cancel {
        /// The order to take back.
        order: OrderId,
    },
    /// 09
    Collect {
        /// The order whose answer is wanted.
        order: OrderId,
    },
    /// 0A
    PutCertificate {
        /// Key that it certifies.
        role: Role,
        /// CBOR array of DER.
        chain: Vec<u8>,
    },
    /// 0B
    GetCertificate {
        /// Key that it certifies.
        role: Role,
    },
}

impl Request {
    /// The sealed plaintext. Zeroized, since it may carry a PIN.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(64));
        match self {
            Request::Info => bytes.push(0x01),
            Request::Phones => bytes.push(0x02),
            Request::Forget { phone } => {
                bytes.push(0x03);
                bytes.extend_from_slice(phone.as_bytes());
            }
            Request::PinChange { old, new } => {
                bytes.reserve(32);
                bytes.push(0x04);
                bytes.extend_from_slice(old.expose());
                bytes.extend_from_slice(new.expose());
            }
            Request::BankKey { statement } => {
                bytes.push(0x05);
                bytes.extend_from_slice(statement);
            }
            Request::Order { pin, order } => {
                // Reserved beforehand: growing would leave a copy of the block behind.
                bytes.reserve(order.len() + 34);
                bytes.push(0x06);
                push_block(&mut bytes, pin.as_ref());
                bytes.extend_from_slice(order);
            }
            Request::Pin { pin } => {
                bytes.push(0x07);
                bytes.extend_from_slice(pin.expose());
            }
            Request::Cancel { order } => {
                bytes.push(0x08);
                bytes.extend_from_slice(order.as_bytes());
            }
            Request::Collect { order } => {
                bytes.push(0x09);
                bytes.extend_from_slice(order.as_bytes());
            }
            Request::PutCertificate { role, chain } => {
                bytes.extend_from_slice(&[0x0a, role.number()]);
                bytes.extend_from_slice(chain);
            }
            Request::GetCertificate { role } => bytes.extend_from_slice(&[0x0b, role.number()]),
        }
        bytes
    }

    /// From a sealed plaintext.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        let mut cursor = Cursor(bytes);
        let [command] = cursor.take()?;
        let request = match command {
            0x01 => Request::Info,
            0x02 => Request::Phones,
            0x03 => Request::Forget { phone: PhoneId::from(cursor.take()?) },
            0x04 => Request::PinChange { old: cursor.required_block()?, new: cursor.required_block()? },
            0x05 => Request::BankKey { statement: some(cursor.rest())? },
            0x06 => Request::Order { pin: cursor.block()?, order: some(cursor.rest())? },
            0x07 => Request::Pin { pin: cursor.required_block()? },
            0x08 => Request::Cancel { order: id(&mut cursor)? },
            0x09 => Request::Collect { order: id(&mut cursor)? },
            0x0a => Request::PutCertificate { role: role(&mut cursor)?, chain: some(cursor.rest())? },
            0x0b => Request::GetCertificate { role: role(&mut cursor)? },
            _ => return Err(Refusal::from(Code::UnknownCommand)),
        };
        cursor.end()?;
        Ok(request)
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Request::Info => "Info",
            Request::Phones => "Phones",
            Request::Forget { .. } => "Forget",
            Request::PinChange { .. } => "PinChange",
            Request::BankKey { .. } => "BankKey",
            Request::Order { .. } => "Order",
            Request::Pin { .. } => "Pin",
            Request::Cancel { .. } => "Cancel",
            Request::Collect { .. } => "Collect",
            Request::PutCertificate { .. } => "PutCertificate",
            Request::GetCertificate { .. } => "GetCertificate",
        })
    }
}

pub(super) fn push_block(bytes: &mut Vec<u8>, block: Option<&PinBlock>) {
    bytes.push(u8::from(block.is_some()));
    match block {
        Some(block) => bytes.extend_from_slice(block.expose()),
        None => bytes.extend_from_slice(&[0; 32]),
    }
}

fn some(bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
    if bytes.is_empty() { Err(DecodeError::framing()) } else { Ok(Vec::from(bytes)) }
}

fn id(cursor: &mut Cursor<'_>) -> Result<OrderId, DecodeError> {
    order_id(&cursor.take::<16>()?).ok_or(DecodeError::framing())
}

fn role(cursor: &mut Cursor<'_>) -> Result<Role, DecodeError> {
    let [number] = cursor.take()?;
    Role::from_number(u64::from(number)).ok_or(DecodeError::framing())
}
