//! Signing as part of a job.
