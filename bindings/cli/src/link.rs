//! The way to a token that an address names.

use std::sync::Arc;

use ushield_client::ports::Connector;
use ushield_client::radio::{AnyOf, Traffic};
use ushield_links::system::SystemClock;
use ushield_links::tcp::TcpConnector;

use crate::args::LinkAddress;
use crate::failure::Failure;

/// Where the software token listens unless it is told otherwise.
const SOFTWARE_TOKEN: &str = "127.0.0.1:7340";

/// The ways to tokens, each by itself.
pub(crate) struct Ways {
    /// With their names, as `--link` has them.
    pub(crate) each: Vec<(&'static str, Arc<dyn Connector>)>,
    /// What goes over the air on all of them.
    pub(crate) traffic: Traffic,
}

impl Ways {
    /// The ways that this address, given by this option, means.
    pub(crate) fn to(address: &LinkAddress, option: &'static str) -> Result<Self, Failure> {
        let traffic = Traffic::default();
        let each = match address {
            LinkAddress::Any => {
                let mut each = vec![("tcp", tcp(None))];
                each.extend(pcsc(None, false, &traffic).map(|way| ("pcsc", way)));
                each.extend(ble(None, &traffic).map(|way| ("ble", way)));
                each
            }
            LinkAddress::Tcp(address) => vec![("tcp", tcp(address.clone()))],
            LinkAddress::Pcsc(reader) | LinkAddress::PcscExtended(reader) => {
                let extended = matches!(address, LinkAddress::PcscExtended(_));
                let way = pcsc(reader.clone(), extended, &traffic);
                vec![("pcsc", way.ok_or_else(|| missing(option, "card readers", "pcsc"))?)]
            }
            LinkAddress::Ble(radio) => {
                let way = ble(radio.clone(), &traffic);
                vec![("ble", way.ok_or_else(|| missing(option, "Bluetooth LE", "ble"))?)]
            }
        };
        Ok(Self { each, traffic })
    }

    /// All of them as one.
    pub(crate) fn connector(&self) -> Arc<dyn Connector> {
        match self.each.as_slice() {
            [(_, only)] => Arc::clone(only),
            ways => {
                let ways = ways.iter().map(|(_, way)| Arc::clone(way)).collect();
                Arc::new(AnyOf::new(ways, Arc::new(SystemClock::new())))
            }
        }
    }
}

fn missing(option: &'static str, what: &str, feature: &str) -> Failure {
    let build = format!("cargo build -p ushield-cli --features {feature}");
    Failure::usage(option, format!("this program was built without {what}: {build}"))
}

/// Where a software token listens: there, or where it usually does.
pub(crate) fn software_token(address: Option<String>) -> String {
    address.unwrap_or_else(|| SOFTWARE_TOKEN.to_owned())
}

fn tcp(address: Option<String>) -> Arc<dyn Connector> {
    Arc::new(TcpConnector::new(software_token(address)))
}

#[cfg(feature = "pcsc")]
fn pcsc(reader: Option<String>, extended: bool, traffic: &Traffic) -> Option<Arc<dyn Connector>> {
    let radio = ushield_links::pcsc::PcscRadio::new(reader);
    Some(over(if extended { radio.extended() } else { radio }, traffic))
}

#[cfg(not(feature = "pcsc"))]
fn pcsc(_: Option<String>, _: bool, _: &Traffic) -> Option<Arc<dyn Connector>> {
    None
}

#[cfg(feature = "ble")]
fn ble(radio: Option<String>, traffic: &Traffic) -> Option<Arc<dyn Connector>> {
    Some(over(ushield_links::ble::BleRadio::new(radio), traffic))
}

#[cfg(not(feature = "ble"))]
fn ble(_: Option<String>, _: &Traffic) -> Option<Arc<dyn Connector>> {
    None
}

#[cfg(any(feature = "ble", feature = "pcsc"))]
fn over(radio: impl ushield_client::ports::Radio + 'static, traffic: &Traffic) -> Arc<dyn Connector> {
    let clock = Arc::new(SystemClock::new());
    Arc::new(ushield_client::radio::RadioConnector::new(Arc::new(radio), clock).counting(traffic.clone()))
}
