// Servers of the tests, each on a port of its own: so the page meets other origins, as it will in life.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { blake3 } from '@noble/hashes/blake3.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { rootOf } from '../../src/result.js';

const DIST = fileURLToPath(new URL('../../dist', import.meta.url));
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.json': 'application/json' };

async function listen(handler) {
  const server = createServer(handler);
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  const stop = () => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${server.address().port}`, stop };
}

/** The built page; `config` is what its configuration is asked for each time, nothing for none. */
export function servePage(config) {
  return listen(async ({ url }, response) => {
    const path = normalize(new URL(url, 'http://x').pathname);
    try {
      const body = path === '/config.json' ? JSON.stringify(config()) : await readFile(join(DIST, path === '/' ? 'index.html' : path));
      if (body === undefined) throw new Error('none');
      response.writeHead(200, { 'content-type': TYPES[extname(path)] ?? 'text/html' }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
}

/** A result with these files, `{ name: text }`, in the order of their names. */
export function resultOf(files) {
  const listing = Object.entries(files)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, text]) => {
      const bytes = new TextEncoder().encode(text);
      return { name, size: bytes.length, blake3: bytesToHex(blake3(bytes)) };
    });
  return { root: `0x${rootOf(listing)}`, listing, files };
}

/** Serves results as a provider with `--provider-http` does. Each is under its root, or under another one for a server that lies. */
export function serveResults() {
  const results = new Map();
  const add = (result, root = result.root) => results.set(root.slice(2), result);
  return listen(({ url }, response) => {
    const [, root, name] = /^\/v1\/results\/([0-9a-f]{64})\/(.*)$/.exec(decodeURI(url)) ?? [];
    const found = results.get(root);
    const body = found && (name ? found.files[name] : JSON.stringify({ root, files: found.listing }));
    response.writeHead(body === undefined ? 404 : 200, { 'access-control-allow-origin': '*' }).end(body);
  }).then((server) => ({ ...server, add }));
}

/** A node of the market that says where requests stand: `standings` has what it answers, by request. */
export function serveNode() {
  const standings = new Map();
  return listen((request, response) => {
    const headers = { 'access-control-allow-origin': '*', 'access-control-allow-headers': 'content-type' };
    if (request.method === 'OPTIONS') return response.writeHead(204, headers).end();
    let text = '';
    request.on('data', (part) => (text += part));
    request.on('end', () => {
      const { id, params } = JSON.parse(text);
      const result = standings.get(params[1]) ?? { decided: false, job: null };
      response.writeHead(200, headers).end(JSON.stringify({ jsonrpc: '2.0', id, result }));
    });
  }).then((server) => ({ ...server, standings }));
}
