//! The one catalogue of status and error codes (protocol.md, section 14).

/// What can be done about a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// It worked.
    Done,
    /// Something happened; the exchange goes on.
    Event,
    /// The same again may work.
    Retry,
    /// It may work later without anyone doing anything.
    Wait,
    /// Someone has to do something first.
    Act,
    /// This will not work, however often it is tried.
    Terminal,
}

/// Who can change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Nobody: it is no error.
    None,
    /// The bank.
    Bank,
    /// Whoever called the interface or sent the message.
    Caller,
    /// The person.
    Customer,
    /// The radio, the field, the cable.
    Link,
    /// The way to the bank.
    Network,
    /// This phone and its software.
    Phone,
    /// The token.
    Token,
}

macro_rules! declare {
    ($($variant:ident = $number:literal, $name:literal, $class:ident, $fault:ident;)*) => {
        /// A status or error code. Its number and name never change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[non_exhaustive]
        #[repr(u16)]
        pub enum Code {
            $(#[doc = concat!("`", $name, "`")] $variant = $number,)*
        }

        impl Code {
            /// Every code, in the order of the catalogue.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)*];

            /// The stable name, in kebab case.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Code::$variant => $name,)* }
            }

            /// The stable number.
            #[must_use]
            pub fn number(self) -> u16 {
                match self { $(Code::$variant => $number,)* }
            }

            /// What can be done about it.
            #[must_use]
            pub fn class(self) -> Class {
                match self { $(Code::$variant => Class::$class,)* }
            }

            /// Who can change it.
            #[must_use]
            pub fn fault(self) -> Fault {
                match self { $(Code::$variant => Fault::$fault,)* }
            }

            /// The code with this number.
            #[must_use]
            pub fn from_number(number: u16) -> Option<Code> {
                match number { $($number => Some(Code::$variant),)* _ => None }
            }

            /// The code with this name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Code> {
                match name { $($name => Some(Code::$variant),)* _ => None }
            }
        }
    };
}

