//! The files that a WebAssembly program sees: a tree of our own, whose contents lie in plain files on the host.
//!
//! A program never names a file of the host. What it may learn of a file is the same on every machine: numbers are given in
//! the order of creation, folders are listed in byte order, all times are zero, and disk is counted by length.

use super::{
	abi::{errno, Fail},
	Stop,
};
use crate::executor::disk::{cost, BLOCK};
use std::{
	collections::BTreeMap,
	fs::File,
	os::unix::fs::FileExt,
	path::{Path, PathBuf},
};

/// Longest name of a file or folder, in bytes.
const MAX_NAME: usize = 255;
/// Longest path, in bytes.
const MAX_PATH: usize = 4096;
/// Most files and folders at a time.
const MAX_NODES: u64 = 1 << 18;

/// A file or folder.
pub(super) type NodeId = u64;
/// The folder that is everything's.
pub(super) const ROOT: NodeId = 1;

#[derive(Debug)]
struct Node {
	kind: Kind,
	/// Whether the program may change it: a file's contents, a folder's entries.
	writable: bool,
	/// How many open descriptors there are.
	opened: u32,
	/// Whether it still has a name.
	named: bool,
}

#[derive(Debug)]
enum Kind {
	Folder {
		entries: BTreeMap<String, NodeId>,
		parent: NodeId,
	},
	File {
		backing: PathBuf,
		handle: Option<File>,
		length: u64,
	},
}

/// What there is to know about a file or folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stat {
	pub(super) node: NodeId,
	pub(super) is_folder: bool,
	pub(super) length: u64,
	pub(super) writable: bool,
}

/// The tree.
#[derive(Debug)]
pub(super) struct Files {
	nodes: BTreeMap<NodeId, Node>,
	next: NodeId,
	/// Where the contents of files lie.
	store: PathBuf,
	used: u64,
	peak: u64,
	limit: u64,
}

/// Where a path leads: a folder and, unless the path names the folder itself, a name in it.
struct Place {
	parent: NodeId,
	name: Option<String>,
	/// The path ended in `/`, so only a folder will do.
	must_be_folder: bool,
}

impl Files {
	/// An empty tree; what is written to it goes to the folder `store` and may use `limit` bytes.
	pub(super) fn new(store: PathBuf, limit: u64) -> Self {
		let root = Node {
			kind: Kind::Folder {
				entries: BTreeMap::new(),
				parent: ROOT,
			},
			writable: false,
			opened: 1,
			named: true,
		};
		Self {
			nodes: BTreeMap::from([(ROOT, root)]),
			next: ROOT + 1,
			store,
			used: 0,
			peak: 0,
			limit,
		}
	}

	/// Makes the folders of an absolute path, for the program to find.
	pub(super) fn add_folder(&mut self, path: &str, writable: bool) -> Result<NodeId, Fail> {
		let mut at = ROOT;
		for part in path.split('/').filter(|p| !p.is_empty()) {
			at = match self.child(at, part)? {
				Some(there) => there,
				None => self.insert_folder(at, part, false)?,
			};
		}
		if writable {
			self.node_mut(at)?.writable = true;
		}
		Ok(at)
	}

	/// Takes the right to make and remove things in a folder away.
	pub(super) fn make_read_only(&mut self, folder: NodeId) -> Result<(), Fail> {
		self.node_mut(folder)?.writable = false;
		Ok(())
	}

	/// Gives a folder a second name: two output paths may mean the same folder.
	pub(super) fn alias(&mut self, path: &str, folder: NodeId) -> Result<(), Fail> {
		let (above, name) = path.rsplit_once('/').ok_or(Fail::Errno(errno::INVAL))?;
		let parent = self.add_folder(above, false)?;
		if self.child(parent, name)?.is_none() {
			self.entries_mut(parent)?.insert(name.into(), folder);
		}
		Ok(())
	}

