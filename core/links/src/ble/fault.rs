//! What the system's errors are in the catalogue.

use ushield_client::Error;
use ushield_protocol::code::Code;

/// The radio cannot be used: it may not, or it is off, which is what a machine without one looks like too.
pub(super) fn not_usable(error: btleplug::Error) -> Error {
    let code = if is_forbidden(&error) { Code::RadioForbidden } else { Code::RadioOff };
    Error::new(code).caused_by(error)
}

/// A token that was there does not answer.
pub(super) fn lost(error: btleplug::Error) -> Error {
    let code = if is_forbidden(&error) { Code::RadioForbidden } else { Code::LinkLost };
    Error::new(code).caused_by(error)
}

fn is_forbidden(error: &btleplug::Error) -> bool {
    match error {
        btleplug::Error::PermissionDenied => true,
        #[cfg(target_os = "linux")]
        btleplug::Error::Other(cause) => is_denied_by_the_bus(&**cause),
        _ => false,
    }
}

/// Who may not speak to the daemon is told so by the bus.
#[cfg(target_os = "linux")]
fn is_denied_by_the_bus(cause: &(dyn std::error::Error + 'static)) -> bool {
    use bluez_async::BluetoothError;
    match cause.downcast_ref() {
        Some(BluetoothError::DbusError(error)) => {
            error.name() == Some("org.freedesktop.DBus.Error.AccessDenied")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_is_no_radio_that_is_off() {
        assert_eq!(not_usable(btleplug::Error::PermissionDenied).code(), Code::RadioForbidden);
        assert_eq!(not_usable(btleplug::Error::NoAdapterAvailable).code(), Code::RadioOff);
        assert_eq!(lost(btleplug::Error::NotConnected).code(), Code::LinkLost);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_bus_denies_by_a_name() {
        let error = |name| {
            btleplug::Error::Other(Box::new(bluez_async::BluetoothError::DbusError(dbus::Error::new_custom(
                name, "x",
            ))))
        };
        assert_eq!(not_usable(error("org.freedesktop.DBus.Error.AccessDenied")).code(), Code::RadioForbidden);
        assert_eq!(not_usable(error("org.bluez.Error.NotReady")).code(), Code::RadioOff);
    }
}
