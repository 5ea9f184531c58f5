// How a dapp buys a computation with nothing but @polkadot/api: post a job, follow its events, read the deal, accept the
// result. There are no custom types: the chain's metadata describes everything.

import { ApiPromise, Keyring, WsProvider } from '@polkadot/api';

/** One LP in its smallest unit. */
export const LP = 10n ** 18n;

const json = (description, params, more = {}) => ({ description, params, type: 'Json', ...more });
const optional = (name, type) => ({ name, type, isOptional: true });

/** The node's own methods for the market, which answer in plain JSON: `api.rpc.lilypad.quote(…)` and so on. */
export const rpc = {
  lilypad: {
    quote: json('What a job would cost, or why nothing fits', [
      { name: 'creator', type: 'AccountId' },
      { name: 'request', type: 'Json' },
    ]),
    job: json('Where a job stands, or how it ended', [{ name: 'job', type: 'u64' }]),
    deal: json('A deal, or how it ended', [{ name: 'deal', type: 'u64' }]),
    offers: json('Offers', [optional('filter', 'Json'), optional('page', 'Json')]),
    modules: json('Module versions', [optional('prefix', 'Text'), optional('page', 'Json')]),
    subscribeJob: json('Follows a job to its end', [{ name: 'job', type: 'u64' }], {
      pubsub: ['jobStatus', 'subscribeJob', 'unsubscribeJob'],
    }),
  },
};

/** Connects to a node. */
export async function connect(url) {
  return ApiPromise.create({ provider: new WsProvider(url), noInitWarn: true, rpc });
}

/** A request as the node's own methods take it: amounts are strings of digits, as JSON has no large numbers. */
export function asJson(request) {
  return JSON.parse(JSON.stringify(request, (_, value) => (typeof value === 'bigint' ? value.toString() : value)));
}

/** Calls back with where a job stands, at once and whenever that changes; resolves with the last status. */
export function followJob(api, job, onStatus = () => {}) {
  return new Promise((resolve, reject) => {
    const stop = api.rpc.lilypad.subscribeJob(job, async (answer) => {
      const status = answer.toJSON();
      onStatus(status);
      // It can't be reverted any more, and nothing comes after it.
      if (status.status === 'ended' && status.finalized) {
        (await stop)();
        resolve(status);
      }
    });
    stop.catch(reject);
  });
}

/** An account from a secret URI such as `//Alice`. */
export function account(uri) {
  return new Keyring({ type: 'sr25519' }).addFromUri(uri);
}

/** Signs and sends a call; resolves with its block's hash and its events once it is in a block, rejects when it failed. */
export function send(api, call, signer) {
  return new Promise((resolve, reject) => {
    let unsubscribe;
    const finish = (settle, value) => {
      unsubscribe?.();
      settle(value);
    };
    call
      .signAndSend(signer, { nonce: -1 }, ({ status, events, dispatchError }) => {
        if (dispatchError) {
          finish(reject, new Error(describe(api, dispatchError)));
        } else if (status.isInBlock) {
          finish(resolve, { block: status.asInBlock, events: events.map(({ event }) => event) });
        } else if (status.isDropped || status.isInvalid || status.isUsurped) {
          finish(reject, new Error(`the transaction was ${status.type.toLowerCase()}`));
        }
      })
      .then((stop) => (unsubscribe = stop), reject);
  });
}

/** What a failed call's error means, in the words of the chain's own metadata. */
export function describe(api, error) {
  if (!error.isModule) return error.toString();
  const { section, name, docs } = api.registry.findMetaError(error.asModule);
  return `${section}.${name}: ${docs.join(' ')}`;
}

/** The one event of this kind; fails when there is none. */
export function find(events, section, method) {
  const found = events.find((event) => event.section === section && event.method === method);
  if (!found) throw new Error(`there is no ${section}.${method} among ${events.map((e) => `${e.section}.${e.method}`)}`);
  return found;
}

/** A job's request with everything that most dapps leave at its default. `inputs` is a plain object. */
export function jobRequest({ module, inputs, spec, timeLimitMs, budget, matchWindow = 30 }) {
  const sorted = Object.fromEntries(Object.entries(inputs).sort(([a], [b]) => (a < b ? -1 : 1)));
  return {
    module,
    inputs: { Inline: JSON.stringify(sorted) },
    files: [],
    spec,
    timeLimit: timeLimitMs,
    budget,
    tip: 0,
    matchWindow,
    deadline: null,
    mediators: 'Any',
    target: null,
    minScore: 0,
    retries: 1,
  };
}

/** Waits until `read` gives something, looking once a block. */
export async function onceInABlock(api, what, limitBlocks, read) {
  return new Promise((resolve, reject) => {
    let left = limitBlocks;
    let busy = false;
    const stop = api.rpc.chain.subscribeNewHeads(async () => {
      if (busy) return;
      busy = true;
      try {
        const value = await read();
        if (value !== undefined) {
          (await stop)();
          resolve(value);
        } else if (left-- === 0) {
          (await stop)();
          reject(new Error(`waited ${limitBlocks} blocks in vain: ${what}`));
        }
      } catch (error) {
        (await stop)();
        reject(error);
      }
      busy = false;
    });
    stop.catch(reject);
  });
}
