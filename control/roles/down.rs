//! `down`: ends what `up` left running.

use cli::progress::Progress;
use std::path::Path;

use runtime::privileges::Privileges;

use super::place::Place;

pub(crate) fn run(data: &Path, privileges: Privileges) -> anyhow::Result<()> {
    anyhow::ensure!(data.join("place.json").exists(), "{} is not the data directory of a cluster", data.display());
    let place = Place::open(data, privileges)?;
    let _lock = place.lock()?;
    place.wait_for_earlier()?;
    let progress = Progress::new();
    let step = progress.step("ending pods");
    super::janitor::clean(&place)?;
    step.done("");
    Ok(())
}
