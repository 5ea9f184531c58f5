// The market, played: what it would answer, signed by the keys of the bridge set and delivered to the real gateway.

import { concat, Contract, toBeHex, TypedDataEncoder, ZeroHash } from 'ethers';
import { artifact, rich } from './chain.mjs';

const field = (list) => list.split(',').map((entry) => Object.fromEntries(['type', 'name'].map((key, i) => [key, entry.split(' ')[i]])));
const TICKET = {
  Ticket: field('uint64 id,address requester,address refundTo,uint96 budget,uint64 acceptBy,uint32 callbackGas,bytes32 job'),
};
const JOB = { Job: field('string module,string[] inputs,uint64 timeLimit,bytes32 delegate') };
const ANSWER = {
  Answer: field('bytes32 ticket,uint64 deal,uint8 status,int32 exitCode,bytes32 root,uint96 cost,uint96 refund'),
};
const BATCH = { Batch: field('uint64 lane,uint64 set,uint64 time,bytes32[] messages') };

export class Market {
  constructor({ provider, deployment, members }, gateway) {
    Object.assign(this, { provider, deployment, members, gateway });
  }

  static async of(chain) {
    const { abi } = await artifact('LilypadGateway');
    const { abi: errors } = await artifact('BridgeSet');
    const all = [...abi, ...errors.filter(({ type }) => type === 'error')];
    return new Market(chain, new Contract(chain.deployment.gateway, all, rich(9).connect(chain.provider)));
  }

  /** The newest request, once there is one with this number. */
  async request(id, limit = 20_000) {
    for (const begun = Date.now(); Date.now() - begun < limit; await new Promise((done) => setTimeout(done, 100))) {
      const [found] = await this.gateway.queryFilter(this.gateway.filters.Requested(id), 0);
      if (found) return found.args.toObject();
    }
    throw new Error(`there is no request ${id}`);
  }

  /** The ticket of a request, from its event. */
  async #ticket(id) {
    const { inputs, module, timeLimit, delegate, ...asked } = await this.request(id);
    const job = TypedDataEncoder.hashStruct('Job', JOB, { module, inputs: [...inputs], timeLimit, delegate });
    const { requester, refundTo, budget, acceptBy, callbackGas } = asked;
    const ticket = { id, requester, refundTo, budget, acceptBy, callbackGas, job };
    const hash = TypedDataEncoder.hashStruct('Ticket', TICKET, ticket);
    if (hash !== asked.ticket) throw new Error('the ticket is not that of the request');
    return { ticket, hash };
  }

  /** Declares the bridge dead and, after `notice`, takes a request back. */
  async exit(id, notice) {
    await (await this.gateway.declareDead()).wait();
    await notice();
    return (await this.gateway.exit((await this.#ticket(id)).ticket)).wait();
  }

  /** Answers it. All but `status` has a default: a failure costs nothing. */
  async answer(id, { status = 0, exitCode = 0, root = ZeroHash, cost = 0n, deal = 0n, gasLimit = 1_500_000 } = {}) {
    const { ticket, hash } = await this.#ticket(id);
    const answer = { deal, status, exitCode, root, cost, refund: ticket.budget - cost };
    const message = TypedDataEncoder.hashStruct('Answer', ANSWER, { ticket: hash, ...answer });
    const batch = await this.#signed([message]);
    const sent = await this.gateway.deliver(batch, [{ index: 0, ticket, answer }], [], { gasLimit });
    return sent.wait();
  }

  async #signed(messages) {
    const { timestamp } = await this.provider.getBlock('latest');
    const { lane, chainId, gateway } = this.deployment;
    const domain = { name: 'Lilypad Gateway', version: '1', chainId, verifyingContract: gateway };
    const threshold = Math.ceil((2 * this.members.length) / 3);
    const value = { lane, set: 1, time: timestamp, messages };
    const signatures = this.members.slice(0, threshold).map((member) => member.signTypedData(domain, BATCH, value));
    const head = [toBeHex(threshold, 1), toBeHex(this.members.length, 1), ...this.members.map(({ address }) => address)];
    return { set: 1, time: timestamp, messages, proof: concat([...head, ...(await Promise.all(signatures))]) };
  }
}
