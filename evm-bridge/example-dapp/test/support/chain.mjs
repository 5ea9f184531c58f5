// An EVM chain of its own (anvil) with the contracts on it, as `scripts/contracts.sh deploy` puts them there.

import { execFile, spawn } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { HDNodeWallet, id, JsonRpcProvider, Wallet } from 'ethers';

const CONTRACTS = fileURLToPath(new URL('../../../contracts', import.meta.url));
const SCRIPT = fileURLToPath(new URL('../../../../scripts/contracts.sh', import.meta.url));
const START = 30_000;
const DEPLOY = 180_000;
export const CHAIN_ID = 1337;

/** What the compiler says of a contract: `out/File.sol/Name.json`. */
export async function artifact(name) {
  return JSON.parse(await readFile(`${CONTRACTS}/out/${name}.sol/${name}.json`, 'utf8'));
}

/** Keys of no value, whose addresses ascend. */
export function bridgeSet(count = 3) {
  const keys = Array.from({ length: count }, (_, i) => new Wallet(id(`a key of no value ${i + 1}`)));
  return keys.sort((a, b) => (a.address.toLowerCase() < b.address.toLowerCase() ? -1 : 1));
}

/** Accounts of the development mnemonic; anvil makes the first ten rich. */
export function rich(index) {
  return HDNodeWallet.fromPhrase('test test test test test test test test test test test junk', '', `m/44'/60'/0'/0/${index}`);
}

/** Starts a chain and deploys to it; `stop` ends it. */
export async function startChain() {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  // Blocks by the clock, as on a real chain: between a transaction and its receipt there is time to wait in.
  const anvil = spawn(`${CONTRACTS}/tools/foundry`, ['anvil', '--port', port, '--chain-id', CHAIN_ID, '--block-time', '0.4', '--quiet'], {
    stdio: 'ignore',
  });
  const stop = () => anvil.kill();
  try {
    const provider = new JsonRpcProvider(url, CHAIN_ID, { staticNetwork: true, pollingInterval: 100, cacheTimeout: -1 });
    await up(provider, anvil);
    const members = bridgeSet();
    const deployment = await deploy(url, members, port);
    const close = () => {
      provider.destroy();
      stop();
    };
    return { url, provider, members, deployment, stop: close };
  } catch (error) {
    stop();
    throw error;
  }
}

async function up(provider, anvil) {
  for (const begun = Date.now(); Date.now() - begun < START; await new Promise((done) => setTimeout(done, 100))) {
    if (anvil.exitCode !== null) throw new Error(`anvil ended with ${anvil.exitCode}`);
    try {
      return await provider.send('eth_chainId', []);
    } catch {
      // Not yet.
    }
  }
  throw new Error('anvil does not answer');
}

async function deploy(url, members, port) {
  const file = `./out/page-test-${port}.json`;
  const settings = {
    RPC_URL: url,
    PRIVATE_KEY: rich(0).privateKey,
    BRIDGE_MEMBERS: members.map(({ address }) => address).join(),
    DEPLOYMENT: file,
  };
  await promisify(execFile)('bash', [SCRIPT, 'deploy'], { env: { ...process.env, ...settings }, timeout: DEPLOY });
  const written = await readFile(`${CONTRACTS}/${file}`, 'utf8');
  await rm(`${CONTRACTS}/${file}`);
  return JSON.parse(written);
}

/** A port that nobody listens on. */
export function freePort() {
  return new Promise((found, failed) => {
    const server = createServer()
      .once('error', failed)
      .listen(0, '127.0.0.1', () => {
        const { port } = server.address();
        server.close(() => found(port));
      });
  });
}
