//! ushield-bank-api
