//! The calls of WASI preview 1, all of them, as a program on a machine of its own would see them: no network, no other
//! programs, no time but its own, no chance.
//!
//! What the embedded engine's own WASI passes on from the host would differ from machine to machine: inode numbers, times of
//! files, the order of folders, clocks. Hence this one, on top of [`super::fs`].

// As WASI has them.
#![allow(clippy::too_many_arguments)]

use super::{
	abi::{errno, filetype, rights, Fail, Memory, FDFLAG_APPEND},
	fs::{Stat, ROOT},
	host::{Descriptor, Host},
	paths::*,
	Stop,
};
use wasmtime::{Caller, Linker};

/// Fuel for a call, before what it moves.
const CALL_COST: u64 = 200;
/// Bytes that a call moves for one unit of fuel.
const BYTES_PER_FUEL: u64 = 4;

pub(super) type Done = Result<(), Fail>;

/// Runs one call: charges its fuel, and turns its failure into a number for the program or the end of the run.
fn enter(
	caller: &mut Caller<'_, Host>,
	call: impl FnOnce(&mut Memory<'_>, &mut Host) -> Done,
) -> wasmtime::Result<u32> {
	charge(caller, CALL_COST)?;
	let exported = caller
		.get_export("memory")
		.and_then(wasmtime::Extern::into_memory);
	let memory = exported.ok_or_else(|| Stop::Malformed("it exports no memory".into()))?;
	let (bytes, host) = memory.data_and_store_mut(&mut *caller);
	host.moved = 0;
	let result = call(&mut Memory(bytes), host);
	let moved = host.moved;
	charge(caller, moved / BYTES_PER_FUEL)?;
	match result {
		Ok(()) => Ok(0),
		Err(Fail::Errno(code)) => Ok(code.into()),
		Err(Fail::Stop(stop)) => Err(stop.into()),
	}
}

fn charge(caller: &mut Caller<'_, Host>, fuel: u64) -> wasmtime::Result<()> {
	match caller.get_fuel()?.checked_sub(fuel) {
		Some(left) => caller.set_fuel(left),
		None => Err(wasmtime::Trap::OutOfFuel.into()),
	}
}

/// Every call of preview 1.
pub(super) fn link(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
	macro_rules! calls {
		($($name:ident($($arg:ident: $type:ty),*);)*) => {$(
			linker.func_wrap(
				"wasi_snapshot_preview1",
				stringify!($name),
				|mut caller: Caller<'_, Host>, $($arg: $type),*| -> wasmtime::Result<u32> {
					enter(&mut caller, |memory, host| $name(memory, host, $($arg),*))
				},
			)?;
		)*};
	}
	calls! {
		args_get(argv: u32, buffer: u32);
		args_sizes_get(count: u32, size: u32);
		environ_get(environ: u32, buffer: u32);
		environ_sizes_get(count: u32, size: u32);
		clock_res_get(clock: u32, result: u32);
		clock_time_get(clock: u32, precision: u64, result: u32);
		fd_advise(fd: u32, offset: u64, len: u64, advice: u32);
		fd_allocate(fd: u32, offset: u64, len: u64);
		fd_close(fd: u32);
		fd_datasync(fd: u32);
		fd_fdstat_get(fd: u32, result: u32);
		fd_fdstat_set_flags(fd: u32, flags: u32);
		fd_fdstat_set_rights(fd: u32, base: u64, inheriting: u64);
		fd_filestat_get(fd: u32, result: u32);
		fd_filestat_set_size(fd: u32, size: u64);
		fd_filestat_set_times(fd: u32, accessed: u64, modified: u64, flags: u32);
		fd_pread(fd: u32, buffers: u32, count: u32, offset: u64, result: u32);
		fd_prestat_get(fd: u32, result: u32);
		fd_prestat_dir_name(fd: u32, path: u32, len: u32);
		fd_pwrite(fd: u32, buffers: u32, count: u32, offset: u64, result: u32);
		fd_read(fd: u32, buffers: u32, count: u32, result: u32);
		fd_readdir(fd: u32, buffer: u32, len: u32, cookie: u64, result: u32);
		fd_renumber(from: u32, to: u32);
		fd_seek(fd: u32, offset: i64, whence: u32, result: u32);
		fd_sync(fd: u32);
		fd_tell(fd: u32, result: u32);
		fd_write(fd: u32, buffers: u32, count: u32, result: u32);
		path_create_directory(fd: u32, path: u32, len: u32);
		path_filestat_get(fd: u32, flags: u32, path: u32, len: u32, result: u32);
		path_filestat_set_times(fd: u32, flags: u32, path: u32, len: u32, accessed: u64, modified: u64, which: u32);
		path_link(fd: u32, flags: u32, path: u32, len: u32, to: u32, new: u32, new_len: u32);
		path_open(fd: u32, flags: u32, path: u32, len: u32, oflags: u32, base: u64, inheriting: u64, fdflags: u32, result: u32);
		path_readlink(fd: u32, path: u32, len: u32, buffer: u32, buffer_len: u32, result: u32);
		path_remove_directory(fd: u32, path: u32, len: u32);
		path_rename(fd: u32, path: u32, len: u32, to: u32, new: u32, new_len: u32);
		path_symlink(target: u32, target_len: u32, fd: u32, path: u32, len: u32);
		path_unlink_file(fd: u32, path: u32, len: u32);
		poll_oneoff(subscriptions: u32, events: u32, count: u32, result: u32);
		proc_raise(signal: u32);
		sched_yield();
		random_get(buffer: u32, len: u32);
		sock_accept(fd: u32, flags: u32, result: u32);
		sock_recv(fd: u32, data: u32, count: u32, flags: u32, size: u32, result: u32);
		sock_send(fd: u32, data: u32, count: u32, flags: u32, result: u32);
		sock_shutdown(fd: u32, how: u32);
	}
	linker.func_wrap(
		"wasi_snapshot_preview1",
		"proc_exit",
		|code: u32| -> wasmtime::Result<()> { Err(Stop::Exit(code as i32).into()) },
	)?;
	Ok(())
}

