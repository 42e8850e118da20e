//! The bank's requests and responses as types. Must not speak HTTP, know a server or a client, or hold state.
//!
//! JSON (RFC 8259), strict: a field that is not defined here is refused. Bytes are base64url without padding (RFC 4648,
//! section 5), money is an integer in minor units, times are seconds since 1970-01-01T00:00:00Z. The routes are in
//! [`route`], errors are RFC 9457 documents in [`problem`].

pub mod bank;
pub mod bytes;
pub mod order;
pub mod problem;
pub mod route;
pub mod session;

pub use bank::{Bank, Trust};
pub use bytes::Base64Url;
pub use order::{
    Account, AccountScheme, Accounts, AuthorizationReply, CancelReply, Certificate, CertificateDownload,
    Certificates, CreatedOrder, KeyStatus, Order, OrderRequest, OrderState, Orders, Role, Transfer,
};
pub use problem::Problem;
pub use session::{Password, Session, SessionRequest, SessionToken};