	/// Puts a file of the host where the program finds it. It is only read.
	pub(super) fn add_input(&mut self, path: &str, file: &Path, length: u64) -> Result<(), Fail> {
		let (above, name) = path.rsplit_once('/').ok_or(Fail::Errno(errno::INVAL))?;
		let parent = self.add_folder(above, false)?;
		let kind = Kind::File {
			backing: file.into(),
			handle: None,
			length,
		};
		self.insert(parent, name, kind, false)?;
		Ok(())
	}

	/// What a path leads to.
	pub(super) fn lookup(&self, from: NodeId, path: &str) -> Result<Stat, Fail> {
		let place = self.place(from, path)?;
		let node = match &place.name {
			None => place.parent,
			Some(name) => self.child(place.parent, name)?.ok_or(Fail::Errno(errno::NOENT))?,
		};
		let stat = self.stat(node)?;
		match place.must_be_folder && !stat.is_folder {
			true => Err(Fail::Errno(errno::NOTDIR)),
			false => Ok(stat),
		}
	}

	/// What there is to know about a node.
	pub(super) fn stat(&self, node: NodeId) -> Result<Stat, Fail> {
		let found = self.node(node)?;
		let (is_folder, length) = match &found.kind {
			Kind::Folder { .. } => (true, 0),
			Kind::File { length, .. } => (false, *length),
		};
		Ok(Stat {
			node,
			is_folder,
			length,
			writable: found.writable,
		})
	}

	/// Makes an empty file. It must not be there yet.
	pub(super) fn create_file(&mut self, from: NodeId, path: &str) -> Result<Stat, Fail> {
		let (parent, name) = self.new_place(from, path, false)?;
		let backing = self.store.join(self.next.to_string());
		File::create(&backing).map_err(|e| Fail::host(e, &backing))?;
		self.charge(cost(0))?;
		let node = self.insert(
			parent,
			&name,
			Kind::File {
				backing,
				handle: None,
				length: 0,
			},
			true,
		)?;
		self.stat(node)
	}

	/// Makes an empty folder.
	pub(super) fn create_folder(&mut self, from: NodeId, path: &str) -> Result<(), Fail> {
		let (parent, name) = self.new_place(from, path, true)?;
		self.charge(cost(0))?;
		self.insert_folder(parent, &name, true).map(drop)
	}

	/// Takes a file's name away. Its bytes go when nobody has it open.
	pub(super) fn unlink(&mut self, from: NodeId, path: &str) -> Result<(), Fail> {
		let stat = self.lookup(from, path)?;
		if stat.is_folder {
			return Err(Fail::Errno(errno::ISDIR));
		}
		self.remove_name(from, path, stat.node)
	}

	/// Removes an empty folder.
	pub(super) fn remove_folder(&mut self, from: NodeId, path: &str) -> Result<(), Fail> {
		let stat = self.lookup(from, path)?;
		if !stat.is_folder {
			return Err(Fail::Errno(errno::NOTDIR));
		}
		if !self.entries(stat.node)?.is_empty() {
			return Err(Fail::Errno(errno::NOTEMPTY));
		}
		self.remove_name(from, path, stat.node)
	}

	/// Renames, replacing a file by a file or an empty folder by a folder.
	pub(super) fn rename(&mut self, from: NodeId, old: &str, to: NodeId, new: &str) -> Result<(), Fail> {
		let stat = self.lookup(from, old)?;
		let (old_place, new_place) = (self.place(from, old)?, self.place(to, new)?);
		let (Some(old_name), Some(new_name)) = (old_place.name, new_place.name) else {
			return Err(Fail::Errno(errno::BUSY));
		};
		if !self.node(old_place.parent)?.writable || !self.node(new_place.parent)?.writable {
			return Err(Fail::Errno(errno::ROFS));
		}
		if !self.node(new_place.parent)?.named {
			return Err(Fail::Errno(errno::NOENT));
		}
		if new_place.must_be_folder && !stat.is_folder {
			return Err(Fail::Errno(errno::NOTDIR));
		}
		if stat.is_folder && self.is_above(stat.node, new_place.parent)? {
			return Err(Fail::Errno(errno::INVAL));
		}
		if let Some(there) = self.child(new_place.parent, &new_name)? {
			if there == stat.node {
				return Ok(());
			}
			match (stat.is_folder, self.stat(there)?.is_folder) {
				(true, true) => self.remove_folder(to, new)?,
				(false, false) => self.unlink(to, new)?,
				(true, false) => return Err(Fail::Errno(errno::NOTDIR)),
				(false, true) => return Err(Fail::Errno(errno::ISDIR)),
			}
		}
		self.entries_mut(old_place.parent)?.remove(&old_name);
		self.entries_mut(new_place.parent)?.insert(new_name, stat.node);
		if let Kind::Folder { parent, .. } = &mut self.node_mut(stat.node)?.kind {
			*parent = new_place.parent;
		}
		Ok(())
	}

