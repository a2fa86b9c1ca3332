//! The experiment file, the plan, run folders, running cells side by side.
