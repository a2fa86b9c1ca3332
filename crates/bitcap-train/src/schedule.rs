//! The learning rate over the steps.

use bitcap_plan::{ScheduleKind, TrainSettings};

/// The learning rate of step `step` (the first is 0) as a part of the peak rate, in `[0, 1]`.
///
/// With w steps of warm-up: step / w until then; afterwards 1, or (1 + cos π x) / 2 with x the part
/// gone of what is left, or 1 and at last a line down to 0. Zero is where step T would be, so the
/// last step made still moves. The same as transformers' `get_cosine_schedule_with_warmup`,
/// `get_wsd_schedule` and `get_constant_schedule_with_warmup`.
#[must_use]
pub fn rate_factor(settings: &TrainSettings, step: u64) -> f64 {
    let (t, total, warmup) = (
        step as f64,
        settings.steps as f64,
        settings.warmup_steps as f64,
    );
    if step < settings.warmup_steps {
        return t / warmup;
    }
    match settings.schedule {
        ScheduleKind::Constant => 1.0,
        ScheduleKind::Cosine => {
            let gone = (t - warmup) / (total - warmup);
            0.5 * (1.0 + (std::f64::consts::PI * gone).cos())
        }
        ScheduleKind::WarmupStableDecay => {
            let decay = (settings.decay_fraction * total).round().max(1.0);
            ((total - t) / decay).min(1.0)
        }
    }
}
