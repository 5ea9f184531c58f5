// The built page in Chromium, with an injected wallet, against the real contracts on a chain of its own. The market is played: it says
// what each test needs it to say, signed by the bridge set's keys. With a real market behind it: `network.test.mjs`.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Contract, NonceManager, parseEther, toQuantity } from 'ethers';
import { TOKEN } from '../src/abi.js';
import { accessible, launch, open, picture } from './support/browser.mjs';
import { CHAIN_ID, rich, startChain } from './support/chain.mjs';
import { Market } from './support/market.mjs';
import { resultOf, serveNode, servePage, serveResults } from './support/serve.mjs';
import { TestWallet } from './support/wallet.mjs';

const COW = ' _____\n< moo >\n -----\n        \\   ^__^\n         \\  (oo)\\_______\n';
const LP = parseEther('1');

let chain, market, results, node, site, browser, config;
let next = 1n;
let people = 100;
const opened = [];

before(async () => {
  chain = await startChain();
  market = await Market.of(chain);
  [results, node] = await Promise.all([serveResults(), serveNode()]);
  config = {
    ...chain.deployment,
    chainName: 'Pond',
    rpcUrls: [chain.url],
    node: node.url,
    results: [results.url],
    pollMs: 150,
  };
  site = await servePage(() => config);
  browser = await launch();
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((close) => close()));
});

after(async () => {
  await browser?.close();
  for (const server of [site, node, results, chain]) server?.stop();
});

/** Somebody with a wallet, ether, and this much LP. */
async function somebody(lp = 10n * LP) {
  const signer = rich(people++).connect(chain.provider);
  await chain.provider.send('anvil_setBalance', [signer.address, toQuantity(LP)]);
  const deployer = new NonceManager(rich(0).connect(chain.provider));
  const token = new Contract(chain.deployment.token, TOKEN.concat('function transfer(address,uint256) returns (bool)'), deployer);
  if (lp) await (await token.transfer(signer.address, lp)).wait();
  return new TestWallet(signer, CHAIN_ID);
}

async function visit(wallet, how = {}) {
  const { page, close } = await open(browser, site.url, { wallet, ...how });
  opened.push(close);
  return page;
}

/** Connects and waits for the form. */
async function connected(wallet, how) {
  const page = await visit(wallet, how);
  await page.getByRole('button', { name: 'Test wallet' }).click();
  await page.getByText('You have').waitFor();
  return page;
}

/** Asks, and resolves with the request's number once the page follows it. */
async function ask(page, message = 'moo', budget = '2') {
  await page.getByLabel('Message').fill(message);
  await page.getByLabel('Budget').fill(budget);
  await page.getByRole('button', { name: 'Ask', exact: true }).click();
  const id = next++;
  await page.getByText(`Request ${id}, in block`).waitFor();
  return id;
}

const heading = (page, name) => page.getByRole('heading', { name });
const step = (page, name) => page.locator('#steps li', { hasText: name });

test('the whole way: one signature, one transaction, progress, the cow, the refund', async () => {
  const wallet = await somebody();
  const page = await connected(wallet, { size: { width: 1000, height: 1000 } });
  await accessible(page, 'the form');
  await picture(page, 'form-light');
  const id = await ask(page);
  assert.ok(wallet.asked.includes('eth_signTypedData_v4'), 'a permit');
  assert.equal(wallet.asked.filter((method) => method === 'eth_sendTransaction').length, 1, 'one transaction');

  const job = { job: 4, status: 'waiting', deal: null };
  const stages = [
    [{ decided: true, job }, 'Job 4 at the market', 'Waiting for a machine'],
    [{ decided: true, job: { ...job, status: 'running', deal: { provider: '5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty' } } }, 'It runs at 5FHneW…94ty'],
    [{ decided: true, job: { ...job, status: 'submitted' } }, 'It ran'],
  ];
  for (const [standing, ...texts] of stages) {
    node.standings.set(Number(id), standing);
    for (const text of texts) await step(page, text).first().waitFor();
  }
  assert.equal(await page.locator('[aria-current=step]').count(), 1);
  await accessible(page, 'progress');
  await picture(page, 'progress-light');

  const result = resultOf({ 'outputs/a b': 'more', stdout: COW });
  results.add(result);
  await market.answer(id, { root: result.root, cost: LP / 2n, deal: 7n });
  await heading(page, 'The cow says').waitFor();
  await page.getByText('Verified: its BLAKE3 root').waitFor();
  assert.equal(await page.locator('pre').textContent(), COW);
  await page.getByText('1.5 LP came back').waitFor();
  await accessible(page, 'the outcome');
  await picture(page, 'outcome-light');

  await page.getByRole('button', { name: 'Withdraw' }).click();
  await page.getByText('1.5 LP came back').waitFor({ state: 'hidden' });
  await page.getByText('9.5 LP').first().waitFor();
  await page.getByRole('button', { name: 'Ask something else' }).click();
  await heading(page, 'What shall the cow say?').waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), 'message', 'the focus goes where one goes on');
});

