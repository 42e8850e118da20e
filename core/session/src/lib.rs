//! ushield-session