fn put_list(m: &mut Memory<'_>, list: &[Vec<u8>], pointers: u32, buffer: u32) -> Done {
	let (mut pointer, mut at) = (pointers, buffer);
	let fault = Fail::Errno(errno::FAULT);
	for text in list {
		m.put_u32(pointer, at)?;
		m.put(at, text)?;
		let (Some(next), Some(end)) = (pointer.checked_add(4), at.checked_add(text.len() as u32)) else {
			return Err(fault);
		};
		(pointer, at) = (next, end);
	}
	Ok(())
}

fn put_sizes(m: &mut Memory<'_>, list: &[Vec<u8>], count: u32, size: u32) -> Done {
	m.put_u32(count, list.len() as u32)?;
	m.put_u32(size, list.iter().map(|t| t.len() as u32).sum())
}

fn args_get(m: &mut Memory<'_>, h: &mut Host, argv: u32, buffer: u32) -> Done {
	put_list(m, &h.args, argv, buffer)
}

fn args_sizes_get(m: &mut Memory<'_>, h: &mut Host, count: u32, size: u32) -> Done {
	put_sizes(m, &h.args, count, size)
}

fn environ_get(m: &mut Memory<'_>, h: &mut Host, environ: u32, buffer: u32) -> Done {
	put_list(m, &h.env, environ, buffer)
}

fn environ_sizes_get(m: &mut Memory<'_>, h: &mut Host, count: u32, size: u32) -> Done {
	put_sizes(m, &h.env, count, size)
}

fn clock_res_get(m: &mut Memory<'_>, _: &mut Host, clock: u32, result: u32) -> Done {
	match clock {
		0..=3 => m.put_u64(result, 1_000_000),
		_ => Err(Fail::Errno(errno::INVAL)),
	}
}

fn clock_time_get(m: &mut Memory<'_>, h: &mut Host, clock: u32, _: u64, result: u32) -> Done {
	let time = match clock {
		0 => h.now(),
		1..=3 => h.uptime(),
		_ => return Err(Fail::Errno(errno::INVAL)),
	};
	m.put_u64(result, time)
}

fn fd_advise(_: &mut Memory<'_>, h: &mut Host, fd: u32, _: u64, _: u64, _: u32) -> Done {
	h.file(fd, 0).map(drop)
}

fn fd_allocate(_: &mut Memory<'_>, h: &mut Host, fd: u32, offset: u64, len: u64) -> Done {
	let node = h.file(fd, rights::WRITE)?;
	let end = offset.checked_add(len).ok_or(Fail::Errno(errno::FBIG))?;
	match end > h.files.stat(node)?.length {
		true => h.files.set_length(node, end),
		false => Ok(()),
	}
}

