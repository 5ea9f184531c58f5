// What the page computes for itself, without a chain or a browser.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { Interface, parseEther } from 'ethers';
import { COWSAY, GATEWAY, STATUSES, TOKEN } from '../src/abi.js';
import { objection } from '../src/app.js';
import { Forged, fetchFile, rootOf, Unavailable } from '../src/result.js';
import { stepsOf } from '../src/view.js';
import { amountOf, explain, lp } from '../src/words.js';
import { artifact } from './support/chain.mjs';
import { resultOf, serveResults } from './support/serve.mjs';

const LP = parseEther('1');

test('what the page calls is what the compiler made', async () => {
  for (const [name, lines] of [['Cowsay', COWSAY], ['LilypadGateway', GATEWAY], ['LilypadToken', TOKEN]]) {
    const compiled = new Interface([...(await artifact(name)).abi, ...(await artifact('Inputs')).abi]);
    for (const fragment of new Interface(lines).fragments) {
      const theirs = compiled.fragments.find((one) => one.type === fragment.type && one.format() === fragment.format());
      assert.ok(theirs, `${name} has no ${fragment.format('full')}`);
      const outputs = (one) => one.outputs?.map(({ type }) => type).join();
      assert.equal(outputs(theirs), outputs(fragment), fragment.format());
      const indexed = (one) => one.inputs.map(({ indexed }) => Boolean(indexed)).join();
      assert.equal(indexed(theirs), indexed(fragment), fragment.format());
    }
  }
});

test('every status that the contracts know has words', async () => {
  const source = await readFile(new URL('../../contracts/src/Status.sol', import.meta.url), 'utf8');
  const numbers = [...source.matchAll(/constant \w+ = (\d+);/g)].map(([, number]) => Number(number));
  assert.deepEqual(numbers, [...STATUSES.keys()]);
});

test('roots are those of the chain’s own tools', () => {
  // `offchain-worker/src/results.rs` has the same.
  const files = [
    { name: 'outputs/a', blake3: '11'.repeat(32) },
    { name: 'outputs/ä'.padEnd(200, 'b'), blake3: '22'.repeat(32) },
    { name: 'stdout', blake3: '33'.repeat(32) },
  ];
  assert.equal(rootOf(files), '0ca781f969a21cd4596085a734cd28951f6938b23acdfe1c541e30273c09af09');
  assert.equal(rootOf([]), 'c69e3bb6adb62a337f033d8d5d34498f7e58af9eadfbd8a835b6b0f7e861dbad');
});

test('files come from the first server that has the right ones', async () => {
  const [liar, empty, honest] = await Promise.all([serveResults(), serveResults(), serveResults()]);
  try {
    const truth = resultOf({ 'outputs/a b?#%': 'yes', stdout: 'truth' });
    liar.add(resultOf({ stdout: 'lie' }), truth.root);
    honest.add(truth);
    const nobody = 'http://127.0.0.1:9';
    const found = await fetchFile([nobody, liar.url, empty.url, honest.url], truth.root, 'stdout');
    assert.equal(new TextDecoder().decode(found.bytes), 'truth');
    assert.equal(found.server, honest.url);
    await assert.rejects(fetchFile([liar.url, empty.url], truth.root, 'stdout'), Forged);
    await assert.rejects(fetchFile([empty.url, nobody], truth.root, 'stdout'), Unavailable);
    await assert.rejects(fetchFile([honest.url], truth.root, 'stderr'), Unavailable);
    await assert.rejects(fetchFile([], truth.root, 'stdout'), Unavailable);
  } finally {
    for (const server of [liar, empty, honest]) server.stop();
  }
});

test('amounts are read and written as people do', () => {
  assert.equal(amountOf('2'), 2n * LP);
  assert.equal(amountOf(' 0,5 '), LP / 2n);
  for (const wrong of ['', '-1', '1e3', '1.', '.5', '1.0000000000000000001', '1 000', '0x1']) assert.equal(amountOf(wrong), undefined, wrong);
  assert.equal(lp(0n), '0 LP');
  assert.equal(lp(1n), '< 0.0001 LP');
  assert.equal(lp(1234n * LP + LP / 4n), '1,234.25 LP');
  assert.equal(lp(LP - 1n), '0.9999 LP');
});

test('budgets are checked against what there is and what the gateway takes', () => {
  const funds = { lp: 10n * LP, least: LP / 1000n, most: 5n * LP };
  assert.equal(objection(LP, funds), undefined);
  assert.equal(objection(LP, undefined), undefined);
  assert.match(objection(undefined, funds), /Write an amount/);
  assert.match(objection(11n * LP, funds), /You have 10 LP/);
  assert.match(objection(0n, funds), /0.001 LP or more/);
  assert.match(objection(6n * LP, funds), /5 LP at most/);
});

test('problems are told in words, wherever a wallet puts them', () => {
  const gateway = new Interface(GATEWAY);
  const data = gateway.encodeErrorResult('GatewayFull', [LP]);
  for (const error of [{ code: 'CALL_EXCEPTION', data }, { code: 'UNKNOWN_ERROR', info: { error: { code: 3, data } } }]) {
    assert.match(explain(error), /room for 1 LP more/);
  }
  assert.match(explain({ code: 'CALL_EXCEPTION', data: gateway.encodeErrorResult('IntakeIsPaused') }), /paused/);
  assert.match(explain({ code: 4001 }), /You said no/);
  assert.match(explain({ code: 'UNKNOWN_ERROR', error: { code: -32002 } }), /question open/);
  assert.match(explain({ message: 'err: insufficient funds for gas * price + value' }), /network’s own coin/);
  assert.match(explain({ code: 'CALL_EXCEPTION', data: '0x12345678' }), /did not say why/);
  assert.match(explain(new Error('what?')), /unexpected happened: what\?/);
});

test('each stage of a request is told apart', () => {
  const request = { id: '1', block: 2, message: 'moo' };
  const states = (more, node = 'http://node') => stepsOf({ ...request, ...more }, { node }).map(({ state }) => state).join(' ');
  assert.equal(states({}), 'done now todo todo');
  const job = (status) => ({ standing: { decided: true, job: { job: 1, status } } });
  for (const status of ['waiting', 'matched', 'running', 'submitted', 'disputed', 'ended']) {
    assert.equal(states(job(status)), 'done done now todo', status);
  }
  assert.equal(states({ standing: { decided: true, job: null } }), 'done skipped skipped todo');
  const answer = { state: 'told', status: 0, deal: 1n, hash: '0x'.padEnd(66, '1') };
  assert.equal(states({ answer }), 'done done done done');
  assert.equal(states({ answer: { ...answer, status: 9, deal: 0n } }), 'done skipped skipped failed');
  assert.equal(states({ answer: { ...answer, state: 'callbackFailed' } }), 'done done done failed');
  assert.equal(states({ answer: { state: 'exited' } }), 'done skipped skipped failed');
  assert.equal(states({}, ''), 'done now todo');
  assert.equal(states({ answer }, ''), 'done done done');
});
