//! Curves, fits and figures out of runs.csv; reads CSV and JSON only.
