//! A QR code read off the cells of a screen, as a camera would.

use vt100::{Color, Screen};

/// What the code in the middle of the screen says.
pub fn scanned(screen: &Screen) -> Option<String> {
    const SCALE: usize = 4;
    let (lines, columns) = screen.size();
    // Each half of a cell is a module: dark where its colour is black.
    let is_dark = |column: usize, half: usize| {
        let (line, column) = (u16::try_from(half / 2).unwrap(), u16::try_from(column).unwrap());
        let cell = screen.cell(line, column).unwrap();
        let is_ink = matches!((cell.contents(), half % 2), ("█", _) | ("▀", 0) | ("▄", 1));
        let color = if is_ink { cell.fgcolor() } else { cell.bgcolor() };
        color != Color::Idx(231)
    };
    let (width, height) = (usize::from(columns), usize::from(lines) * 2);
    let pixel = |x: usize, y: usize| if is_dark(x / SCALE, y / SCALE) { 0 } else { 255 };
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width * SCALE, height * SCALE, pixel);
    image.detect_grids().first()?.decode().ok().map(|(_, text)| text)
}
