//! What a container with all rights over the node tries on the runtime itself.

use runtime::contract::{Runtime, SandboxConfig, Security};
use sha2::{Digest, Sha256};

use crate::deaths::{shim, zygote};
use crate::node::{Node, script};

/// CVE-2019-5736 with everything that a pod can be given: whoever gets at the program of a live shim, the zygote or the first
/// process of a shared process namespace cannot open it for writing, so that no later start of the node runs foreign code.
pub(crate) async fn our_program_cannot_be_written_by_privileged_containers() {
    const REFUSED: &str = "stdout F Text file busy\nstdout F Read-only file system\n";
    let mut node = Node::start().await;
    let image = node.pull("busybox").await;
    let before = digest(&node);
    let privileged = || Security { privileged: true, ..Security::default() };
    // Neither would change anything if it were let through: the check must not break what it checks. The kernel tells of a
    // program that runs before it tells of a read-only mount; only a change of the mode shows what remains when it has ended.
    let attempt = |pids: &str| {
        format!(
            "for pid in {pids}; do for try in ': >> /proc/$pid/exe' '/bin/busybox chmod u+x /proc/$pid/exe'; do \
             {{ eval \"$try\" && echo done; }} 2>&1 | /bin/busybox sed 's/.*: //'; done; done; exit 0"
        )
    };

    node.runtime
        .run_pod_sandbox(SandboxConfig { share_processes: true, ..node.sandbox_config("sharing") })
        .await
        .unwrap();
    let mut config = script("sharing", &image, &attempt("1"));
    config.security = privileged();
    let id = node.start_container(config).await;
    assert_eq!(node.exit(&id).await.code, 0);
    assert_eq!(node.log(&id).await, REFUSED);
    assert_eq!(digest(&node), before, "the runtime's program was changed");
}

fn digest(node: &Node) -> Vec<u8> {
    Sha256::digest(std::fs::read(&node.config.exe).unwrap()).to_vec()
}
