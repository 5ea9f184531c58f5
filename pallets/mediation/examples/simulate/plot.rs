//! Small line charts in rows, as SVG and PNG.

use resvg::{
	tiny_skia::{Color, Pixmap, Transform},
	usvg::{Options, Tree},
};
use std::fmt::{self, Write as _};

const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 380.0;
const LEFT: f64 = 56.0;
const BOTTOM: f64 = 46.0;
/// Room for four names.
const TOP: f64 = 76.0;
const RIGHT: f64 = 14.0;
/// Readable on light and dark ground, and apart from each other without colours' help by their dashes.
const STYLES: [(&str, &str); 4] = [
	("#2f6fb0", ""),
	("#c2452d", "6 3"),
	("#5a8f29", "2 3"),
	("#8a5ab5", "8 3 2 3"),
];
/// Charts beside each other.
const COLUMNS: usize = 3;
/// Pixels of the PNG for each unit of the SVG.
const SCALE: f32 = 2.0;

/// One line.
pub struct Line {
	name: &'static str,
	points: Vec<(f64, f64)>,
}

impl Line {
	pub fn new(name: &'static str) -> Self {
		Self { name, points: vec![] }
	}

	pub fn add(&mut self, x: f64, y: f64) {
		self.points.push((x, y));
	}

	/// From where on it lies above a level, between its points on straight lines; `None` if it never does.
	pub fn rises_above(&self, level: f64) -> Option<f64> {
		let at = self.points.iter().position(|p| p.1 > level)?;
		let (x, y) = self.points[at];
		let Some((x0, y0)) = at.checked_sub(1).map(|before| self.points[before]) else {
			return Some(x);
		};
		// What only touches the level begins to rise at the next point.
		if level - y0 < 1e-9 {
			return Some(x);
		}
		Some(x0 + (level - y0) / (y - y0) * (x - x0))
	}
}

/// One chart.
pub struct Plot {
	x: &'static str,
	y: &'static str,
	lines: Vec<Line>,
}

impl Plot {
	pub fn new(x: &'static str, y: &'static str, lines: Vec<Line>) -> Self {
		Self { x, y, lines }
	}

	/// Its lines, in their order.
	pub fn lines(&self) -> &[Line] {
		&self.lines
	}

	/// What the values span, together with `with`.
	fn range(&self, with: f64, of: impl Fn(&(f64, f64)) -> f64) -> (f64, f64) {
		let all = || self.lines.iter().flat_map(|line| &line.points).map(&of);
		let (low, high) = (all().fold(with, f64::min), all().fold(with, f64::max));
		(low, if high > low { high } else { low + 1.0 })
	}

	fn draw(&self, out: &mut String) -> fmt::Result {
		let first = self.lines.iter().find_map(|line| line.points.first());
		let (x, y) = (
			self.range(first.map_or(0.0, |p| p.0), |p| p.0),
			self.range(0.0, |p| p.1),
		);
		let digits = usize::from(x.1 - x.0 < 10.0);
		let at_x = |v: f64| LEFT + (v - x.0) / (x.1 - x.0) * (WIDTH - LEFT - RIGHT);
		let at_y = |v: f64| HEIGHT - BOTTOM - (v - y.0) / (y.1 - y.0) * (HEIGHT - BOTTOM - TOP);
		for step in 0..=5 {
			let t = f64::from(step) / 5.0;
			let (vx, vy) = (x.0 + t * (x.1 - x.0), y.0 + t * (y.1 - y.0));
			writeln!(
				out,
				r##"<line x1="{0:.1}" y1="{2:.1}" x2="{1:.1}" y2="{2:.1}" stroke="#8884"/><text x="{3:.1}" y="{4:.1}" text-anchor="end">{vy:.2}</text>"##,
				at_x(x.0),
				at_x(x.1),
				at_y(vy),
				at_x(x.0) - 6.0,
				at_y(vy) + 4.0,
			)?;
			let below = HEIGHT - BOTTOM + 16.0;
			writeln!(
				out,
				r##"<text x="{:.1}" y="{below:.1}" text-anchor="middle">{vx:.digits$}</text>"##,
				at_x(vx)
			)?;
		}
		writeln!(
			out,
			r##"<line x1="{:.1}" y1="{2:.1}" x2="{:.1}" y2="{2:.1}" stroke="#888"/>"##,
			at_x(x.0),
			at_x(x.1),
			at_y(0.0)
		)?;
		let middle = (LEFT + WIDTH - RIGHT) / 2.0;
		writeln!(
			out,
			r##"<text x="{middle:.1}" y="{:.1}" text-anchor="middle">{}</text>"##,
			HEIGHT - 8.0,
			self.x
		)?;
		let (tx, ty) = (12.0, (TOP + HEIGHT - BOTTOM) / 2.0);
		writeln!(
			out,
			r##"<text transform="translate({tx:.1} {ty:.1}) rotate(-90)" text-anchor="middle">{}</text>"##,
			self.y
		)?;
		for ((nth, line), (colour, dash)) in self.lines.iter().enumerate().zip(STYLES) {
			let points: Vec<_> = line
				.points
				.iter()
				.map(|p| format!("{:.1},{:.1}", at_x(p.0), at_y(p.1)))
				.collect();
			writeln!(
				out,
				r##"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>"##,
				points.join(" ")
			)?;
			let (lx, ly) = (LEFT, 12.0 + 16.0 * nth as f64);
			writeln!(
				out,
				r##"<line x1="{lx:.1}" y1="{ly:.1}" x2="{:.1}" y2="{ly:.1}" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/><text x="{:.1}" y="{:.1}">{}</text>"##,
				lx + 24.0,
				lx + 30.0,
				ly + 4.0,
				line.name
			)?;
		}
		Ok(())
	}
}

/// All charts as one picture.
pub fn svg(plots: &[Plot]) -> Result<String, fmt::Error> {
	let width = WIDTH * plots.len().min(COLUMNS) as f64;
	let height = HEIGHT * plots.len().div_ceil(COLUMNS) as f64;
	let mut out = format!(
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"sans-serif\" font-size=\"11\" \
		fill=\"#777\" role=\"img\" aria-label=\"Income by strategy\">\n"
	);
	for (nth, plot) in plots.iter().enumerate() {
		let (x, y) = ((nth % COLUMNS) as f64 * WIDTH, (nth / COLUMNS) as f64 * HEIGHT);
		writeln!(out, r#"<g transform="translate({x:.0} {y:.0})">"#)?;
		plot.draw(&mut out)?;
		out.push_str("</g>\n");
	}
	out.push_str("</svg>\n");
	Ok(out)
}

/// A picture, on white ground.
pub fn png(svg: &str) -> Pixmap {
	let mut options = Options::default();
	options.fontdb_mut().load_system_fonts();
	// Whatever there is, if the usual one is not.
	let usual = |family: &String| family == "DejaVu Sans";
	let families = || options.fontdb.faces().map(|face| face.families[0].0.clone());
	let family = families()
		.find(usual)
		.or_else(|| families().next())
		.expect("no font is installed to write with: apt-get install fonts-dejavu-core");
	options.fontdb_mut().set_sans_serif_family(family);
	let tree = Tree::from_str(svg, &options).expect("it was drawn here");
	let size = tree
		.size()
		.to_int_size()
		.scale_by(SCALE)
		.expect("it is of a moderate size");
	let mut picture = Pixmap::new(size.width(), size.height()).expect("it is not empty");
	picture.fill(Color::WHITE);
	resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut picture.as_mut());
	picture
}
