// What went wrong, said so that whoever reads it knows what to do next; and amounts as people write them.

import { formatUnits, parseUnits } from 'ethers';
import { ERRORS } from './lilypad.js';

/** LP in its smallest unit, as people write it: at most four digits after the point, rounded down, never 0 for something. */
export function lp(amount) {
  const [whole, rest] = formatUnits(amount, 18).split('.');
  const digits = rest.slice(0, 4).replace(/0+$/, '');
  if (whole === '0' && digits === '' && amount > 0n) return '< 0.0001 LP';
  return `${BigInt(whole).toLocaleString('en')}${digits && `.${digits}`} LP`;
}

/** What somebody typed, in LP's smallest unit, or nothing if it is no amount. */
export function amountOf(text) {
  if (!/^\d{1,12}([.,]\d{1,18})?$/.test(text.trim())) return undefined;
  return parseUnits(text.trim().replace(',', '.'), 18);
}

/** The beginning and end of an address or hash. */
export const short = (hex) => `${hex.slice(0, 6)}…${hex.slice(-4)}`;

/** Whether the person said no to the wallet. */
export function isRejection(error) {
  return error?.code === 'ACTION_REJECTED' || codeOf(error) === 4001;
}

const codeOf = (error) => error?.info?.error?.code ?? error?.error?.code ?? error?.code;

/** What went wrong, in words. */
export function explain(error) {
  if (isRejection(error)) return 'You said no in your wallet. Nothing was sent, and nothing was spent.';
  if (codeOf(error) === -32002) return 'Your wallet has a question open already. Answer it there, then try again.';
  if (error?.code === 'INSUFFICIENT_FUNDS' || /insufficient funds/i.test(error?.info?.error?.message ?? error?.message ?? '')) {
    return 'There is not enough of the network’s own coin in this account to pay for the transaction. Send it some, then try again.';
  }
  const data = error?.data ?? error?.info?.error?.data;
  const reason = typeof data === 'string' && data.length >= 10 ? ERRORS.parseError(data) : undefined;
  if (reason) return refusal(reason);
  if (error?.code === 'CALL_EXCEPTION') return 'The contract refused the transaction and did not say why. Nothing was spent but its gas.';
  if (error?.code === 'TRANSACTION_REPLACED') return 'The transaction was cancelled in the wallet. Nothing was asked.';
  if (error?.code === 'TIMEOUT') return 'The transaction is not in a block after ten minutes. Look at it in your wallet: it may need a higher gas price.';
  if (['NETWORK_ERROR', 'SERVER_ERROR'].includes(error?.code)) return 'The network can’t be reached. Look at your connection, then try again.';
  const words = error?.shortMessage ?? error?.message ?? String(error);
  return `Something unexpected happened: ${words.slice(0, 200)}`;
}

/** A contract's own errors. */
function refusal({ name, args }) {
  switch (name) {
    case 'ERC20InsufficientBalance':
      return `That takes ${lp(args.needed)}, and this account has ${lp(args.balance)}.`;
    case 'ERC20InsufficientAllowance':
      return 'The cow’s contract may not take that much LP from you. Approve the whole budget when your wallet asks.';
    case 'BadAmount':
      return `The gateway takes from ${lp(args.min)} to ${lp(args.max)} at a time.`;
    case 'GatewayFull':
      return `The gateway has room for ${lp(args.room)} more now. Ask for less, or later.`;
    case 'IntakeIsPaused':
      return 'The gateway takes no requests for now: its guardian has paused it. Try again later.';
    case 'InputsTooLong':
      return 'That is too much text for a cow.';
    case 'NothingToWithdraw':
      return 'There is nothing to withdraw any more.';
    case 'CallbackFailedAgain':
      return 'The cow’s contract refused its answer again. The answer stays at the gateway.';
    case 'WrongState':
      return 'That has been done already.';
    default:
      return `The contract refused: ${name}.`;
  }
}
