//! How long the last words of a pod's containers may be, all together.

use k8s_openapi::api::core::v1::{ContainerState, PodSpec, PodStatus};

/// Most bytes of the termination messages of a pod; each of its containers has the same share, as the kubelet gives it.
const MESSAGES_MAX: usize = 12 * 1024;

/// Cuts what is longer than its share.
pub(super) fn shorten(spec: &PodSpec, status: &mut PodStatus) {
    let lists = [spec.init_containers.as_ref().map(Vec::len), spec.ephemeral_containers.as_ref().map(Vec::len)];
    let containers = spec.containers.len() + lists.into_iter().flatten().sum::<usize>();
    let share = MESSAGES_MAX / containers.max(1);
    let lists =
        [&mut status.init_container_statuses, &mut status.container_statuses, &mut status.ephemeral_container_statuses];
    for one in lists.into_iter().flatten().flatten() {
        let states = [&mut one.state, &mut one.last_state];
        states.into_iter().flatten().for_each(|state| cut(state, share));
    }
}

fn cut(state: &mut ContainerState, share: usize) {
    if let Some(message) = state.terminated.as_mut().and_then(|ended| ended.message.as_mut()) {
        message.truncate(message.floor_char_boundary(share));
    }
}