	/// Names, nodes and kinds in a folder, `.` and `..` first, then in byte order.
	pub(super) fn list(&self, folder: NodeId) -> Result<Vec<(String, Stat)>, Fail> {
		let Kind::Folder { entries, parent } = &self.node(folder)?.kind else {
			return Err(Fail::Errno(errno::NOTDIR));
		};
		let mut list = vec![
			(".".to_string(), self.stat(folder)?),
			("..".to_string(), self.stat(*parent)?),
		];
		for (name, node) in entries {
			list.push((name.clone(), self.stat(*node)?));
		}
		Ok(list)
	}

	/// Counts one more descriptor.
	pub(super) fn opened(&mut self, node: NodeId) -> Result<(), Fail> {
		self.node_mut(node)?.opened += 1;
		Ok(())
	}

	/// Counts one descriptor less.
	pub(super) fn closed(&mut self, node: NodeId) -> Result<(), Fail> {
		let found = self.node_mut(node)?;
		found.opened = found.opened.saturating_sub(1);
		if let (0, Kind::File { handle, .. }) = (found.opened, &mut found.kind) {
			*handle = None;
		}
		self.forget_if_unused(node)
	}

	/// Reads; how many bytes there were.
	pub(super) fn read_at(&mut self, node: NodeId, offset: u64, into: &mut [u8]) -> Result<usize, Fail> {
		let found = self.node_mut(node)?;
		let writable = found.writable;
		let Kind::File {
			backing,
			handle,
			length,
		} = &mut found.kind
		else {
			return Err(Fail::Errno(errno::ISDIR));
		};
		let most = length.saturating_sub(offset).min(into.len() as u64) as usize;
		let file = open_backing(handle, backing, writable)?;
		file.read_exact_at(&mut into[..most], offset)
			.map_err(|e| Fail::host(e, backing))?;
		Ok(most)
	}

	/// Writes, past the end too: what lies between reads as zeros.
	pub(super) fn write_at(&mut self, node: NodeId, offset: u64, bytes: &[u8]) -> Result<(), Fail> {
		let end = offset
			.checked_add(bytes.len() as u64)
			.ok_or(Fail::Errno(errno::FBIG))?;
		if !bytes.is_empty() && end > self.stat(node)?.length {
			self.set_length(node, end)?;
		}
		let found = self.node_mut(node)?;
		let Kind::File { backing, handle, .. } = &mut found.kind else {
			return Err(Fail::Errno(errno::ISDIR));
		};
		open_backing(handle, backing, true)?
			.write_all_at(bytes, offset)
			.map_err(|e| Fail::host(e, backing))
	}

