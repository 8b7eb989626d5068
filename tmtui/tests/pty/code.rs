//! A QR code read off the cells of a screen, as a camera would.

use vt100::{Color, Screen};

/// What light modules are drawn in.
const LIGHT: Color = Color::Idx(231);
/// Pixels a module is wide.
const SCALE: usize = 4;

/// What the code on the screen says, once it is drawn whole.
pub fn scanned(screen: &Screen) -> Option<String> {
    let (lines, columns) = screen.size();
    let all = (0..lines).flat_map(|line| (0..columns).map(move |column| (line, column)));
    let is_paper =
        |(line, column): &(u16, u16)| screen.cell(*line, *column).is_some_and(|c| c.bgcolor() == LIGHT);
    let paper: Vec<_> = all.filter(is_paper).collect();
    let (top, left) = (paper.iter().map(|at| at.0).min()?, paper.iter().map(|at| at.1).min()?);
    let (bottom, right) = (paper.iter().map(|at| at.0).max()?, paper.iter().map(|at| at.1).max()?);
    // Each half of a cell is a module: dark where its colour is not the paper's.
    let is_dark = |x: usize, half: usize| {
        let (line, column) = (top + u16::try_from(half / 2).unwrap(), left + u16::try_from(x).unwrap());
        let Some(cell) = screen.cell(line, column) else { return true };
        let is_ink = matches!((cell.contents(), half % 2), ("█", _) | ("▀", 0) | ("▄", 1));
        (if is_ink { cell.fgcolor() } else { cell.bgcolor() }) != LIGHT
    };
    let (width, height) = (usize::from(right - left + 1), usize::from(bottom - top + 1) * 2);
    let pixel = |x: usize, y: usize| if is_dark(x / SCALE, y / SCALE) { 0 } else { 255 };
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width * SCALE, height * SCALE, pixel);
    image.detect_grids().first()?.decode().ok().map(|(_, text)| text)
}
