//! ushield-emulator
