// Runs against a chain with a provider and the module cowsay:v0.0.1: see `tests/tests/dapp.rs`, which starts them.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { account, asJson, connect, find, followJob, jobRequest, LP, onceInABlock, send } from './lilypad.mjs';

const url = process.env.LILYPAD_URL;
let api;

before(async () => {
  assert.ok(url, 'set LILYPAD_URL to the WebSocket address of a node, for instance ws://127.0.0.1:9944');
  api = await connect(url);
});

after(() => api?.disconnect());

const request = (message) =>
  jobRequest({
    module: 'cowsay:v0.0.1',
    inputs: { Message: message },
    spec: { cpuMilli: 1000, ramMib: 128, diskMib: 64, gpus: [] },
    timeLimitMs: 60_000,
    budget: 10n * LP,
  });

test('a job posted with polkadot.js is matched in the same block, run, revealed and paid for', async () => {
  const creator = account('//Dave');
  const before = (await api.query.system.account(creator.address)).data;

  // What it will cost at most, from the node's own method.
  const quote = (await api.rpc.lilypad.quote(creator.address, asJson(request('moo from a dapp')))).toJSON();
  assert.ok(quote.offers.length > 0, JSON.stringify(quote));
  assert.equal(quote.total, quote.offers[0].total);
  assert.ok(BigInt(quote.total) > 0n && BigInt(quote.total) <= 10n * LP);

  const { block, events } = await send(api, api.tx.market.postJob(request('moo from a dapp')), creator);
  const posted = find(events, 'market', 'JobPosted');
  const matched = find(events, 'market', 'JobMatched');
  assert.equal(posted.data.job.toString(), matched.data.job.toString());
  const { job, deal: id } = matched.data;
  const seen = [];
  const followed = followJob(api, job, (status) => seen.push(status.status));

  // The deal, read from state in the block of the match, without custom types.
  const at = await api.at(block);
  const deal = (await at.query.deals.deals(id)).unwrap();
  assert.equal(deal.job.toString(), job.toString());
  assert.equal(deal.terms.creator.toString(), creator.address);
  assert.equal(deal.terms.budget.toBigInt(), 10n * LP);
  assert.equal(deal.terms.escrow.toString(), quote.total);
  assert.ok(deal.state.isMatched);
  const held = (await at.query.balances.holds(creator.address)).find((hold) => hold.id.isDeals);
  assert.equal(held.amount.toBigInt(), 10n * LP);

  // The provider's worker runs it and reveals the result on the chain.
  const opening = await onceInABlock(api, 'the result is revealed', 60, async () => {
    const now = await api.query.deals.deals(id);
    assert.ok(now.isSome, 'the deal ended before a result was revealed');
    const { state } = now.unwrap();
    return state.isSubmitted && state.asSubmitted.opened.isSome ? state.asSubmitted.opened.unwrap() : undefined;
  });
  assert.ok(opening.triple.status.isCompleted);
  assert.equal(opening.triple.exitCode.toNumber(), 0);
  assert.equal(opening.triple.root.toU8a().length, 32);

  // Satisfied, the dapp accepts. The deal and the job are gone, and what was not spent is back.
  const accepted = await send(api, api.tx.deals.accept(id, opening), creator);
  const ended = find(accepted.events, 'market', 'JobEnded');
  assert.ok(ended.data.outcome.isAccepted);
  assert.equal(ended.data.result.unwrap().root.toHex(), opening.triple.root.toHex());
  assert.ok((await api.query.deals.deals(id)).isNone);
  assert.ok((await api.query.market.jobs(job)).isNone);

  // The subscription has told of it step by step, and its last word is how it ended.
  const last = await followed;
  assert.equal(last.end.outcome, 'accepted');
  assert.equal(last.end.cost, ended.data.cost.toString());
  assert.equal(last.end.result.root, opening.triple.root.toHex());
  assert.ok(['matched', 'running', 'submitted'].includes(seen[0]), `${seen}`);
  assert.ok(seen.includes('submitted') && seen.at(-1) === 'ended', `${seen}`);

  // Whoever comes later learns the same, at once.
  assert.deepEqual((await followJob(api, job)).end, last.end);
  assert.deepEqual((await api.rpc.lilypad.job(job)).toJSON().end, last.end);
  assert.equal((await api.rpc.lilypad.deal(id)).toJSON().end.outcome, 'accepted');
  const after = (await api.query.system.account(creator.address)).data;
  assert.equal(after.reserved.toBigInt(), before.reserved.toBigInt());
  const spent = before.free.toBigInt() - after.free.toBigInt();
  const cost = ended.data.cost.toBigInt();
  assert.ok(cost > 0n && spent >= cost && spent < cost + LP / 10n, `spent ${spent}, of which the job ${cost}`);
});

test('a refused job says why in the words of the chain', async () => {
  const job = { ...request('moo'), module: 'no-such-module:v1' };
  await assert.rejects(send(api, api.tx.market.postJob(job), account('//Dave')), /market.UnknownModule: .*name:tag/);
});

test('offers and modules are listed, and a quote says why nothing fits and what would', async () => {
  const modules = (await api.rpc.lilypad.modules('cowsay:')).toJSON().modules;
  assert.ok(modules.some(({ name }) => name === 'cowsay:v0.0.1'));
  const { offers } = (await api.rpc.lilypad.offers({ state: 'active', module: 'cowsay:v0.0.1' }, { limit: 10 })).toJSON();
  assert.ok(offers.length > 0 && offers.every(({ state }) => state === 'active'));

  const poor = { ...request('moo'), budget: 1n };
  const quote = (await api.rpc.lilypad.quote(account('//Dave').address, asJson(poor))).toJSON();
  assert.equal(quote.total, null);
  assert.ok(quote.mismatches.some(({ rule }) => rule === 'budget'), JSON.stringify(quote));
  const [remedy] = quote.wouldFit;
  assert.deepEqual(remedy.without, ['budget']);
  assert.ok(BigInt(remedy.total) > 1n);
  await assert.rejects(api.rpc.lilypad.job(1_000_000), /no job 1000000/);
});
