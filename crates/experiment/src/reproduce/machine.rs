//! The kind of machine that numbers were taken on.

/// Processor, cores that this program may use, system.
pub fn kind() -> String {
    let processor = std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_string())
    });
    let processor = processor.unwrap_or_else(|| std::env::consts::ARCH.into());
    let cores = imfl_engine::worker::available();
    format!("{processor}, {cores} core{}, {}", if cores == 1 { "" } else { "s" }, std::env::consts::OS)
}