	/// Cuts a file, or lengthens it with zeros.
	pub(super) fn set_length(&mut self, node: NodeId, new: u64) -> Result<(), Fail> {
		let stat = self.stat(node)?;
		if stat.is_folder {
			return Err(Fail::Errno(errno::ISDIR));
		}
		if !stat.writable {
			return Err(Fail::Errno(errno::ROFS));
		}
		let (before, after) = (cost(stat.length), cost(new));
		if after > before {
			self.charge(after - before)?;
		} else {
			self.used = self.used.saturating_sub(before - after);
		}
		let found = self.node_mut(node)?;
		let Kind::File {
			backing,
			handle,
			length,
		} = &mut found.kind
		else {
			return Err(Fail::Errno(errno::ISDIR));
		};
		open_backing(handle, backing, true)?
			.set_len(new)
			.map_err(|e| Fail::host(e, backing))?;
		*length = new;
		Ok(())
	}

	/// The plain files below a folder, by their path in it; folders without files are left out.
	pub(super) fn files_below(&mut self, folder: NodeId) -> Result<Vec<(String, PathBuf)>, Fail> {
		let mut files = Vec::new();
		let mut folders = vec![(String::new(), folder)];
		while let Some((prefix, at)) = folders.pop() {
			for (name, node) in self.entries(at)?.clone() {
				let path = format!("{prefix}{name}");
				match &mut self.node_mut(node)?.kind {
					Kind::Folder { .. } => folders.push((format!("{path}/"), node)),
					Kind::File { backing, handle, .. } => {
						*handle = None;
						files.push((path, backing.clone()));
					},
				}
			}
		}
		files.sort();
		Ok(files)
	}

	fn node(&self, node: NodeId) -> Result<&Node, Fail> {
		self.nodes.get(&node).ok_or(Fail::Errno(errno::BADF))
	}

	fn node_mut(&mut self, node: NodeId) -> Result<&mut Node, Fail> {
		self.nodes.get_mut(&node).ok_or(Fail::Errno(errno::BADF))
	}

	fn entries(&self, folder: NodeId) -> Result<&BTreeMap<String, NodeId>, Fail> {
		match &self.node(folder)?.kind {
			Kind::Folder { entries, .. } => Ok(entries),
			Kind::File { .. } => Err(Fail::Errno(errno::NOTDIR)),
		}
	}

	fn entries_mut(&mut self, folder: NodeId) -> Result<&mut BTreeMap<String, NodeId>, Fail> {
		match &mut self.node_mut(folder)?.kind {
			Kind::Folder { entries, .. } => Ok(entries),
			Kind::File { .. } => Err(Fail::Errno(errno::NOTDIR)),
		}
	}

	fn child(&self, folder: NodeId, name: &str) -> Result<Option<NodeId>, Fail> {
		Ok(self.entries(folder)?.get(name).copied())
	}

	fn parent(&self, folder: NodeId) -> Result<NodeId, Fail> {
		match &self.node(folder)?.kind {
			Kind::Folder { parent, .. } => Ok(*parent),
			Kind::File { .. } => Err(Fail::Errno(errno::NOTDIR)),
		}
	}

	fn is_above(&self, above: NodeId, mut node: NodeId) -> Result<bool, Fail> {
		loop {
			if node == above {
				return Ok(true);
			}
			if node == ROOT {
				return Ok(false);
			}
			node = self.parent(node)?;
		}
	}

	/// Follows a path up to its last part.
	fn place(&self, from: NodeId, path: &str) -> Result<Place, Fail> {
		if path.is_empty() {
			return Err(Fail::Errno(errno::NOENT));
		}
		if path.starts_with('/') {
			return Err(Fail::Errno(errno::NOTCAPABLE));
		}
		if path.len() > MAX_PATH {
			return Err(Fail::Errno(errno::NAMETOOLONG));
		}
		let must_be_folder = path.ends_with('/');
		let mut parts = path.split('/').filter(|p| !p.is_empty()).peekable();
		let mut parent = from;
		self.entries(parent)?;
		while let Some(part) = parts.next() {
			if part.len() > MAX_NAME {
				return Err(Fail::Errno(errno::NAMETOOLONG));
			}
			match part {
				"." => (),
				".." if parent == ROOT => return Err(Fail::Errno(errno::NOTCAPABLE)),
				".." => parent = self.parent(parent)?,
				name if parts.peek().is_none() => {
					return Ok(Place {
						parent,
						name: Some(name.into()),
						must_be_folder,
					})
				},
				name => {
					parent = self.child(parent, name)?.ok_or(Fail::Errno(errno::NOENT))?;
					self.entries(parent)?;
				},
			}
		}
		Ok(Place {
			parent,
			name: None,
			must_be_folder: true,
		})
	}

