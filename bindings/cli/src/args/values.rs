//! Values of options: taken as what they are, or refused by name.

use std::fmt;
use std::str::FromStr;

use ushield_protocol::account::Scheme;
use ushield_protocol::currency::Currency;
use ushield_protocol::key::{DeviceId, OrderId, PhoneId, unhex};
use ushield_protocol::order::is_date;

/// Where a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LinkAddress {
    /// On any link that this program has: wherever it is found.
    Any,
    /// The software token, at `HOST:PORT`; where it usually is, without one.
    Tcp(Option<String>),
    /// A card in a reader: in any one, or in one in whose name this occurs.
    Pcsc(Option<String>),
    /// The same, in a reader that sends commands of extended length without saying so.
    PcscExtended(Option<String>),
    /// Over Bluetooth LE: by any radio of this machine, or by one in whose name this occurs.
    Ble(Option<String>),
}

/// What an address may look like, for help and for errors.
pub(crate) const LINK_FORM: &str = "any|ble[:RADIO]|pcsc[+extended][:READER]|tcp[:HOST:PORT]";

impl FromStr for LinkAddress {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = "any, ble, ble:RADIO, pcsc, pcsc:READER, pcsc+extended, pcsc+extended:READER, tcp or tcp:HOST:PORT is needed";
        match text {
            "any" => return Ok(Self::Any),
            "ble" => return Ok(Self::Ble(None)),
            "pcsc" => return Ok(Self::Pcsc(None)),
            "pcsc+extended" => return Ok(Self::PcscExtended(None)),
            "tcp" => return Ok(Self::Tcp(None)),
            _ => {}
        }
        let named = |name: &str| {
            let plain = !name.is_empty() && !name.chars().any(char::is_control);
            if plain { Ok(Some(name.to_owned())) } else { Err(form) }
        };
        if let Some(reader) = text.strip_prefix("pcsc:") {
            return named(reader).map(Self::Pcsc);
        }
        if let Some(reader) = text.strip_prefix("pcsc+extended:") {
            return named(reader).map(Self::PcscExtended);
        }
        if let Some(radio) = text.strip_prefix("ble:") {
            return named(radio).map(Self::Ble);
        }
        let address = text.strip_prefix("tcp:").ok_or(form)?;
        let (host, port) = address.rsplit_once(':').ok_or(form)?;
        let plain = !host.is_empty() && !host.chars().any(|c| c.is_whitespace() || c.is_control());
        let port = port.parse::<u16>().ok().filter(|port| *port != 0);
        if plain && port.is_some() { Ok(Self::Tcp(Some(address.to_owned()))) } else { Err(form) }
    }
}

impl fmt::Display for LinkAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, name) = match self {
            LinkAddress::Any => ("any", &None),
            LinkAddress::Tcp(address) => ("tcp", address),
            LinkAddress::Pcsc(reader) => ("pcsc", reader),
            LinkAddress::PcscExtended(reader) => ("pcsc+extended", reader),
            LinkAddress::Ble(radio) => ("ble", radio),
        };
        match name {
            Some(name) => write!(f, "{scheme}:{name}"),
            None => f.write_str(scheme),
        }
    }
}

/// How many at most: none is no answer.
pub(super) fn limit(text: &str) -> Result<usize, &'static str> {
    text.parse().ok().filter(|limit| *limit > 0).ok_or("a number from 1 on is needed")
}

pub(super) fn order_id(text: &str) -> Result<OrderId, &'static str> {
    OrderId::parse(text).ok_or("an order id as `ushield history` shows it is needed")
}

pub(super) fn device_id(text: &str) -> Result<DeviceId, &'static str> {
    lower_hex(text)
        .and_then(|bytes| DeviceId::from_slice(&bytes))
        .ok_or("32 lower-case hex digits are needed")
}

pub(super) fn phone_id(text: &str) -> Result<PhoneId, &'static str> {
    lower_hex(text).and_then(|bytes| PhoneId::from_slice(&bytes)).ok_or("16 lower-case hex digits are needed")
}

pub(super) fn currency(text: &str) -> Result<Currency, &'static str> {
    Currency::from_code(text).ok_or("a currency code of ISO 4217 is needed, as CNY")
}

pub(super) fn scheme(text: &str) -> Result<Scheme, &'static str> {
    match text {
        "domestic" => Ok(Scheme::Domestic),
        "iban" => Ok(Scheme::Iban),
        "card" => Ok(Scheme::Card),
        _ => Err("domestic, iban or card is needed"),
    }
}

/// `YYYY-MM-DD` as the number YYYYMMDD.
pub(super) fn date(text: &str) -> Result<u32, &'static str> {
    let form = "a date YYYY-MM-DD is needed";
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return Err(form) };
    let digits = |part: &str, length| part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
    if !(digits(year, 4) && digits(month, 2) && digits(day, 2)) {
        return Err(form);
    }
    [*year, *month, *day].concat().parse().ok().filter(|date| is_date(*date)).ok_or("there is no such date")
}

fn lower_hex(text: &str) -> Option<Vec<u8>> {
    let lower = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if lower { unhex(text) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_a_scheme_and_what_it_needs() {
        let tcp = ["tcp", "tcp:127.0.0.1:7340", "tcp:token.example:1", "tcp:[::1]:7340"];
        let others =
            ["any", "pcsc", "pcsc:ACS ACR122U", "pcsc+extended", "pcsc+extended:ACS", "ble", "ble:hci1"];
        for good in tcp.into_iter().chain(others) {
            assert_eq!(good.parse::<LinkAddress>().unwrap().to_string(), good);
        }
        let tcp = ["127.0.0.1:7340", "tcp:", "tcp:host", "tcp::1", "tcp:a b:1", "tcp:h:0", "tcp:h:65536"];
        for bad in tcp.into_iter().chain(["pcsc:", "pcsc:\n", "PCSC", "pcsc+short", "ble:", "", "usb"]) {
            assert!(bad.parse::<LinkAddress>().is_err(), "{bad}");
        }
    }

    #[test]
    fn dates_exist() {
        assert_eq!(date("2028-02-29"), Ok(20_280_229));
        for bad in ["2027-02-29", "20280229", "2028-2-29", "2028-02-29-", "+028-02-29", "1999-01-01", ""] {
            assert!(date(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ids_are_lower_case_hex_of_their_length() {
        assert!(device_id("00112233445566778899aabbccddeeff").is_ok());
        assert!(phone_id("0011223344556677").is_ok());
        for bad in ["", "0011223344556677X", "00112233445566AA"] {
            assert!(device_id(bad).is_err() && phone_id(bad).is_err(), "{bad}");
        }
        assert!(order_id("18f234df-2d91-4724-890c-d2e45466180d").is_ok());
        assert!(order_id("18f234df2d914724890cd2e45466180d").is_err());
    }
}
