//! WASI preview 1 as numbers: errors, flags, rights, and the guest's memory.

use super::Stop;
use std::path::Path;

/// Error numbers of preview 1.
pub(super) mod errno {
	pub(in super::super) const BADF: u16 = 8;
	pub(in super::super) const BUSY: u16 = 10;
	pub(in super::super) const EXIST: u16 = 20;
	pub(in super::super) const FAULT: u16 = 21;
	pub(in super::super) const FBIG: u16 = 22;
	pub(in super::super) const ILSEQ: u16 = 25;
	pub(in super::super) const INVAL: u16 = 28;
	pub(in super::super) const ISDIR: u16 = 31;
	pub(in super::super) const MFILE: u16 = 33;
	pub(in super::super) const NAMETOOLONG: u16 = 37;
	pub(in super::super) const NOENT: u16 = 44;
	pub(in super::super) const NOTDIR: u16 = 54;
	pub(in super::super) const NOTEMPTY: u16 = 55;
	pub(in super::super) const NOTSUP: u16 = 58;
	pub(in super::super) const ROFS: u16 = 69;
	pub(in super::super) const SPIPE: u16 = 70;
	pub(in super::super) const NOTCAPABLE: u16 = 76;
}

/// Kinds of files.
pub(super) mod filetype {
	pub(in super::super) const UNKNOWN: u8 = 0;
	pub(in super::super) const DIRECTORY: u8 = 3;
	pub(in super::super) const REGULAR_FILE: u8 = 4;
}

/// What a program may do with a descriptor.
pub(super) mod rights {
	pub(in super::super) const READ: u64 = 1 << 1;
	pub(in super::super) const SEEK: u64 = 1 << 2;
	pub(in super::super) const TELL: u64 = 1 << 5;
	pub(in super::super) const WRITE: u64 = 1 << 6;
	pub(in super::super) const ALL: u64 = (1 << 30) - 1;
}

/// Flags of `path_open`.
pub(super) mod oflags {
	pub(in super::super) const CREAT: u16 = 1;
	pub(in super::super) const DIRECTORY: u16 = 2;
	pub(in super::super) const EXCL: u16 = 4;
	pub(in super::super) const TRUNC: u16 = 8;
}

/// The descriptor flag that makes every write go to the end.
pub(super) const FDFLAG_APPEND: u16 = 1;

/// Why a call does not succeed: an error number for the program, or the end of the run.
#[derive(Debug)]
pub(super) enum Fail {
	/// The program is told.
	Errno(u16),
	/// The run is over.
	Stop(Stop),
}

impl Fail {
	/// The host's file system failed, which is not the program's fault and not for it to see.
	pub(super) fn host(error: std::io::Error, path: &Path) -> Self {
		Self::Stop(Stop::Host(error, path.into()))
	}
}

/// The guest's memory.
pub(super) struct Memory<'a>(pub(super) &'a mut [u8]);

impl Memory<'_> {
	pub(super) fn bytes(&self, at: u32, len: u32) -> Result<&[u8], Fail> {
		let at = at as usize;
		self.0
			.get(at..at.saturating_add(len as usize))
			.ok_or(Fail::Errno(errno::FAULT))
	}

	pub(super) fn bytes_mut(&mut self, at: u32, len: u32) -> Result<&mut [u8], Fail> {
		let at = at as usize;
		self.0
			.get_mut(at..at.saturating_add(len as usize))
			.ok_or(Fail::Errno(errno::FAULT))
	}

	pub(super) fn put(&mut self, at: u32, bytes: &[u8]) -> Result<(), Fail> {
		let len = u32::try_from(bytes.len()).map_err(|_| Fail::Errno(errno::FAULT))?;
		self.bytes_mut(at, len)?.copy_from_slice(bytes);
		Ok(())
	}

	pub(super) fn put_u32(&mut self, at: u32, value: u32) -> Result<(), Fail> {
		self.put(at, &value.to_le_bytes())
	}

	pub(super) fn put_u64(&mut self, at: u32, value: u64) -> Result<(), Fail> {
		self.put(at, &value.to_le_bytes())
	}

	pub(super) fn u32(&self, at: u32) -> Result<u32, Fail> {
		let mut bytes = [0; 4];
		bytes.copy_from_slice(self.bytes(at, 4)?);
		Ok(u32::from_le_bytes(bytes))
	}

	pub(super) fn u64(&self, at: u32) -> Result<u64, Fail> {
		let mut bytes = [0; 8];
		bytes.copy_from_slice(self.bytes(at, 8)?);
		Ok(u64::from_le_bytes(bytes))
	}

	pub(super) fn text(&self, at: u32, len: u32) -> Result<String, Fail> {
		let text = std::str::from_utf8(self.bytes(at, len)?).map_err(|_| Fail::Errno(errno::ILSEQ))?;
		match text.contains('\0') {
			true => Err(Fail::Errno(errno::INVAL)),
			false => Ok(text.into()),
		}
	}

	/// A list of buffers: where each begins and how long it is. Bounded, so that a program can't have us allocate much.
	pub(super) fn buffers(&self, at: u32, count: u32) -> Result<Vec<(u32, u32)>, Fail> {
		if count > 1024 {
			return Err(Fail::Errno(errno::INVAL));
		}
		(0..count)
			.map(|n| {
				let at = at.checked_add(n * 8).ok_or(Fail::Errno(errno::FAULT))?;
				Ok((
					self.u32(at)?,
					self.u32(at.checked_add(4).ok_or(Fail::Errno(errno::FAULT))?)?,
				))
			})
			.collect()
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn memory_fails_outside_its_bounds() {
		let mut bytes = [0u8; 16];
		let mut memory = Memory(&mut bytes);
		memory.put_u64(8, 7).expect("inside");
		assert_eq!(memory.u64(8).expect("inside"), 7);
		for (at, len) in [(16, 1), (9, 8), (u32::MAX, 1), (u32::MAX, u32::MAX), (0, 17)] {
			assert!(
				matches!(memory.bytes(at, len), Err(Fail::Errno(errno::FAULT))),
				"{at} {len}"
			);
			assert!(memory.bytes_mut(at, len).is_err());
		}
		assert!(memory.buffers(u32::MAX - 3, 1).is_err());
		assert!(memory.buffers(0, 1025).is_err());
	}
}
