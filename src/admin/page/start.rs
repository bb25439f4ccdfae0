//! What the page says while nothing was compared: why that is, and what to do next.

use serde_json::Value;

use super::html::Html;

/// The panel in place of findings.
pub(super) fn nothing_compared(page: &mut Html, report: &Value, mirror: &Value) {
    let coverage = &report["coverage"];
    let requests = coverage["requests"].as_u64().unwrap_or(0);
    let mirrored = coverage["decisions"]["mirrored"].as_u64().unwrap_or(0);
    let share = |r: &Value| r["percent"].as_f64().unwrap_or(0.0) > 0.0;
    let any_share = mirror["routes"].as_array().is_some_and(|routes| routes.iter().any(share));
    page.raw("<section class=\"start\"><h2>Nothing compared yet</h2>");
    if requests == 0 {
        page.raw("<p>No request has come through the proxy.</p><ol><li>Send one to the address of <code>listen.address</code>: ");
        page.raw("<code>curl -i http://HOST:PORT/</code>.</li><li>Point a load balancer's share of the traffic at it.</li>");
        page.raw("<li><code>umbrage check --probe</code> asks stable and shadow once each.</li></ol>");
    } else if mirror["paused"] == true {
        page.raw("<p>Requests come in, and mirroring is paused.</p><ol><li><code>umbrage ctl resume</code> takes it up again.</li></ol>");
    } else if !any_share {
        page.raw("<p>Requests come in, and the share to be mirrored is 0.</p><ol>");
        page.raw(
            "<li><code>umbrage ctl percent 5</code> mirrors one in twenty from the next request on.</li>",
        );
        page.raw("<li><code>mirror.percent</code> in the config file keeps it so.</li></ol>");
    } else if mirrored == 0 {
        page.raw("<p>Requests come in, and none was mirrored. <a href=\"#coverage\">Coverage</a> says why.</p><ol>");
        page.raw("<li><i>not sampled</i>: the share is small; wait, or raise it with <code>umbrage ctl percent</code>.</li>");
        page.raw("<li><i>method</i>: only safe methods are mirrored unless <code>mirror.methods</code> names others.</li>");
        page.raw("<li><i>no route</i>: no <code>[[route]]</code> matches.</li></ol>");
    } else {
        page.raw("<p>Requests were mirrored, and none has a verdict. <a href=\"#coverage\">Coverage</a> says how they ended.</p><ol>");
        page.raw("<li><code>umbrage check --probe</code> asks the shadow once and says what is wrong.</li>");
        page.raw("<li><i>connect error</i>: is the address of <code>shadow.url</code> right?</li>");
        page.raw("<li><i>timeout</i>: <code>shadow.timeout</code> bounds the whole exchange.</li></ol>");
    }
    page.raw("</section>");
}
