// What the page knows and does, without a word about how it looks: `state`, and the actions that change it.

import { BrowserProvider } from 'ethers';
import * as lilypad from './lilypad.js';
import * as market from './market.js';
import { fetchFile, Forged } from './result.js';
import * as wallets from './wallet.js';
import { explain, lp } from './words.js';

/** How often chain and node are asked at first, unless the configuration says otherwise, and how much more rarely after a minute. */
const POLL = 1_000;
const RARELY = 4;
const A_MINUTE = 60_000;

export class App {
  /** `config` is the deployment: see the README. `onChange` is called whenever `state` has changed. */
  constructor(config, onChange, page = window) {
    this.config = config;
    this.onChange = onChange;
    this.page = page;
    this.state = {
      wallets: [],
      wallet: undefined,
      account: undefined,
      network: undefined,
      funds: undefined,
      // What is going on: connect, move, permit, approve, send, sent, withdraw, retry.
      busy: undefined,
      problem: undefined,
      request: undefined,
    };
    wallets.discover((found) => this.#set({ wallets: found }), page);
  }

  get onRightNetwork() {
    return this.state.network === this.config.chainId;
  }

  get #poll() {
    return this.config.pollMs ?? POLL;
  }

  /** Takes up where the last visit ended, if the wallet still lets this page see its account. */
  async resume() {
    const last = this.#remembered('wallet');
    const wallet = this.state.wallets.find(({ id }) => id === last);
    if (!wallet) return;
    try {
      const [account] = await wallets.accounts(wallet, false);
      if (account) await this.#use(wallet, account);
    } catch {
      // Then the person connects again.
    }
  }

