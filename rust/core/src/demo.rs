//! Believable generated events.
