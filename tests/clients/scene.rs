//! The cluster in which all clients of this program play, side by side, and an image that its pods can run.

use std::sync::Arc;

use registry_client::manifest::ProcessConfig;
use registry_client::publish::{ImageFile, linux_image};
use registry_client::{BlobStore, Digest};

use crate::support::cluster::Cluster;
use crate::support::images::{BUSYBOX, Images};
use crate::support::scene::Shared;

#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) cluster: Cluster,
    /// Busybox as `/bin/sh`.
    pub(crate) image: String,
    /// The repository of a server of one page on port 80, tagged as the charts that `helm create` makes want it.
    pub(crate) web: String,
    _images: Images,
}

/// `appVersion` of a chart that `helm create` makes.
const CHART_TAG: &str = "1.16.0";

/// Makes an image of busybox as a web server, which runs without arguments, as charts expect.
fn web(blobs: &BlobStore) -> Digest {
    let file = |path: &str, mode, content| ImageFile { path: path.into(), mode, content };
    let files = [
        file("bin/busybox", 0o755, std::fs::read(BUSYBOX).unwrap()),
        file("www/index.html", 0o644, b"hello\n".to_vec()),
    ];
    let command = ["/bin/busybox", "httpd", "-f", "-p", "80", "-h", "/www"].map(str::to_owned);
    let process = ProcessConfig { cmd: Some(command.into()), ..ProcessConfig::default() };
    linux_image(blobs, &files, process).unwrap()
}

static SCENE: Shared<Scene> = Shared::new();

impl Scene {
    /// The one that other tests play in, or a new one.
    pub(crate) fn shared() -> Arc<Self> {
        SCENE.get(|| {
            let images = Images::serve();
            let web = images.publish_as("web", CHART_TAG, &web(&images.blobs));
            let web = web.strip_suffix(&format!(":{CHART_TAG}")).unwrap().to_owned();
            Self { cluster: Cluster::start(), image: images.busybox(), web, _images: images }
        })
    }
}
