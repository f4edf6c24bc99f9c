//! Events out of other programs' logs.
