//! The tasks that hyper runs for one stream, so that they end with it.
//!
//! hyper writes a request's body in a task of its own, which goes on waiting for a peer that opens no window, and keeps the
//! client's body with it. Whoever drops a stream ends that task: nothing of the stream is left then, and it is reset.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;

use hyper::rt::Executor;
use tokio::task::AbortHandle;

/// What runs for one stream; nothing any more, and never again, once it was abandoned.
pub(super) struct Errand(RefCell<Option<Vec<AbortHandle>>>);

/// Runs hyper's tasks of one connection on this thread, and notes for whom. hyper takes one request up after the other,
/// and starts all tasks of one before it takes the next.
#[derive(Clone, Default)]
pub(super) struct Runner(Rc<RefCell<Option<Rc<Errand>>>>);

impl Default for Errand {
    fn default() -> Self {
        Errand(RefCell::new(Some(Vec::new())))
    }
}

impl Errand {
    /// Ends what still runs, and what would be started later.
    pub(super) fn abandon(&self) {
        self.0.take().into_iter().flatten().for_each(|task| task.abort());
    }
}

impl Runner {
    /// From now on tasks are started for this one.
    pub(super) fn begin(&self, errand: &Rc<Errand>) {
        self.0.replace(Some(errand.clone()));
    }
}

impl<F> Executor<F> for Runner
where
    F: Future<Output = ()> + 'static,
{
    fn execute(&self, task: F) {
        let current = self.0.borrow();
        match current.as_ref().map(|errand| errand.0.borrow_mut()) {
            // The connection itself, before its first request.
            None => drop(tokio::task::spawn_local(task)),
            Some(mut tasks) => {
                if let Some(tasks) = tasks.as_mut() {
                    tasks.push(tokio::task::spawn_local(task).abort_handle());
                }
            }
        }
    }
}
