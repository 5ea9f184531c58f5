//! The calls that name files.

// As WASI has them.
#![allow(clippy::too_many_arguments)]

use super::{
	abi::{errno, oflags, rights, Fail, Memory, FDFLAG_APPEND},
	calls::{kind_of, put_stat, Done},
	host::{Descriptor, Host},
};

pub(super) fn path_create_directory(m: &mut Memory<'_>, h: &mut Host, fd: u32, path: u32, len: u32) -> Done {
	h.files.create_folder(h.folder(fd)?, &m.text(path, len)?)
}

pub(super) fn path_filestat_get(
	m: &mut Memory<'_>,
	h: &mut Host,
	fd: u32,
	_: u32,
	path: u32,
	len: u32,
	result: u32,
) -> Done {
	let stat = h.files.lookup(h.folder(fd)?, &m.text(path, len)?)?;
	put_stat(m, result, stat.node, kind_of(&stat), stat.length)
}

pub(super) fn path_filestat_set_times(
	m: &mut Memory<'_>,
	h: &mut Host,
	fd: u32,
	_: u32,
	path: u32,
	len: u32,
	_: u64,
	_: u64,
	_: u32,
) -> Done {
	h.files.lookup(h.folder(fd)?, &m.text(path, len)?).map(drop)
}

pub(super) fn path_link(
	_: &mut Memory<'_>,
	h: &mut Host,
	fd: u32,
	_: u32,
	_: u32,
	_: u32,
	_: u32,
	_: u32,
	_: u32,
) -> Done {
	h.folder(fd)?;
	Err(Fail::Errno(errno::NOTSUP))
}

pub(super) fn path_symlink(
	_: &mut Memory<'_>,
	h: &mut Host,
	_: u32,
	_: u32,
	fd: u32,
	_: u32,
	_: u32,
) -> Done {
	h.folder(fd)?;
	Err(Fail::Errno(errno::NOTSUP))
}

pub(super) fn path_readlink(
	m: &mut Memory<'_>,
	h: &mut Host,
	fd: u32,
	path: u32,
	len: u32,
	_: u32,
	_: u32,
	_: u32,
) -> Done {
	h.files.lookup(h.folder(fd)?, &m.text(path, len)?)?;
	Err(Fail::Errno(errno::INVAL))
}

pub(super) fn path_open(
	m: &mut Memory<'_>,
	h: &mut Host,
	fd: u32,
	_: u32,
	path: u32,
	len: u32,
	how: u32,
	base: u64,
	_: u64,
	fdflags: u32,
	result: u32,
) -> Done {
	let (folder, path, how) = (h.folder(fd)?, m.text(path, len)?, how as u16);
	let stat = match h.files.lookup(folder, &path) {
		Ok(_) if how & oflags::CREAT != 0 && how & oflags::EXCL != 0 => {
			return Err(Fail::Errno(errno::EXIST))
		},
		Ok(stat) => stat,
		Err(Fail::Errno(errno::NOENT)) if how & oflags::CREAT != 0 && how & oflags::DIRECTORY == 0 => {
			h.files.create_file(folder, &path)?
		},
		Err(fail) => return Err(fail),
	};
	let wants_write = base & rights::WRITE != 0;
	let descriptor = match stat.is_folder {
		true if wants_write => return Err(Fail::Errno(errno::ISDIR)),
		true => Descriptor::Folder { node: stat.node },
		false if how & oflags::DIRECTORY != 0 => return Err(Fail::Errno(errno::NOTDIR)),
		false if (wants_write || how & oflags::TRUNC != 0) && !stat.writable => {
			return Err(Fail::Errno(errno::ROFS))
		},
		false => {
			let flags = fdflags as u16 & FDFLAG_APPEND;
			Descriptor::File {
				node: stat.node,
				position: 0,
				flags,
				rights: base & rights::ALL,
			}
		},
	};
	if how & oflags::TRUNC != 0 && !stat.is_folder {
		h.files.set_length(stat.node, 0)?;
	}
	let opened = h.open(descriptor)?;
	m.put_u32(result, opened)
}

pub(super) fn path_remove_directory(m: &mut Memory<'_>, h: &mut Host, fd: u32, path: u32, len: u32) -> Done {
	h.files.remove_folder(h.folder(fd)?, &m.text(path, len)?)
}

pub(super) fn path_rename(
	m: &mut Memory<'_>,
	h: &mut Host,
	fd: u32,
	path: u32,
	len: u32,
	to: u32,
	new: u32,
	new_len: u32,
) -> Done {
	let (from, to) = (h.folder(fd)?, h.folder(to)?);
	h.files
		.rename(from, &m.text(path, len)?, to, &m.text(new, new_len)?)
}

pub(super) fn path_unlink_file(m: &mut Memory<'_>, h: &mut Host, fd: u32, path: u32, len: u32) -> Done {
	h.files.unlink(h.folder(fd)?, &m.text(path, len)?)
}
