//! What the processes of a node say to each other.

use runtime::protocol::{OLDEST, Reply, Request, VERSION, ZygoteReply, ZygoteRequest};
use runtime::wire;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A frame that is read is written as a frame that reads the same; what follows it is left alone.
pub(crate) fn all(data: &[u8]) {
    comes_back::<Request>(data);
    comes_back::<Reply>(data);
    comes_back::<ZygoteRequest>(data);
    comes_back::<ZygoteReply>(data);
}

fn comes_back<T: Serialize + DeserializeOwned>(data: &[u8]) {
    let Ok(Some((message, taken))) = wire::decode::<T>(data, OLDEST..=VERSION) else { return };
    assert!(taken <= data.len());
    let frame = wire::encode(&message).unwrap();
    let (again, length) = wire::decode::<T>(&frame, VERSION..=VERSION).unwrap().unwrap();
    assert_eq!(length, frame.len());
    assert_eq!(wire::encode(&again).unwrap(), frame);
}