fn fd_close(_: &mut Memory<'_>, h: &mut Host, fd: u32) -> Done {
	h.close(fd)
}

fn fd_datasync(_: &mut Memory<'_>, h: &mut Host, fd: u32) -> Done {
	h.descriptor(fd).map(drop)
}

fn fd_sync(_: &mut Memory<'_>, h: &mut Host, fd: u32) -> Done {
	h.descriptor(fd).map(drop)
}

fn fd_fdstat_get(m: &mut Memory<'_>, h: &mut Host, fd: u32, result: u32) -> Done {
	let stream = |right| (filetype::UNKNOWN, 0, right);
	let (kind, flags, rights) = match h.descriptor(fd)? {
		Descriptor::Stdin => stream(rights::READ),
		Descriptor::Stdout | Descriptor::Stderr => stream(rights::WRITE),
		Descriptor::Folder { .. } => (
			filetype::DIRECTORY,
			0,
			rights::ALL & !(rights::SEEK | rights::TELL),
		),
		Descriptor::File { flags, rights, .. } => (filetype::REGULAR_FILE, flags, rights),
	};
	let mut stat = [0; 24];
	stat[0] = kind;
	stat[2..4].copy_from_slice(&flags.to_le_bytes());
	stat[8..16].copy_from_slice(&rights.to_le_bytes());
	stat[16..24].copy_from_slice(&rights::ALL.to_le_bytes());
	m.put(result, &stat)
}

fn fd_fdstat_set_flags(_: &mut Memory<'_>, h: &mut Host, fd: u32, new: u32) -> Done {
	if let Descriptor::File {
		node,
		position,
		rights,
		..
	} = h.descriptor(fd)?
	{
		let flags = new as u16 & FDFLAG_APPEND;
		h.set_descriptor(
			fd,
			Descriptor::File {
				node,
				position,
				flags,
				rights,
			},
		);
	}
	Ok(())
}

fn fd_fdstat_set_rights(_: &mut Memory<'_>, h: &mut Host, fd: u32, base: u64, _: u64) -> Done {
	if let Descriptor::File {
		node,
		position,
		flags,
		rights,
	} = h.descriptor(fd)?
	{
		if base & !rights != 0 {
			return Err(Fail::Errno(errno::NOTCAPABLE));
		}
		h.set_descriptor(
			fd,
			Descriptor::File {
				node,
				position,
				flags,
				rights: base,
			},
		);
	}
	Ok(())
}

pub(super) fn put_stat(m: &mut Memory<'_>, at: u32, node: u64, kind: u8, length: u64) -> Done {
	let mut stat = [0; 64];
	stat[0..8].copy_from_slice(&1u64.to_le_bytes());
	stat[8..16].copy_from_slice(&node.to_le_bytes());
	stat[16] = kind;
	stat[24..32].copy_from_slice(&1u64.to_le_bytes());
	stat[32..40].copy_from_slice(&length.to_le_bytes());
	m.put(at, &stat)
}

pub(super) fn kind_of(stat: &Stat) -> u8 {
	match stat.is_folder {
		true => filetype::DIRECTORY,
		false => filetype::REGULAR_FILE,
	}
}

fn fd_filestat_get(m: &mut Memory<'_>, h: &mut Host, fd: u32, result: u32) -> Done {
	match h.descriptor(fd)? {
		Descriptor::Folder { node } | Descriptor::File { node, .. } => {
			let stat = h.files.stat(node)?;
			put_stat(m, result, node, kind_of(&stat), stat.length)
		},
		_ => put_stat(m, result, 0, filetype::UNKNOWN, 0),
	}
}

fn fd_filestat_set_size(_: &mut Memory<'_>, h: &mut Host, fd: u32, size: u64) -> Done {
	let node = h.file(fd, rights::WRITE)?;
	h.files.set_length(node, size)
}

// Files have no times.
fn fd_filestat_set_times(_: &mut Memory<'_>, h: &mut Host, fd: u32, _: u64, _: u64, _: u32) -> Done {
	h.descriptor(fd).map(drop)
}

