//! Times as text.

pub(super) use crate::search::times::text as rfc3339;