	/// Where something new may be made.
	fn new_place(&mut self, from: NodeId, path: &str, is_folder: bool) -> Result<(NodeId, String), Fail> {
		let place = self.place(from, path)?;
		let name = place.name.ok_or(Fail::Errno(errno::EXIST))?;
		if self.child(place.parent, &name)?.is_some() {
			return Err(Fail::Errno(errno::EXIST));
		}
		if place.must_be_folder && !is_folder {
			return Err(Fail::Errno(errno::NOTDIR));
		}
		let parent = self.node(place.parent)?;
		match (parent.writable, parent.named) {
			(true, true) => Ok((place.parent, name)),
			(true, false) => Err(Fail::Errno(errno::NOENT)),
			(false, _) => Err(Fail::Errno(errno::ROFS)),
		}
	}

	fn insert_folder(&mut self, parent: NodeId, name: &str, writable: bool) -> Result<NodeId, Fail> {
		self.insert(
			parent,
			name,
			Kind::Folder {
				entries: BTreeMap::new(),
				parent,
			},
			writable,
		)
	}

	fn insert(&mut self, parent: NodeId, name: &str, kind: Kind, writable: bool) -> Result<NodeId, Fail> {
		let node = self.next;
		self.next += 1;
		self.entries_mut(parent)?.insert(name.into(), node);
		self.nodes.insert(
			node,
			Node {
				kind,
				writable,
				opened: 0,
				named: true,
			},
		);
		if self.nodes.len() as u64 > MAX_NODES {
			return Err(Fail::Stop(Stop::Disk));
		}
		Ok(node)
	}

	fn remove_name(&mut self, from: NodeId, path: &str, node: NodeId) -> Result<(), Fail> {
		let place = self.place(from, path)?;
		let name = place.name.ok_or(Fail::Errno(errno::BUSY))?;
		if !self.node(place.parent)?.writable {
			return Err(Fail::Errno(errno::ROFS));
		}
		self.entries_mut(place.parent)?.remove(&name);
		self.node_mut(node)?.named = false;
		self.forget_if_unused(node)
	}

	fn forget_if_unused(&mut self, node: NodeId) -> Result<(), Fail> {
		let found = self.node(node)?;
		if found.named || found.opened > 0 {
			return Ok(());
		}
		if let Kind::File { backing, length, .. } = &found.kind {
			let freed = cost(*length);
			let backing = backing.clone();
			self.used = self.used.saturating_sub(freed);
			std::fs::remove_file(&backing).map_err(|e| Fail::host(e, &backing))?;
		} else {
			self.used = self.used.saturating_sub(BLOCK);
		}
		self.nodes.remove(&node);
		Ok(())
	}

	/// Most bytes that were in use.
	pub(super) fn peak(&self) -> u64 {
		self.peak
	}

	fn charge(&mut self, bytes: u64) -> Result<(), Fail> {
		self.used = self.used.saturating_add(bytes);
		self.peak = self.peak.max(self.used);
		match self.used > self.limit {
			true => Err(Fail::Stop(Stop::Disk)),
			false => Ok(()),
		}
	}
}

fn open_backing<'a>(handle: &'a mut Option<File>, path: &Path, writable: bool) -> Result<&'a mut File, Fail> {
	if handle.is_none() {
		let opened = File::options()
			.read(true)
			.write(writable)
			.open(path)
			.map_err(|e| Fail::host(e, path))?;
		*handle = Some(opened);
	}
	handle.as_mut().ok_or(Fail::Errno(errno::BADF))
}

#[cfg(test)]
#[path = "fs_tests.rs"]
mod tests;