fn fd_prestat_get(m: &mut Memory<'_>, h: &mut Host, fd: u32, result: u32) -> Done {
	match (fd, h.descriptor(fd)?) {
		(3, Descriptor::Folder { node: ROOT }) => {
			m.put_u32(result, 0)?;
			m.put_u32(result.checked_add(4).ok_or(Fail::Errno(errno::FAULT))?, 1)
		},
		_ => Err(Fail::Errno(errno::BADF)),
	}
}

fn fd_prestat_dir_name(m: &mut Memory<'_>, h: &mut Host, fd: u32, path: u32, len: u32) -> Done {
	match (fd, h.descriptor(fd)?) {
		(3, Descriptor::Folder { node: ROOT }) if len >= 1 => m.put(path, b"/"),
		(3, Descriptor::Folder { node: ROOT }) => Err(Fail::Errno(errno::NAMETOOLONG)),
		_ => Err(Fail::Errno(errno::BADF)),
	}
}

fn fd_read(m: &mut Memory<'_>, h: &mut Host, fd: u32, buffers: u32, count: u32, result: u32) -> Done {
	let mut total = 0;
	for (at, len) in m.buffers(buffers, count)? {
		let read = h.read(fd, m.bytes_mut(at, len)?)?;
		total += read as u32;
		if read < len as usize {
			break;
		}
	}
	m.put_u32(result, total)
}

fn fd_pread(
	m: &mut Memory<'_>,
	h: &mut Host,
	fd: u32,
	buffers: u32,
	count: u32,
	offset: u64,
	result: u32,
) -> Done {
	let node = h.file(fd, rights::READ)?;
	let mut total = 0u32;
	for (at, len) in m.buffers(buffers, count)? {
		let from = offset
			.checked_add(total.into())
			.ok_or(Fail::Errno(errno::INVAL))?;
		let read = h.files.read_at(node, from, m.bytes_mut(at, len)?)?;
		h.moved += read as u64;
		total += read as u32;
		if read < len as usize {
			break;
		}
	}
	m.put_u32(result, total)
}

fn fd_write(m: &mut Memory<'_>, h: &mut Host, fd: u32, buffers: u32, count: u32, result: u32) -> Done {
	let mut total = 0u32;
	for (at, len) in m.buffers(buffers, count)? {
		h.write(fd, m.bytes(at, len)?)?;
		total = total.checked_add(len).ok_or(Fail::Errno(errno::INVAL))?;
	}
	m.put_u32(result, total)
}

fn fd_pwrite(
	m: &mut Memory<'_>,
	h: &mut Host,
	fd: u32,
	buffers: u32,
	count: u32,
	offset: u64,
	result: u32,
) -> Done {
	let node = h.file(fd, rights::WRITE)?;
	let mut total = 0u32;
	for (at, len) in m.buffers(buffers, count)? {
		let to = offset.checked_add(total.into()).ok_or(Fail::Errno(errno::FBIG))?;
		h.files.write_at(node, to, m.bytes(at, len)?)?;
		h.moved += u64::from(len);
		total = total.checked_add(len).ok_or(Fail::Errno(errno::INVAL))?;
	}
	m.put_u32(result, total)
}

fn fd_readdir(
	m: &mut Memory<'_>,
	h: &mut Host,
	fd: u32,
	buffer: u32,
	len: u32,
	cookie: u64,
	result: u32,
) -> Done {
	let entries = h.files.list(h.folder(fd)?)?;
	// Listing costs by the folder, not by what fits the buffer.
	h.moved += entries.len() as u64 * 64;
	let mut listed = Vec::new();
	let first = usize::try_from(cookie).unwrap_or(usize::MAX);
	for (at, (name, stat)) in entries.iter().enumerate().skip(first) {
		listed.extend_from_slice(&(at as u64 + 1).to_le_bytes());
		listed.extend_from_slice(&stat.node.to_le_bytes());
		listed.extend_from_slice(&(name.len() as u32).to_le_bytes());
		listed.extend_from_slice(&[kind_of(stat), 0, 0, 0]);
		listed.extend_from_slice(name.as_bytes());
		if listed.len() >= len as usize {
			break;
		}
	}
	// A cut last entry tells the program that there are more.
	listed.truncate(len as usize);
	m.put(buffer, &listed)?;
	m.put_u32(result, listed.len() as u32)
}

fn fd_renumber(_: &mut Memory<'_>, h: &mut Host, from: u32, to: u32) -> Done {
	h.renumber(from, to)
}

