//! Worlds run as a whole.
