//! Terraform: its types, its functions, and what it makes of its expressions.

pub mod functions;
mod sets;
pub mod types;
#[cfg(test)]
mod vectors;