fn fd_seek(m: &mut Memory<'_>, h: &mut Host, fd: u32, offset: i64, whence: u32, result: u32) -> Done {
	h.file(fd, 0)?;
	let Descriptor::File {
		node,
		position,
		flags,
		rights,
	} = h.descriptor(fd)?
	else {
		return Err(Fail::Errno(errno::SPIPE));
	};
	let from = match whence {
		0 => 0,
		1 => position,
		2 => h.files.stat(node)?.length,
		_ => return Err(Fail::Errno(errno::INVAL)),
	};
	let position = from.checked_add_signed(offset).ok_or(Fail::Errno(errno::INVAL))?;
	h.set_descriptor(
		fd,
		Descriptor::File {
			node,
			position,
			flags,
			rights,
		},
	);
	m.put_u64(result, position)
}

fn fd_tell(m: &mut Memory<'_>, h: &mut Host, fd: u32, result: u32) -> Done {
	fd_seek(m, h, fd, 0, 1, result)
}

/// Sleeping takes no time: the clock moves on to the earliest deadline. Everything else is ready at once.
fn poll_oneoff(
	m: &mut Memory<'_>,
	h: &mut Host,
	subscriptions: u32,
	events: u32,
	count: u32,
	result: u32,
) -> Done {
	if count == 0 || count > 1024 {
		return Err(Fail::Errno(errno::INVAL));
	}
	let mut clocks: Vec<(u64, u64)> = Vec::new();
	let mut ready: Vec<(u64, u8)> = Vec::new();
	for n in 0..count {
		let at = subscriptions
			.checked_add(n * 48)
			.filter(|at| at.checked_add(48).is_some());
		let at = at.ok_or(Fail::Errno(errno::FAULT))?;
		let (userdata, kind) = (m.u64(at)?, m.bytes(at + 8, 1)?[0]);
		match kind {
			0 => {
				let (clock, timeout, flags) = (m.u32(at + 16)?, m.u64(at + 24)?, m.u32(at + 40)?);
				clocks.push((h.deadline(timeout, flags & 1 != 0, clock != 0), userdata));
			},
			1 | 2 => ready.push((userdata, kind)),
			_ => return Err(Fail::Errno(errno::INVAL)),
		}
	}
	if ready.is_empty() {
		let earliest = clocks.iter().map(|c| c.0).min().unwrap_or(0);
		h.sleep_until(earliest);
		ready.extend(clocks.iter().filter(|c| c.0 <= earliest).map(|c| (c.1, 0)));
	}
	for (n, (userdata, kind)) in ready.iter().enumerate() {
		let mut event = [0; 32];
		event[0..8].copy_from_slice(&userdata.to_le_bytes());
		event[10] = *kind;
		let at = events
			.checked_add(n as u32 * 32)
			.ok_or(Fail::Errno(errno::FAULT))?;
		m.put(at, &event)?;
	}
	m.put_u32(result, ready.len() as u32)
}

fn proc_raise(_: &mut Memory<'_>, _: &mut Host, _: u32) -> Done {
	Err(Fail::Errno(errno::NOTSUP))
}

fn sched_yield(_: &mut Memory<'_>, _: &mut Host) -> Done {
	Ok(())
}

fn random_get(m: &mut Memory<'_>, h: &mut Host, buffer: u32, len: u32) -> Done {
	h.moved += u64::from(len);
	h.random(m.bytes_mut(buffer, len)?);
	Ok(())
}

fn sock_accept(_: &mut Memory<'_>, h: &mut Host, fd: u32, _: u32, _: u32) -> Done {
	no_sockets(h, fd)
}

fn sock_recv(_: &mut Memory<'_>, h: &mut Host, fd: u32, _: u32, _: u32, _: u32, _: u32, _: u32) -> Done {
	no_sockets(h, fd)
}

fn sock_send(_: &mut Memory<'_>, h: &mut Host, fd: u32, _: u32, _: u32, _: u32, _: u32) -> Done {
	no_sockets(h, fd)
}

fn sock_shutdown(_: &mut Memory<'_>, h: &mut Host, fd: u32, _: u32) -> Done {
	no_sockets(h, fd)
}

fn no_sockets(h: &Host, fd: u32) -> Done {
	h.descriptor(fd)?;
	Err(Fail::Errno(errno::NOTSUP))
}
