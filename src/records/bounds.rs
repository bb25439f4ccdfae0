//! How large a store may grow, in pages and bytes, derived from the one number that is configured.

/// The store's bounds. What lies on disk is database + log + a few small files, and stays within `max_size`
/// except for less than one batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Hard bound on the database's pages (`PRAGMA max_page_count`).
    pub(super) max_pages: u64,
    /// Above this many used pages, pruning begins.
    pub(super) high_pages: u64,
    /// Pruning ends here.
    pub(super) low_pages: u64,
    /// Pages in the log after which `SQLite` moves them into the database.
    pub(super) checkpoint_pages: u64,
    /// Size in bytes above which the log takes no more (a reader may keep it from being reset).
    pub(super) log_bytes: u64,
    /// Bytes of records in one transaction.
    pub(super) batch_bytes: usize,
}

impl Bounds {
    /// Bytes in a page.
    pub(super) const PAGE: u64 = 4096;
    /// Smallest size that can hold anything useful, in bytes; a smaller one counts as this.
    pub(super) const MIN_SIZE: u64 = 1024 * 1024;

    /// A quarter (at most 16 MiB) for the log, the rest for the database.
    pub(super) fn of(max_size: u64) -> Self {
        let size = max_size.max(Self::MIN_SIZE);
        let log_bytes = (size / 4).min(16 * 1024 * 1024);
        let max_pages = ((size - log_bytes) / Self::PAGE).min(u64::from(u32::MAX) - 1);
        Bounds {
            max_pages,
            high_pages: max_pages - max_pages / 8,
            low_pages: max_pages - max_pages / 4,
            checkpoint_pages: (log_bytes / 4 / Self::PAGE).max(1),
            log_bytes,
            batch_bytes: usize::try_from(log_bytes / 4).unwrap_or(usize::MAX),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::Bounds;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_size_gives_bounds_in_order(size in any::<u64>()) {
            let bounds = Bounds::of(size);
            prop_assert!(bounds.low_pages > 0);
            prop_assert!(bounds.low_pages < bounds.high_pages);
            prop_assert!(bounds.high_pages < bounds.max_pages);
            prop_assert!(bounds.checkpoint_pages >= 1);
            prop_assert!(u64::try_from(bounds.batch_bytes).unwrap() < bounds.log_bytes);
            let total = u128::from(bounds.max_pages) * u128::from(Bounds::PAGE) + u128::from(bounds.log_bytes);
            prop_assert!(total <= u128::from(size.max(Bounds::MIN_SIZE)));
        }
    }

    #[test]
    fn a_gibibyte_leaves_nearly_all_of_it_to_the_database() {
        let bounds = Bounds::of(1 << 30);
        assert_eq!(bounds.log_bytes, 16 << 20);
        assert_eq!(bounds.max_pages, ((1 << 30) - (16 << 20)) / 4096);
    }
}