test('no wallet', async () => {
  const page = await visit(undefined, { scheme: 'dark' });
  await page.getByText('This browser has no wallet').waitFor();
  await accessible(page, 'no wallet');
  await picture(page, 'no-wallet-dark');
});

test('a wallet that announces itself to nobody, and says no', async () => {
  const wallet = await somebody(0n);
  const page = await visit(wallet, { announced: false });
  wallet.no.add('eth_requestAccounts');
  const choice = page.getByRole('button', { name: 'Browser wallet' });
  await choice.click();
  await page.getByText('You said no in your wallet').waitFor();
  await choice.click();
  await page.getByText('You have 0 LP').waitFor();
});

test('a wallet on another network is told of this one, and moved', async () => {
  const wallet = await somebody();
  wallet.on = 1;
  wallet.known = new Set([1]);
  const page = await visit(wallet);
  await page.getByRole('button', { name: 'Test wallet' }).click();
  await page.getByText('Your wallet is on network 1. The cow’s contract is on Pond (network 1337).').waitFor();
  await accessible(page, 'another network');
  await picture(page, 'network-light');
  const go = page.getByRole('button', { name: 'Go to Pond' });
  wallet.no.add('wallet_addEthereumChain');
  await go.click();
  await page.getByText('You said no in your wallet').waitFor();
  await go.click();
  await page.getByText('You have 10 LP').waitFor();
  assert.deepEqual([...wallet.known], [1, CHAIN_ID]);
});

test('a wallet that leaves the network is asked back, and nothing is lost', async () => {
  const wallet = await somebody();
  const page = await connected(wallet);
  const id = await ask(page);
  wallet.on = 1;
  await page.evaluate(() => window.walletEmit('chainChanged', '0x1'));
  await page.getByRole('button', { name: 'Go to Pond' }).click();
  await market.answer(id, { status: 11 });
  await heading(page, 'The cow stays silent').waitFor();
});

test('saying no to the permit or to the transaction changes nothing', async () => {
  const wallet = await somebody();
  const page = await connected(wallet);
  for (const method of ['eth_signTypedData_v4', 'eth_sendTransaction']) {
    wallet.no.add(method);
    await page.getByRole('button', { name: 'Ask', exact: true }).click();
    await page.getByText('You said no in your wallet. Nothing was sent').waitFor();
    assert.equal(await page.getByLabel('Message').inputValue(), 'moo');
  }
  await picture(page, 'rejected-light');
  await ask(page);
});

test('a wallet that can not sign typed data approves first', async () => {
  const wallet = await somebody();
  wallet.lacks.add('eth_signTypedData_v4');
  const page = await connected(wallet);
  await ask(page);
  assert.equal(wallet.asked.filter((method) => method === 'eth_sendTransaction').length, 2);
});

