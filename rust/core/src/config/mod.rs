//! `sealtrail.yaml`: where it is found, what it may say.
