//! QR codes in half blocks: two modules a character, one above the other.

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

/// Black on white whatever the terminal's own colours are.
const PAINT: &str = "\x1b[38;5;16m\x1b[48;5;231m";

/// The code of a text, a line a row; nothing when it does not fit a code. With colours it is dark on light as
/// scanners like it best; without, its light modules are drawn and a dark background is taken for granted.
pub fn half_blocks(text: &str, painted: bool) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let mut renderer = code.render::<Dense1x2>();
    if painted {
        renderer.dark_color(Dense1x2::Dark).light_color(Dense1x2::Light);
        let lines = renderer.build();
        return Some(lines.lines().flat_map(|line| [PAINT, line, "\x1b[0m\n"]).collect());
    }
    renderer.dark_color(Dense1x2::Light).light_color(Dense1x2::Dark);
    Some(renderer.build() + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567ABCDEFGHIJKLMNOPQRSTUVWXYZ234";

    /// Whether each module is lit, read back from the half blocks.
    fn modules(text: &str) -> Vec<Vec<bool>> {
        let mut rows = Vec::new();
        for line in text.lines() {
            let halves = |c| match c {
                '█' => (true, true),
                '▀' => (true, false),
                '▄' => (false, true),
                _ => (false, false),
            };
            let (upper, lower): (Vec<_>, Vec<_>) = line.chars().map(halves).unzip();
            rows.extend([upper, lower]);
        }
        rows
    }

    fn scanned(modules: &[Vec<bool>], lit_is_light: bool) -> String {
        const SCALE: usize = 4;
        let (width, height) = (modules[0].len() * SCALE, modules.len() * SCALE);
        let pixel = |x: usize, y: usize| -> u8 {
            let lit = modules[y / SCALE][x / SCALE];
            if lit == lit_is_light { 255 } else { 0 }
        };
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, pixel);
        image.detect_grids()[0].decode().unwrap().1
    }

    #[test]
    fn a_scanner_reads_it_in_either_drawing_and_it_fits_a_small_terminal() {
        let plain = half_blocks(CODE, false).unwrap();
        assert!(
            plain.lines().count() <= 19 && plain.lines().all(|line| line.chars().count() <= 37),
            "{plain}"
        );
        assert_eq!(scanned(&modules(&plain), true), CODE);
        let painted = half_blocks(CODE, true).unwrap().replace(PAINT, "").replace("\x1b[0m", "");
        assert_eq!(scanned(&modules(&painted), false), CODE);
    }

    #[test]
    fn what_fits_no_code_has_none() {
        assert_eq!(half_blocks(&"x".repeat(5000), true), None);
    }
}
