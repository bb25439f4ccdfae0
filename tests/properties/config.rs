//! Whatever stands in the config file, it is a configuration or a bounded list of problems that can be shown.

use umbrage::config::Config;

/// Most bytes that the problems of one file may take on a page, beside what they quote of it.
const MOST: usize = 256 * 1024;

/// The file's text.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // Names of devices would be read.
    if text.contains("/dev") || text.contains("/proc") {
        return;
    }
    match Config::from_text("fuzz.toml", text) {
        Ok((config, warnings)) => {
            assert!(warnings.render(false).len() < MOST);
            let masked = config.masked();
            assert!(!masked.is_empty());
        }
        Err(problems) => {
            assert!(!problems.is_empty(), "refused without a reason: {text:?}");
            let rendered = problems.render(false);
            assert!(rendered.contains("fuzz.toml"), "{rendered}");
        }
    }
}
