//! What every room needs and none owns: random streams, files written atomically, locks, the error
//! of a setting that is out of its range, sums that lose nothing, the time of day, a wish to stop.

mod atomic_write;
mod clock;
mod invalid_setting;
mod lock;
mod random;
mod stop;
mod sum;

pub use atomic_write::{create_aside, remove_partial, rename, write_all_atomic, write_atomic};
pub use clock::since_1970;
pub use invalid_setting::{InvalidSetting, check_setting, in_range};
pub use lock::{FileLock, LockError, SharedLock, check_in_place, host, is_held, lock_holder};
pub use random::stream;
pub use stop::Stop;
pub use sum::CompensatedSum;
