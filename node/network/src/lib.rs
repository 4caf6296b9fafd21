//! How it talks: pod interfaces and addresses, Services.

pub mod contract;
