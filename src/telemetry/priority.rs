//! Which threads give way: when the machine is full, live runs and everything else waits.

/// Niceness of the threads that serve the operator: the admin API, the store's writer, the log.
pub const BACK_OFFICE: i32 = 5;

/// The lowest priority there is.
const LOWEST: i32 = 19;

/// Adds `nice` to the niceness of the calling thread (on Linux each thread has its own); a thread that cannot be lowered
/// runs on as it is.
pub fn give_way(nice: i32) {
    use rustix::process::{getpriority_process, setpriority_process};
    let lowered = getpriority_process(None)
        .and_then(|now| setpriority_process(None, now.saturating_add(nice).clamp(now, now.max(LOWEST))));
    if let Err(error) = lowered {
        tracing::warn!(%error, nice, "a thread runs at the priority of the live plane");
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::getpriority_process;

    use super::*;

    #[test]
    fn a_thread_gives_way_alone_by_as_much_as_asked_and_no_further_than_the_end() {
        let before = getpriority_process(None).expect("has one");
        let (once, far) = std::thread::spawn(|| {
            give_way(3);
            let once = getpriority_process(None).expect("has one");
            give_way(1000);
            (once, getpriority_process(None).expect("has one"))
        })
        .join()
        .expect("ends");
        assert_eq!((once, far), ((before + 3).min(LOWEST), LOWEST));
        assert_eq!(getpriority_process(None), Ok(before), "this thread is as it was");
    }
}
