// How a dapp buys a computation through the gateway with nothing but ethers: ask the example client, follow the request, take back
// what was not spent. This is the part to take over; it knows nothing of pages. What it is given is a signer and the addresses.

import { Contract, Interface, Signature } from 'ethers';
import { COWSAY, EXPIRED, GATEWAY, STATES, STATUSES, TOKEN } from './abi.js';

/** Blocks in one query for logs: public endpoints refuse larger ones. */
const LOG_RANGE = 1000;
/** Seconds for which a permit is good. */
const PERMIT_TIME = 3600n;
/** Errors with which wallets say that they can't sign typed data. */
const CANNOT_SIGN = ['UNSUPPORTED_OPERATION', -32601, 4200];

/** All errors of the contracts involved, to read reverts with. */
export const ERRORS = new Interface([...COWSAY, ...GATEWAY, ...TOKEN].filter((line) => line.startsWith('error')));

/** The contracts of a deployment (`{ example, gateway, token }`), for a signer or a provider. */
export function contracts(deployment, runner) {
  return {
    cow: new Contract(deployment.example, COWSAY, runner),
    gateway: new Contract(deployment.gateway, GATEWAY, runner),
    token: new Contract(deployment.token, TOKEN, runner),
  };
}

/** What somebody has: LP, LP to be withdrawn from the gateway; and the least and most that a request can lock. */
export async function funds({ gateway, token }, who) {
  const [lp, credit, least, limits] = await Promise.all([
    token.balanceOf(who),
    gateway.creditOf(who),
    gateway.MIN_DEPOSIT(),
    gateway.limits(),
  ]);
  return { lp, credit, least, most: limits.maxDeposit };
}

/**
 * Has the cow say something, paid by the signer with at most `budget` LP: with one transaction if the wallet can sign a permit,
 * otherwise after an approval.
 *
 * `onStep` is told what the wallet is asked for next: `permit`, `approve`, `send`; then `sent` with the transaction's hash.
 * Resolves with `{ id, block, hash }` once it is in a block.
 */
export async function ask(contracts, signer, message, budget, onStep = () => {}) {
  const { cow, token } = contracts;
  const who = await signer.getAddress();
  let sent;
  if ((await token.allowance(who, cow.target)) >= budget) {
    onStep('send');
    sent = await cow.ask(message, budget);
  } else {
    const permit = await signPermit(contracts, signer, budget, onStep);
    if (!permit) {
      onStep('approve');
      await mined(await token.approve(cow.target, budget));
    }
    onStep('send');
    sent = permit
      ? await cow.askWithPermit(message, budget, permit.deadline, permit.v, permit.r, permit.s)
      : await cow.ask(message, budget);
  }
  onStep('sent', sent.hash);
  const receipt = await mined(sent);
  return { id: idOf(cow, receipt), block: receipt.blockNumber, hash: receipt.hash };
}

/** A signature that lets the example take `amount` LP, or nothing if this wallet or token knows no such thing. */
async function signPermit({ cow, token }, signer, amount, onStep) {
  const who = await signer.getAddress();
  let domain, nonce;
  try {
    const [found, next] = await Promise.all([token.eip712Domain(), token.nonces(who)]);
    domain = {
      name: found.name,
      version: found.version,
      chainId: found.chainId,
      verifyingContract: found.verifyingContract,
    };
    nonce = next;
  } catch (error) {
    if (error.code === 'CALL_EXCEPTION' || error.code === 'BAD_DATA') return undefined;
    throw error;
  }
  // By the chain's clock: the contract compares with that.
  const { timestamp } = await signer.provider.getBlock('latest');
  const deadline = BigInt(timestamp) + PERMIT_TIME;
  const types = {
    Permit: [
      { name: 'owner', type: 'address' },
      { name: 'spender', type: 'address' },
      { name: 'value', type: 'uint256' },
      { name: 'nonce', type: 'uint256' },
      { name: 'deadline', type: 'uint256' },
    ],
  };
  const value = { owner: who, spender: cow.target, value: amount, nonce, deadline };
  onStep('permit');
  try {
    const { v, r, s } = Signature.from(await signer.signTypedData(domain, types, value));
    return { deadline, v, r, s };
  } catch (error) {
    if (CANNOT_SIGN.includes(error.code) || CANNOT_SIGN.includes(error.error?.code)) return undefined;
    throw error;
  }
}

/** The number of the request that a transaction made. */
function idOf(cow, receipt) {
  for (const log of receipt.logs) {
    if (log.address.toLowerCase() !== cow.target.toLowerCase()) continue;
    const event = cow.interface.parseLog(log);
    if (event?.name === 'Asked') return event.args.id;
  }
  throw new Error(`transaction ${receipt.hash} asked for nothing`);
}

/**
 * Where a request stands. `state` is one of `STATES`; once it is answered there are `status`, `words`, `exitCode`, `root` and
 * `location` as the client stored them (or, if it would not take them, as the gateway keeps them), `deal`, `cost` and `refund`.
 * `block` is where it was asked, and where the search for its answer begins.
 */
export async function look({ cow, gateway }, id, block) {
  const state = STATES[Number((await gateway.resultOf(id)).state)] ?? 'unknown';
  if (state === 'none' || state === 'pending' || state === 'exited') return { state };
  const answer = await answered(gateway, id, block);
  // Its log may be in a block that this endpoint does not have yet.
  if (!answer) return { state: 'pending' };
  const { status, exitCode, root, deal, cost, refund } = answer.args;
  const location = state === 'told' ? await cow.location(id) : '';
  return {
    state,
    status: Number(status),
    expired: Number(status) === EXPIRED,
    words: STATUSES[Number(status)] ?? `status ${status}`,
    exitCode: Number(exitCode),
    root,
    location,
    deal,
    cost,
    refund,
    hash: answer.transactionHash,
  };
}

async function answered(gateway, id, from) {
  const latest = await gateway.runner.provider.getBlockNumber();
  for (let first = from; first <= latest; first += LOG_RANGE) {
    const last = Math.min(first + LOG_RANGE - 1, latest);
    const [found] = await gateway.queryFilter(gateway.filters.Answered(id), first, last);
    if (found) return found;
  }
  return undefined;
}

/** Has all that somebody can withdraw sent to him. */
export async function withdraw({ gateway }, who) {
  return mined(await gateway.withdraw(who));
}

/** Has the gateway call the client back once more. */
export async function retry({ gateway }, id) {
  return mined(await gateway.retryCallback(id));
}

/** The receipt of a transaction, its own or that of the one by which the wallet replaced it at a higher price. */
async function mined(sent) {
  try {
    return await sent.wait(1, 600_000);
  } catch (error) {
    if (error.code === 'TRANSACTION_REPLACED' && !error.cancelled) return error.receipt;
    throw error;
  }
}
