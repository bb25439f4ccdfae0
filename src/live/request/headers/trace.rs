//! Trace fields on the way to stable: a parent id of stable's own, none that is not valid, or hands off.

use http::{HeaderMap, HeaderValue};

use super::{TRACEPARENT, TRACESTATE};
use crate::live::request::survey::{Field, Survey};
use crate::live::settings::Trace;
use crate::model::TraceContext;

/// Writes stable's parent id and answers the trace that the client is in.
///
/// No trace is begun where none came: who begins one decides for every service behind whether it is sampled.
pub(super) fn write(fields: &mut HeaderMap, survey: Survey, policy: Trace) -> Option<TraceContext> {
    if !survey.has(Field::Trace) {
        return None;
    }
    let trace = read(fields);
    match (policy, trace) {
        (Trace::Pass, _) => {}
        (Trace::Propagate, Some(trace)) => {
            if let Ok(parent) = HeaderValue::from_bytes(&trace.child(fastrand::u64(1..))) {
                fields.insert(TRACEPARENT, parent);
            }
        }
        // W3C Trace Context section 3.4: a parent that is not valid is as none, and `tracestate` means nothing without it.
        (Trace::Propagate, None) | (Trace::Off, _) => {
            fields.remove(TRACEPARENT);
            fields.remove(TRACESTATE);
        }
    }
    trace
}

/// Of two parents neither can be believed.
fn read(fields: &HeaderMap) -> Option<TraceContext> {
    let mut parents = fields.get_all(TRACEPARENT).iter();
    match (parents.next(), parents.next()) {
        (Some(parent), None) => TraceContext::parse(parent.as_bytes()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn written(parents: &[&str], state: Option<&str>, policy: Trace) -> (HeaderMap, Option<TraceContext>) {
        let mut fields = HeaderMap::new();
        for parent in parents {
            fields.append(TRACEPARENT, HeaderValue::from_str(parent).expect("a value"));
        }
        if let Some(state) = state {
            fields.append(TRACESTATE, HeaderValue::from_str(state).expect("a value"));
        }
        let survey = Survey::of(&fields, None);
        let trace = write(&mut fields, survey, policy);
        (fields, trace)
    }

    #[test]
    fn stable_gets_a_parent_of_its_own_under_the_same_trace() {
        let (fields, trace) = written(&[PARENT], Some("a=1,b=2"), Trace::Propagate);
        let parent = fields[TRACEPARENT].to_str().expect("text");
        assert!(
            parent.starts_with(&format!("00-{ID}-")) && parent.ends_with("-01") && parent != PARENT,
            "{parent}"
        );
        assert_eq!(fields[TRACESTATE], "a=1,b=2");
        assert_eq!(trace.expect("a trace").id(), ID);
        let (again, _) = written(&[PARENT], None, Trace::Propagate);
        assert_ne!(again[TRACEPARENT], fields[TRACEPARENT], "no two requests are the same span");
    }

    #[test]
    fn what_is_not_valid_is_as_if_there_were_none() {
        let other = PARENT.replace("4bf9", "4bf8");
        for parents in [&[][..], &["00-short"], &[PARENT, PARENT], &[PARENT, &other]] {
            let (fields, trace) = written(parents, Some("a=1"), Trace::Propagate);
            assert!(fields.is_empty() && trace.is_none(), "{parents:?}: {fields:?}");
        }
    }

    #[test]
    fn hands_off_is_hands_off_and_off_is_off_and_the_trace_is_known_all_the_same() {
        let (fields, trace) = written(&[PARENT], Some("a=1"), Trace::Pass);
        assert_eq!(
            (&fields[TRACEPARENT], &fields[TRACESTATE]),
            (&HeaderValue::from_static(PARENT), &HeaderValue::from_static("a=1"))
        );
        assert_eq!(trace.expect("a trace").id(), ID);
        let (fields, trace) = written(&["nonsense"], None, Trace::Pass);
        assert_eq!((&fields[TRACEPARENT], trace), (&HeaderValue::from_static("nonsense"), None));
        let (fields, trace) = written(&[PARENT], Some("a=1"), Trace::Off);
        assert!(fields.is_empty() && trace.is_some());
    }
}
