// The whole thing for once: a real market with a provider, three relayers, an EVM chain. Who starts them says where they are in
// `LILYPAD_BRIDGE`, a JSON text `{ deployment, url, node, results }` (a file, and addresses); `tests/tests/bridge_dapp.rs` does.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { Contract, JsonRpcProvider, NonceManager, parseEther, toQuantity, Wallet, ZeroHash } from 'ethers';
import { TOKEN } from '../src/abi.js';
import * as lilypad from '../src/lilypad.js';
import { standing } from '../src/market.js';
import { fetchFile } from '../src/result.js';
import { launch, open, picture } from './support/browser.mjs';
import { rich } from './support/chain.mjs';
import { servePage } from './support/serve.mjs';
import { TestWallet } from './support/wallet.mjs';

const LP = parseEther('1');
/** Longest that a request may take from the first transaction to the last, on a busy machine. */
const ANSWER = 180_000;
const MUCH = { timeout: 2 * ANSWER };

let where, deployment, provider, deployer;

before(async () => {
  assert.ok(process.env.LILYPAD_BRIDGE, 'LILYPAD_BRIDGE says where the network is');
  where = JSON.parse(process.env.LILYPAD_BRIDGE);
  deployment = JSON.parse(await readFile(where.deployment, 'utf8'));
  provider = new JsonRpcProvider(where.url, deployment.chainId, { staticNetwork: true, pollingInterval: 250, cacheTimeout: -1 });
  deployer = new NonceManager(rich(0).connect(provider));
});

after(() => provider?.destroy());

/** Somebody new with a coin for gas and 5 LP. */
async function somebody() {
  const signer = Wallet.createRandom().connect(provider);
  await provider.send('anvil_setBalance', [signer.address, toQuantity(LP)]);
  const token = new Contract(deployment.token, TOKEN.concat('function transfer(address,uint256)'), deployer);
  await (await token.transfer(signer.address, 5n * LP)).wait();
  return signer;
}

/** Waits for one of the client's events about a request. */
function event(cow, id, limit = ANSWER) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`request ${id} was not answered within ${limit / 1000} s`)), limit);
    for (const name of ['Said', 'Silent']) {
      cow.once(cow.filters[name](id), (payload) => {
        clearTimeout(timer);
        resolve({ name, args: payload.args });
      });
    }
  });
}

// At the same time: they wait for the same blocks.
describe('with a real market', { concurrency: true }, () => {
  test('a wallet asks, waits for the event, reads the output, and gets back what was not spent', MUCH, async () => {
    const signer = await somebody();
    const all = lilypad.contracts(deployment, signer);
    const asked = await lilypad.ask(all, signer, 'moo from ethers', 2n * LP);
    const { name, args } = await event(all.cow, asked.id);
    assert.equal(name, 'Said');
    assert.equal(args.exitCode, 0n);
    assert.notEqual(args.root, ZeroHash);

    // The contract has stored it, and says where it is.
    const saying = await all.cow.sayings(asked.id);
    assert.equal(saying.asker, signer.address);
    assert.equal(saying.root, args.root);
    const location = await all.cow.location(asked.id);
    assert.equal(location, `/v1/results/${args.root.slice(2)}/stdout`);
    const { bytes } = await fetchFile([where.results], args.root, 'stdout');
    const text = new TextDecoder().decode(bytes);
    assert.ok(text.includes('< moo from ethers >') && text.includes('^__^'), text);
    assert.deepEqual(new Uint8Array(await (await fetch(where.results + location)).arrayBuffer()), bytes);

    const found = await lilypad.look(all, asked.id, asked.block);
    assert.equal(found.state, 'told');
    assert.ok(found.cost > 0n && found.cost < 2n * LP && found.cost + found.refund === 2n * LP, `${found.cost}`);
    assert.equal((await lilypad.funds(all, signer.address)).credit, found.refund);
    await lilypad.withdraw(all, signer.address);
    const left = await lilypad.funds(all, signer.address);
    assert.equal(left.lp, 5n * LP - found.cost);
    assert.equal(left.credit, 0n);

    // The node knows which job it was, and how that ended.
    const told = await standing(where.node, deployment.lane, asked.id);
    assert.equal(told.decided, true);
    assert.equal(told.job.status, 'ended');
    assert.equal(`0x${told.job.end.result.root.replace(/^0x/, '')}`, args.root);
  });

  test('a budget that is too small comes back whole, with the reason', MUCH, async () => {
    const signer = await somebody();
    const all = lilypad.contracts(deployment, signer);
    const asked = await lilypad.ask(all, signer, 'for nothing', LP / 1000n);
    const { name, args } = await event(all.cow, asked.id);
    assert.equal(name, 'Silent');
    assert.equal(args.reason, 'budget too small');
    await lilypad.withdraw(all, signer.address);
    assert.equal((await lilypad.funds(all, signer.address)).lp, 5n * LP);
  });

  test('the page shows how it goes, and the cow', MUCH, async () => {
    const config = { ...deployment, chainName: 'Anvil', rpcUrls: [where.url], node: where.node, results: [where.results] };
    const site = await servePage(() => config);
    const browser = await launch();
    try {
      const wallet = new TestWallet(await somebody(), deployment.chainId);
      const { page, close } = await open(browser, site.url, { wallet });
      await page.getByRole('button', { name: 'Test wallet' }).click();
      await page.getByText('You have 5 LP').waitFor();
      await page.getByLabel('Message').fill('moo from a page');
      await page.getByRole('button', { name: 'Ask', exact: true }).click();
      const long = { timeout: ANSWER };
      await page.getByText(/Job \d+ at the market/).waitFor(long);
      await picture(page, 'network-running');
      await page.getByText('Verified: its BLAKE3 root').waitFor(long);
      assert.match(await page.locator('pre').textContent(), /< moo from a page >/);
      await picture(page, 'network-outcome');
      await page.getByRole('button', { name: 'Withdraw' }).click();
      await page.getByText('came back and wait for you').waitFor({ state: 'hidden' });
      await close();
    } finally {
      await browser.close();
      site.stop();
    }
  });
});
