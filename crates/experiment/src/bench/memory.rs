//! The most memory that this process has held, where the operating system tells.

/// Bytes resident at the highest since the last [`forget`]; `None` where nobody tells.
pub fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| 1024 * kilobytes)
}

/// Starts counting anew, so that one setting does not see the memory of the one before.
pub fn forget() {
    // Not every Linux allows it; the peak is then that of the whole process, an upper bound.
    std::fs::write("/proc/self/clear_refs", "5").ok();
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_peak_covers_what_was_held() {
        forget();
        let held = vec![1u8; 64 << 20];
        assert!(peak().unwrap() > held.len() as u64);
        assert!(held.iter().all(|&byte| byte == 1));
    }
}
