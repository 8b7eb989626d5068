//! Why a use case does not do what it was asked, as the layers above see it.

pub use crate::ports::StoreError;
pub use crate::ports::catalog::CatalogRefusal;
pub use crate::ports::fault::Fault;
pub use crate::ports::order::CommandRefusal;
pub use crate::ports::seat::BlockRefusal;
pub use crate::ports::waiting_room::JoinRefusal;