  connect(wallet) {
    return this.#doing('connect', async () => {
      const [account] = await wallets.accounts(wallet, true);
      if (!account) throw new Error('the wallet gave no account');
      this.#remember('wallet', wallet.id);
      await this.#use(wallet, account);
    });
  }

  move() {
    return this.#doing('move', async () => {
      await wallets.moveTo(this.state.wallet, this.config);
      await this.#refresh();
    });
  }

  ask(message, budget) {
    return this.#changing('send', async () => {
      const signer = await this.#signer();
      const onStep = (busy, hash) => this.#set({ busy, sent: hash });
      const asked = await lilypad.ask(this.#contracts(signer), signer, message, budget, onStep);
      const request = { ...asked, id: asked.id.toString(), message, since: Date.now() };
      this.#remember('request', request);
      this.#follow(request);
    });
  }

  withdraw() {
    return this.#changing('withdraw', async () => {
      await lilypad.withdraw(this.#contracts(await this.#signer()), this.state.account);
    });
  }

  retry() {
    return this.#changing('retry', async () => {
      await lilypad.retry(this.#contracts(await this.#signer()), this.state.request.id);
      this.#follow(this.state.request);
    });
  }

  /** Fetches the output once more. */
  read() {
    return this.#read(this.state.request);
  }

  /** Makes room for the next question. */
  forget() {
    this.#remember('request', undefined);
    this.#set({ request: undefined, problem: undefined });
  }

  // -- Following ----------------------------------------------------------------------------------------------------------

  async #follow({ id, block, hash, message, since }) {
    const request = { id, block, hash, message, since, answer: undefined, standing: undefined, output: undefined };
    this.#set({ request });
    // Another request, or none: this one is of no interest any more.
    const current = () => this.state.request?.id === id && this.state.request.since === since;
    for (const begun = Date.now(); current(); await sleep(Date.now() - begun < A_MINUTE ? this.#poll : this.#poll * RARELY)) {
      let answer;
      try {
        // While the wallet is on another network, it can't tell.
        if (!this.onRightNetwork) continue;
        answer = await lilypad.look(this.#contracts(this.#provider()), id, block);
      } catch (error) {
        if (current()) this.#change({ trouble: explain(error) });
        continue;
      }
      if (!current()) return;
      if (answer.state === 'none') return this.forget();
      if (answer.state !== 'pending') {
        this.#change({ answer, trouble: undefined, took: Date.now() - since });
        await Promise.allSettled([this.#refresh(), this.#read(this.state.request)]);
        return;
      }
      const { node, lane } = this.config;
      const standing = node ? await market.standing(node, lane, id) : undefined;
      if (current()) this.#change({ standing: standing ?? this.state.request.standing, trouble: undefined });
    }
  }

  async #read(request) {
    const { answer } = request ?? {};
    if (!answer || answer.status !== 0) return;
    this.#change({ output: { state: 'loading' } });
    try {
      const found = await fetchFile(this.config.results ?? [], answer.root, 'stdout');
      const text = new TextDecoder().decode(found.bytes);
      this.#change({ output: { state: 'verified', text, server: found.server } });
    } catch (error) {
      this.#change({ output: { state: error instanceof Forged ? 'forged' : 'unavailable', why: error.message } });
    }
  }

  #change(changes) {
    if (this.state.request) this.#set({ request: { ...this.state.request, ...changes } });
  }

  // -- The wallet ---------------------------------------------------------------------------------------------------------

  async #use(wallet, account) {
    this.#set({ wallet, account, problem: undefined });
    const { provider } = wallet;
    if (provider.on && !wallet.listening) {
      wallet.listening = true;
      provider.on('accountsChanged', ([next]) => {
        this.#set({ account: next, wallet: next ? this.state.wallet : undefined, funds: undefined });
        this.#refresh().catch(() => {});
      });
      provider.on('chainChanged', () => this.#refresh().catch(() => {}));
    }
    await this.#refresh();
    const last = this.#remembered('request');
    if (last && !this.state.request) this.#follow(last);
  }

  async #refresh() {
    const { wallet, account } = this.state;
    if (!wallet) return;
    const network = await wallets.network(wallet);
    this.#set({ network });
    if (!this.onRightNetwork || !account) return;
    this.#set({ funds: await lilypad.funds(this.#contracts(this.#provider()), account) });
  }

  // Made anew each time: it must not outlive a change of network.
  #provider() {
    const provider = new BrowserProvider(this.state.wallet.provider, this.config.chainId);
    provider.pollingInterval = this.#poll;
    return provider;
  }

  #signer() {
    return this.#provider().getSigner(this.state.account);
  }

  #contracts(runner) {
    return lilypad.contracts(this.config, runner);
  }

  /** One thing at a time; whatever goes wrong is said, and leaves the page as usable as before. */
  async #doing(busy, action) {
    if (this.state.busy) return;
    this.#set({ busy, problem: undefined, sent: undefined });
    try {
      await action();
    } catch (error) {
      this.#set({ problem: explain(error) });
    }
    this.#set({ busy: undefined });
  }

  /** The same, with funds that may be others afterwards. */
  #changing(busy, action) {
    return this.#doing(busy, async () => {
      try {
        await action();
      } finally {
        await this.#refresh().catch(() => {});
      }
    });
  }

  #set(changes) {
    Object.assign(this.state, changes);
    this.onChange(this);
  }

  // -- What outlives the visit ----------------------------------------------------------------------------------------------

  #key(name) {
    return `lilypad-cow/${this.config.chainId}/${this.config.example}/${name}`;
  }

  #remembered(name) {
    try {
      return JSON.parse(this.page.localStorage.getItem(this.#key(name))) ?? undefined;
    } catch {
      return undefined;
    }
  }

  #remember(name, value) {
    try {
      if (value === undefined) this.page.localStorage.removeItem(this.#key(name));
      else this.page.localStorage.setItem(this.#key(name), JSON.stringify(value));
    } catch {
      // A private window: then it is forgotten when the page is left.
    }
  }
}

/** Why a budget can't be used, or nothing. */
export function objection(budget, funds) {
  if (budget === undefined) return 'Write an amount such as 2 or 0.5.';
  if (!funds) return undefined;
  if (budget > funds.lp) return `You have ${lp(funds.lp)}.`;
  if (budget < funds.least) return `The gateway takes ${lp(funds.least)} or more.`;
  if (budget > funds.most) return `The gateway takes ${lp(funds.most)} at most.`;
  return undefined;
}

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