/// Hands every code to a macro: `Variant = number, "name", Class, Fault;`. For whoever has to declare them once more, as a binding does.
#[macro_export]
macro_rules! codes {
    ($then:ident) => {
        $then! {
            Ok = 0x00, "ok", Done, None;
            Shown = 0x01, "shown", Event, None;
            PinNeeded = 0x02, "pin-needed", Event, Customer;
            PinWrong = 0x03, "pin-wrong", Act, Customer;
            LastTry = 0x04, "last-try", Event, Customer;
            Waiting = 0x05, "waiting", Wait, Customer;
            Malformed = 0x10, "malformed", Terminal, Caller;
            UnknownCommand = 0x11, "unknown-command", Terminal, Caller;
            UnknownVersion = 0x12, "unknown-version", Terminal, Phone;
            UnknownPhone = 0x13, "unknown-phone", Act, Customer;
            NotPairing = 0x14, "not-pairing", Act, Customer;
            PairingTriesSpent = 0x15, "pairing-tries-spent", Act, Customer;
            PhonesFull = 0x16, "phones-full", Act, Customer;
            Busy = 0x17, "busy", Wait, Token;
            TooLarge = 0x18, "too-large", Terminal, Caller;
            Declined = 0x19, "declined", Terminal, Customer;
            PairingCodeSpent = 0x1a, "pairing-code-spent", Act, Customer;
            PinInitial = 0x20, "pin-initial", Act, Customer;
            PinLocked = 0x21, "pin-locked", Act, Customer;
            PinTooSimple = 0x22, "pin-too-simple", Act, Customer;
            PinUnchanged = 0x23, "pin-unchanged", Act, Customer;
            BadSignature = 0x30, "bad-signature", Terminal, Bank;
            UnknownOrderKey = 0x31, "unknown-order-key", Retry, Phone;
            OperationNotAllowed = 0x32, "operation-not-allowed", Terminal, Bank;
            WrongAddressee = 0x33, "wrong-addressee", Terminal, Bank;
            WrongBank = 0x34, "wrong-bank", Terminal, Bank;
            OrderExpired = 0x35, "order-expired", Terminal, Customer;
            IssuedOutsideValidity = 0x36, "issued-outside-validity", Terminal, Bank;
            OrderIdReused = 0x37, "order-id-reused", Terminal, Bank;
            StoreFull = 0x38, "store-full", Wait, Token;
            Unshowable = 0x39, "unshowable", Terminal, Bank;
            EpochFallen = 0x3a, "epoch-fallen", Terminal, Bank;
            NoCertificate = 0x40, "no-certificate", Act, Customer;
            CertificateExists = 0x41, "certificate-exists", Terminal, Customer;
            WrongCertificate = 0x42, "wrong-certificate", Terminal, Bank;
            Cancelled = 0x50, "cancelled", Terminal, Customer;
            TimedOut = 0x51, "timed-out", Retry, Customer;
            NotFound = 0x52, "not-found", Terminal, Caller;
            AlreadyDecided = 0x53, "already-decided", Terminal, Customer;
            TokenFailure = 0x60, "token-failure", Act, Token;
            BadAuthorization = 0x100, "bad-authorization", Terminal, Phone;
            UnknownOrder = 0x101, "unknown-order", Terminal, Phone;
            KeyFrozen = 0x102, "key-frozen", Act, Bank;
            OtherAuthorization = 0x103, "other-authorization", Terminal, Phone;
            InProgress = 0x104, "in-progress", Retry, Bank;
            OtherRequest = 0x105, "other-request", Terminal, Phone;
            BadRequest = 0x106, "bad-request", Act, Caller;
            NotSignedIn = 0x107, "not-signed-in", Act, Customer;
            WrongPassword = 0x108, "wrong-password", Act, Customer;
            InsufficientFunds = 0x109, "insufficient-funds", Act, Customer;
            UnknownAccount = 0x10a, "unknown-account", Act, Customer;
            NoToken = 0x10b, "no-token", Act, Customer;
            PagesDiffer = 0x10c, "pages-differ", Terminal, Token;
            PinPolicy = 0x10d, "pin-policy", Terminal, Token;
            KeyNotActive = 0x10e, "key-not-active", Act, Customer;
            BankFailure = 0x10f, "bank-failure", Retry, Bank;
            TooManyAttempts = 0x110, "too-many-attempts", Wait, Customer;
            BankUnreachable = 0x111, "bank-unreachable", Retry, Network;
            BankUntrusted = 0x112, "bank-untrusted", Terminal, Network;
            BankLied = 0x113, "bank-lied", Terminal, Bank;
            TokenNotFound = 0x200, "token-not-found", Act, Customer;
            LinkLost = 0x201, "link-lost", Retry, Link;
            TokenTimeout = 0x202, "token-timeout", Retry, Token;
            TokenMisbehaved = 0x203, "token-misbehaved", Terminal, Token;
            WrongToken = 0x204, "wrong-token", Act, Customer;
            ChannelBroken = 0x205, "channel-broken", Retry, Link;
            RadioOff = 0x206, "radio-off", Act, Customer;
            RadioForbidden = 0x207, "radio-forbidden", Act, Customer;
            NoReader = 0x208, "no-reader", Act, Customer;
            TagLost = 0x209, "tag-lost", Retry, Customer;
            BadCommitment = 0x210, "bad-commitment", Terminal, Token;
            UntrustedMaker = 0x211, "untrusted-maker", Terminal, Token;
            BadDeviceStatement = 0x212, "bad-device-statement", Terminal, Token;
            DigitsDiffer = 0x213, "digits-differ", Terminal, Customer;
            NotPaired = 0x214, "not-paired", Act, Customer;
            AlreadyPaired = 0x215, "already-paired", Act, Customer;
            BadPairingCode = 0x216, "bad-pairing-code", Act, Customer;
            ProfileUnknown = 0x217, "profile-unknown", Act, Customer;
            WrongAuthorization = 0x220, "wrong-authorization", Terminal, Token;
            RejectionAsApproval = 0x221, "rejection-as-approval", Terminal, Token;
            OrderAltered = 0x222, "order-altered", Terminal, Bank;
            UnexpectedEvent = 0x223, "unexpected-event", Terminal, Caller;
            BadInput = 0x230, "bad-input", Act, Caller;
            BadText = 0x231, "bad-text", Act, Caller;
            BadCheckDigits = 0x232, "bad-check-digits", Act, Caller;
            UnknownCurrency = 0x233, "unknown-currency", Act, Caller;
            BadExponent = 0x234, "bad-exponent", Terminal, Bank;
            BadPinFormat = 0x235, "bad-pin-format", Act, Customer;
            StoreCorrupt = 0x300, "store-corrupt", Act, Phone;
            DiskFull = 0x301, "disk-full", Act, Phone;
            StoreLocked = 0x302, "store-locked", Act, Phone;
            StoreFailure = 0x303, "store-failure", Act, Phone;
            KeystoreFailure = 0x304, "keystore-failure", Act, Phone;
            NotSetUp = 0x305, "not-set-up", Act, Customer;
            SecretMissing = 0x306, "secret-missing", Act, Caller;
            Interrupted = 0x307, "interrupted", Retry, Customer;
            OtherSetup = 0x308, "other-setup", Act, Caller;
        }
    };
}

codes!(declare);

impl Code {
    /// The status byte of section 5, for codes that a token can say.
    #[must_use]
    pub fn wire(self) -> Option<u8> {
        u8::try_from(self.number()).ok().filter(|byte| *byte < 0x80)
    }

    /// Whether it says no: neither success, nor an event, nor `waiting`.
    #[must_use]
    pub fn is_refusal(self) -> bool {
        !matches!(self.class(), Class::Done | Class::Event) && self != Code::Waiting
    }

    /// The code of a status byte.
    #[must_use]
    pub fn from_wire(status: u8) -> Option<Code> {
        if status < 0x80 { Code::from_number(u16::from(status)) } else { None }
    }
}

impl core::fmt::Display for Code {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}
