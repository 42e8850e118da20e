//! The way to a token that an address names.

use std::sync::Arc;

use ushield_client::ports::Connector;
use ushield_client::radio::Traffic;
use ushield_links::tcp::TcpConnector;

use crate::args::LinkAddress;
use crate::failure::Failure;

/// A connector, and what goes over the air where it has an air.
pub(crate) type Way = (Arc<dyn Connector>, Option<Traffic>);

/// The way to this address, given by this option.
pub(crate) fn way(address: &LinkAddress, option: &'static str) -> Result<Way, Failure> {
    match address {
        LinkAddress::Tcp(address) => Ok((Arc::new(TcpConnector::new(address.clone())), None)),
        LinkAddress::Pcsc(reader) => pcsc(reader.clone(), option),
    }
}

#[cfg(feature = "pcsc")]
fn pcsc(reader: Option<String>, _: &'static str) -> Result<Way, Failure> {
    use ushield_client::radio::RadioConnector;
    use ushield_links::pcsc::PcscRadio;
    use ushield_links::system::SystemClock;

    let connector = RadioConnector::new(Arc::new(PcscRadio::new(reader)), Arc::new(SystemClock::new()));
    let traffic = connector.traffic();
    Ok((Arc::new(connector), Some(traffic)))
}

#[cfg(not(feature = "pcsc"))]
fn pcsc(_: Option<String>, option: &'static str) -> Result<Way, Failure> {
    Err(Failure::usage(
        option,
        "this program was built without card readers: cargo build -p ushield-cli --features pcsc",
    ))
}
