//! How large files and functions may be, and how many lines of tests there must be.

use super::Complaint;
use super::source::{Function, Source};

/// Most production lines in one file.
pub const FILE_MOST: usize = 500;
/// Most production lines in the file in the middle.
pub const FILE_MEDIAN: usize = 200;
/// Most lines with code in one function.
pub const FUNCTION_MOST: usize = 70;
/// Most lines with code in nine of ten functions.
pub const FUNCTION_P90: usize = 30;
/// Lines of tests for each line of production, in percent.
pub const TESTS_PERCENT: usize = 80;

/// What was measured, to be printed.
#[derive(Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Files with production code.
    pub files: usize,
    /// Production lines of the file in the middle.
    pub file_median: usize,
    /// Production lines of the largest file.
    pub file_most: usize,
    /// Lines of the function at the 90th percentile.
    pub function_p90: usize,
    /// Production lines in all.
    pub production: usize,
    /// Test lines in all.
    pub tests: usize,
}

/// Measures `production` (the files below src) and `tests` (those below tests).
pub fn measure(production: &[Source], tests: &[Source]) -> Sizes {
    let sizes: Vec<(usize, usize)> = production.iter().map(Source::sizes).collect();
    let mut files: Vec<usize> = sizes.iter().map(|(lines, _)| *lines).filter(|lines| *lines > 0).collect();
    files.sort_unstable();
    let mut functions: Vec<usize> = functions(production).map(|(_, function)| function.length).collect();
    functions.sort_unstable();
    let beside: usize = tests.iter().map(|test| test.raw.lines().count()).sum();
    Sizes {
        files: files.len(),
        file_median: at(&files, 50),
        file_most: at(&files, 100),
        function_p90: at(&functions, 90),
        production: sizes.iter().map(|(lines, _)| lines).sum(),
        tests: sizes.iter().map(|(_, lines)| lines).sum::<usize>() + beside,
    }
}

/// Every file and function over its budget, and the tree if its middle, its p90 or its tests are off.
pub fn check(production: &[Source], tests: &[Source]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for source in production {
        let (lines, _) = source.sizes();
        if lines > FILE_MOST {
            complaints.push(Complaint::new(
                source,
                lines,
                format!("{lines} lines, {FILE_MOST} are the most: split it"),
            ));
        }
    }
    for (source, function) in functions(production).filter(|(_, function)| function.length > FUNCTION_MOST) {
        let Function { name, line, length, .. } = function;
        complaints.push(Complaint::new(
            source,
            line,
            format!("fn {name} has {length} lines, {FUNCTION_MOST} are the most"),
        ));
    }
    complaints.extend(check_whole(&measure(production, tests)));
    complaints
}

/// What is wrong with the tree as a whole.
pub fn check_whole(sizes: &Sizes) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    if sizes.file_median > FILE_MEDIAN {
        let what = format!("the median file has {} lines, {FILE_MEDIAN} are the most", sizes.file_median);
        complaints.push(Complaint::whole("src", what));
    }
    if sizes.function_p90 > FUNCTION_P90 {
        let what = format!(
            "one function in ten has {} lines or more, {FUNCTION_P90} are the most",
            sizes.function_p90
        );
        complaints.push(Complaint::whole("src", what));
    }
    if sizes.tests * 100 < sizes.production * TESTS_PERCENT {
        let what =
            format!("{} lines of tests for {} of production: less than 0.8", sizes.tests, sizes.production);
        complaints.push(Complaint::whole("tests", what));
    }
    complaints
}

fn functions(production: &[Source]) -> impl Iterator<Item = (&Source, Function)> {
    production
        .iter()
        .flat_map(|source| source.functions().into_iter().map(move |function| (source, function)))
        .filter(|(_, function)| !function.test)
}

/// The value that `percent` of the sorted values do not exceed.
fn at(sorted: &[usize], percent: usize) -> usize {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(0)
}
