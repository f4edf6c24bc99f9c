//! The catalogue of known event types.
