// Results, fetched from whoever serves them and believed only as far as their hashes go: the root that the contract stored is the
// BLAKE3 of the list of the BLAKE3s of the result's parts, of which the first holds their names (an iroh-blobs collection).

import { blake3 } from '@noble/hashes/blake3.js';
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';

/** Longest listing, in bytes, and largest file that are read. */
const MOST_LISTING = 1 << 20;
const MOST_FILE = 4 << 20;
/** Longest that a server may take to answer. */
const TIMEOUT = 15_000;

/** What a server gave is not what the root stands for. */
export class Forged extends Error {}
/** Nobody who was asked has the result. */
export class Unavailable extends Error {}

/** The root of a result, from its files in the order of their names: `[{ name, blake3 }]`, hashes in hexadecimal. */
export function rootOf(files) {
  const names = files.map(({ name }) => {
    const bytes = utf8ToBytes(name);
    return concatBytes(varint(bytes.length), bytes);
  });
  const meta = concatBytes(utf8ToBytes('CollectionV0.'), varint(files.length), ...names);
  const links = files.map((file) => hexToBytes(file.blake3));
  return bytesToHex(blake3(concatBytes(blake3(meta), ...links)));
}

/** Lengths as postcard writes them: seven bits a byte, the lowest first. */
function varint(length) {
  const bytes = [];
  for (; length > 127; length >>>= 7) bytes.push((length & 127) | 128);
  bytes.push(length);
  return Uint8Array.from(bytes);
}

/**
 * One file of a result, from the first server that has it. `root` is `0x…` as the contract stored it. Every byte is verified; a
 * server whose bytes are not those of the root is passed over.
 *
 * Resolves with `{ bytes, files, server }`. Rejects with `Forged` if somebody served something, and nobody the right thing, and with
 * `Unavailable` otherwise.
 */
export async function fetchFile(servers, root, name) {
  const wanted = root.replace(/^0x/, '');
  let worst = new Unavailable('no server of results is configured');
  for (const server of servers) {
    try {
      return { server, ...(await fetchFrom(server, wanted, name)) };
    } catch (error) {
      if (!(worst instanceof Forged)) worst = error;
    }
  }
  throw worst;
}

async function fetchFrom(server, root, name) {
  const base = `${server.replace(/\/$/, '')}/v1/results/${root}`;
  const files = listed(await read(`${base}/`, MOST_LISTING));
  if (rootOf(files) !== root) throw new Forged(`${server} lists files that are not this result’s`);
  const file = files.find((file) => file.name === name);
  if (!file) throw new Unavailable(`the result has no ${name}`);
  const bytes = await read(`${base}/${name.split('/').map(encodeURIComponent).join('/')}`, MOST_FILE);
  if (bytesToHex(blake3(bytes)) !== file.blake3) throw new Forged(`${server} serves another ${name} than the result’s`);
  return { bytes, files };
}

function listed(bytes) {
  try {
    const { files } = JSON.parse(new TextDecoder().decode(bytes));
    if (files.every(({ name, blake3 }) => typeof name === 'string' && /^[0-9a-f]{64}$/.test(blake3))) return files;
  } catch {
    // Said below.
  }
  throw new Forged('this is no list of files');
}

async function read(url, most) {
  let response;
  try {
    response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT), credentials: 'omit', referrerPolicy: 'no-referrer' });
  } catch {
    throw new Unavailable(`${new URL(url).host} does not answer`);
  }
  if (!response.ok) throw new Unavailable(`${new URL(url).host} does not have it (${response.status})`);
  const parts = [];
  let length = 0;
  const reader = response.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    length += part.value.length;
    if (length > most) {
      await reader.cancel();
      throw new Unavailable(`more than ${most} bytes are not shown here`);
    }
    parts.push(part.value);
  }
  return concatBytes(...parts);
}