test('too little LP, no amount, no message: said at the field, before any wallet is asked', async () => {
  const wallet = await somebody(LP);
  const page = await connected(wallet);
  const go = page.getByRole('button', { name: 'Ask', exact: true });
  const budget = page.getByLabel('Budget');
  for (const [amount, why] of [
    ['2', 'You have 1 LP.'],
    ['lots', 'Write an amount'],
    ['0.0001', 'takes 0.001 LP or more'],
  ]) {
    await budget.fill(amount);
    await go.click();
    await page.locator('#budget-wrong', { hasText: why }).waitFor();
    assert.equal(await budget.getAttribute('aria-invalid'), 'true');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'budget');
  }
  await page.getByLabel('Message').fill('  ');
  await budget.fill('1');
  await go.click();
  await page.getByText('Write what the cow shall say').waitFor();
  await accessible(page, 'wrong fields');
  await picture(page, 'fields-light');
  assert.ok(!wallet.asked.some((method) => /sign|send/i.test(method)));
});

test('LP that is gone by the time of asking is refused by the contract, in words', async () => {
  const wallet = await somebody(2n * LP);
  const page = await connected(wallet);
  const token = new Contract(chain.deployment.token, ['function transfer(address,uint256)'], wallet.signer);
  await (await token.transfer(rich(0).address, LP)).wait();
  await page.getByRole('button', { name: 'Ask', exact: true }).click();
  await page.getByText('That takes 2 LP, and this account has 1 LP.').waitFor();
});

test('no coin for gas', async () => {
  const wallet = await somebody();
  await chain.provider.send('anvil_setBalance', [wallet.signer.address, '0x0']);
  const page = await connected(wallet);
  await page.getByRole('button', { name: 'Ask', exact: true }).click();
  await page.getByText('not enough of the network’s own coin').waitFor();
});

test('a job that fails: why, and everything comes back', async () => {
  const page = await connected(await somebody(), { scheme: 'dark' });
  const id = await ask(page);
  node.standings.set(Number(id), { decided: true, job: null });
  await step(page, 'The market did not take it').waitFor();
  await market.answer(id, { status: 9 });
  await heading(page, 'The cow stays silent').waitFor();
  await page.getByText('The job failed: the budget is smaller than the least that such a job costs.').waitFor();
  await page.getByText('2 LP came back').waitFor();
  await accessible(page, 'a failed job, dark');
  await picture(page, 'failed-dark');
});

test('a request that expires', async () => {
  const page = await connected(await somebody());
  await market.answer(await ask(page), { status: 6 });
  await heading(page, 'Too late').waitFor();
  await page.getByText('2 LP came back').waitFor();
});

test('a program that ends with an error code says so, and still has an output', async () => {
  const page = await connected(await somebody());
  const result = resultOf({ stdout: '<img src=x onerror="document.title=`owned`"> is text\n' });
  results.add(result);
  await market.answer(await ask(page), { exitCode: 3, root: result.root, cost: LP });
  await page.getByText('The program ended with exit code 3.').waitFor();
  await page.getByText('is text').waitFor();
  assert.match(await page.locator('pre').textContent(), /^<img src=x/);
  assert.equal(await page.title(), 'Ask the cow · Lilypad');
});

test('an output that is not the one the contract stored is not shown', async () => {
  const page = await connected(await somebody());
  const truth = resultOf({ stdout: 'the truth' });
  const names = { ...resultOf({ stdout: 'the truth ' }), listing: truth.listing };
  results.add(resultOf({ stdout: 'a lie' }), truth.root);
  await market.answer(await ask(page), { root: truth.root, cost: LP });
  await page.getByText('What was served is not what the contract stored').waitFor();
  await page.getByText(/lists files that are not/).waitFor();
  assert.equal(await page.locator('pre').isVisible(), false);
  // The right list of files, and other bytes.
  results.add(names, truth.root);
  await page.getByRole('button', { name: 'Fetch it again' }).click();
  await page.getByText(/serves another stdout/).waitFor();
  await accessible(page, 'a forged output');
  await picture(page, 'forged-light');
  results.add(truth);
  await page.getByRole('button', { name: 'Fetch it again' }).click();
  await page.getByText('Verified').waitFor();
  assert.equal(await page.locator('pre').textContent(), 'the truth');
});

