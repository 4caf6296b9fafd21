//! The cluster in which all clients of this program play, side by side, and an image that its pods can run.

use std::sync::Arc;

use crate::support::cluster::Cluster;
use crate::support::images::Images;
use crate::support::scene::Shared;

#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) cluster: Cluster,
    /// Busybox as `/bin/sh`.
    pub(crate) image: String,
    _images: Images,
}

static SCENE: Shared<Scene> = Shared::new();

impl Scene {
    /// The one that other tests play in, or a new one.
    pub(crate) fn shared() -> Arc<Self> {
        SCENE.get(|| {
            let images = Images::serve();
            Self { cluster: Cluster::start(), image: images.busybox(), _images: images }
        })
    }
}
