//! Files, byte spans, positions, and texts made of pieces with origins.
//!
//! Everything that a finding can point at is a [`Span`] of a [`SourceFile`].
//! Strings that are built from several places of the workspace are [`Text`]s, which remember for each of
//! their bytes where it was written. This room knows no language and reads no file.

mod file;
mod limits;
mod line_index;
mod text;
mod trail;

pub use file::{FileId, SourceFile, Span};
pub use limits::Limits;
pub(crate) use limits::PORTION;
pub use line_index::{LineIndex, Position};
pub use text::{DOWNLOADED, HOLE, Piece, PieceKind, Text};
pub use trail::{Origin, Step, StepRole, Trail};