test('an output that nobody serves can be fetched later', async () => {
  const page = await connected(await somebody());
  const result = resultOf({ stdout: COW });
  await market.answer(await ask(page), { root: result.root.replace(/..$/, '00'), cost: LP });
  await page.getByText('does not have it (404)').waitFor();
});

test('a contract that refuses its answer can be called again', async () => {
  const page = await connected(await somebody());
  const { example } = chain.deployment;
  const id = await ask(page);
  const result = resultOf({ stdout: COW });
  results.add(result);
  const code = await chain.provider.send('eth_getCode', [example, 'latest']);
  // Whatever it is called with, it reverts.
  await chain.provider.send('anvil_setCode', [example, '0x5f5ffd']);
  try {
    await market.answer(id, { root: result.root, cost: LP });
    await heading(page, 'The cow spoke to deaf ears').waitFor();
  } finally {
    await chain.provider.send('anvil_setCode', [example, code]);
  }
  await page.getByText('Verified').waitFor();
  await page.getByRole('button', { name: 'Call the contract again' }).click();
  await heading(page, 'The cow says').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Call the contract again' }).isVisible(), false);
});

test('who comes back finds the request where it was left', async () => {
  const wallet = await somebody();
  const page = await connected(wallet);
  const id = await ask(page, 'still here?');
  await page.reload();
  await page.getByText(`Request ${id}, in block`).waitFor();
  await heading(page, '“still here?”').waitFor();
  await market.answer(id, { status: 12 });
  await page.getByText('every provider that took it failed it').waitFor();
});

test('a node that can not be asked takes nothing but progress away', async () => {
  const full = config;
  config = { ...full, node: 'http://127.0.0.1:9' };
  try {
    const page = await connected(await somebody());
    const id = await ask(page);
    await step(page, 'Once its block is final').waitFor();
    await market.answer(id, { status: 11 });
    await heading(page, 'The cow stays silent').waitFor();
  } finally {
    config = full;
  }
});

test('a page without a configuration says so', async () => {
  const full = config;
  config = undefined;
  try {
    const page = await visit();
    await page.getByText('config.json next to it has no “chainId”').waitFor();
  } finally {
    config = full;
  }
});

test('everything by keyboard, on a small screen, with a slow wallet', async () => {
  const wallet = await somebody();
  wallet.slow = 200;
  const page = await visit(wallet, { size: { width: 320, height: 640 }, scheme: 'dark' });
  const press = async (name) => {
    for (let i = 0; i < 12; i++) {
      await page.keyboard.press('Tab');
      const reached = await page.evaluate((name) => {
        const { activeElement: at } = document;
        return at.localName === 'button' && at.textContent.includes(name);
      }, name);
      if (reached) return page.keyboard.press('Enter');
    }
    assert.fail(`${name} can’t be reached with the keyboard`);
  };
  await press('Test wallet');
  await page.getByText('You have').waitFor();
  await press('Ask');
  const id = next++;
  await page.getByText(`Request ${id}, in block`).waitFor();
  const result = resultOf({ stdout: COW });
  results.add(result);
  await market.answer(id, { root: result.root, cost: LP });
  await page.getByText('Verified').waitFor();
  const [wide, seen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(wide <= seen, `${wide} pixels wide on a screen of ${seen}`);
  await accessible(page, 'a small screen');
  await picture(page, 'small-dark');
  await press('Withdraw');
  await page.getByText('came back').waitFor({ state: 'hidden' });
});

// The last one, for it moves the clock.
test('a request that is taken back because the bridge is dead', async () => {
  const page = await connected(await somebody());
  const id = await ask(page);
  const pass = async (days) => {
    await chain.provider.send('evm_increaseTime', [days * 86_400]);
    await chain.provider.send('evm_mine', []);
  };
  await pass(31);
  await market.exit(id, () => pass(3));
  await heading(page, 'Taken back').waitFor();
  await page.getByText('2 LP came back').waitFor();
});
