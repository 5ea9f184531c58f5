// A browser wallet for tests: an ethers wallet behind an EIP-1193 provider that is injected into the page. It says no, lacks
// methods, or knows no network when it is told to.

import { toQuantity } from 'ethers';

const error = (code, message) => Object.assign(new Error(message), { code });

export class TestWallet {
  /** `signer` signs and sends; it is connected to the right chain. */
  constructor(signer, chainId) {
    this.signer = signer;
    this.chainId = chainId;
    this.on = chainId;
    this.known = new Set([chainId]);
    this.connected = false;
    /** Methods that the person says no to, once each, and methods that this wallet does not have. */
    this.no = new Set();
    this.lacks = new Set();
    /** How long it takes over each answer, in milliseconds. */
    this.slow = 0;
    /** What it was asked to do. */
    this.asked = [];
  }

  /** Puts it into a page: announced as EIP-6963 has it, or only as `window.ethereum`. */
  async inject(page, { announced = true } = {}) {
    this.page = page;
    await page.exposeFunction('walletRequest', (text) => this.#answer(JSON.parse(text)));
    await page.addInitScript((announced) => {
      const listeners = {};
      const provider = {
        async request(wanted) {
          const { result, failed } = JSON.parse(await window.walletRequest(JSON.stringify(wanted)));
          if (failed) throw Object.assign(new Error(failed.message), failed);
          return result;
        },
        on: (name, listener) => (listeners[name] ??= []).push(listener),
        removeListener: () => {},
      };
      window.walletEmit = (name, value) => (listeners[name] ?? []).forEach((listener) => listener(value));
      if (!announced) return void (window.ethereum = provider);
      const icon =
        "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'><rect width='8' height='8' fill='%23d97706'/></svg>";
      const info = { uuid: '6c696c79-7061-4064-8000-000000000001', name: 'Test wallet', icon, rdns: 'test.wallet' };
      const announce = () =>
        window.dispatchEvent(new CustomEvent('eip6963:announceProvider', { detail: Object.freeze({ info, provider }) }));
      window.addEventListener('eip6963:requestProvider', announce);
      announce();
    }, announced);
  }

  async #answer({ method, params = [] }) {
    this.asked.push(method);
    await new Promise((done) => setTimeout(done, this.slow));
    try {
      if (this.lacks.has(method)) throw error(4200, `this wallet has no ${method}`);
      if (this.no.delete(method)) throw error(4001, 'User rejected the request.');
      return JSON.stringify({ result: await this.#do(method, params) });
    } catch (problem) {
      // What the node said, as wallets pass it on.
      const { code, message, data } = problem.info?.error ?? problem.error ?? problem;
      return JSON.stringify({ failed: { code: typeof code === 'number' ? code : -32603, message, data } });
    }
  }

  async #do(method, params) {
    switch (method) {
      case 'eth_requestAccounts':
        this.connected = true;
        return [this.signer.address];
      case 'eth_accounts':
        return this.connected ? [this.signer.address] : [];
      case 'eth_chainId':
        return toQuantity(this.on);
      case 'wallet_switchEthereumChain':
        return this.#move(Number(params[0].chainId));
      case 'wallet_addEthereumChain':
        return this.#add(params[0]);
      case 'eth_signTypedData_v4': {
        const { domain, types, message } = JSON.parse(params[1]);
        delete types.EIP712Domain;
        return this.signer.signTypedData(domain, types, message);
      }
      case 'eth_sendTransaction': {
        if (this.on !== this.chainId) throw error(-32603, 'there is no such chain');
        const { from, gas, ...transaction } = params[0];
        return (await this.signer.sendTransaction({ ...transaction, gasLimit: gas })).hash;
      }
      default:
        if (this.on !== this.chainId) throw error(-32603, 'there is no such chain');
        return this.signer.provider.send(method, params);
    }
  }

  async #move(chainId) {
    if (!this.known.has(chainId)) throw error(4902, 'Unrecognized chain ID.');
    this.on = chainId;
    await this.page.evaluate((id) => window.walletEmit('chainChanged', id), toQuantity(chainId));
    return null;
  }

  /** As EIP-3085 has it, and as strictly as the large wallets check it. */
  #add({ chainId, chainName, rpcUrls, nativeCurrency }) {
    const currency = nativeCurrency?.decimals === 18 && /^.{2,6}$/.test(nativeCurrency.symbol);
    if (!/^0x[1-9a-f][0-9a-f]*$/.test(chainId) || !chainName || !rpcUrls?.every((url) => new URL(url)) || !currency) {
      throw error(-32602, 'Invalid params');
    }
    this.known.add(Number(chainId));
    return null;
  }
}
