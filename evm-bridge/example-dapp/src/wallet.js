// Browser wallets: EIP-6963 to find them, EIP-1193 to talk to them, EIP-3085 and EIP-3326 to get them onto the right network.

/** The wallet does not know the network (EIP-3326). */
const UNKNOWN_NETWORK = 4902;

/**
 * Wallets as they announce themselves: calls back with the list at once and whenever there is one more. A wallet is
 * `{ id, name, icon, provider }`. One that only puts itself into `window.ethereum`, as all once did, is listed if nobody announces it.
 */
export function discover(onChange, page = window) {
  const found = new Map();
  const tell = () => {
    const wallets = [...found.values()];
    const old = page.ethereum;
    if (old && !wallets.some(({ provider }) => provider === old) && wallets.length === 0) {
      wallets.push({ id: 'window.ethereum', name: 'Browser wallet', icon: undefined, provider: old });
    }
    onChange(wallets);
  };
  page.addEventListener('eip6963:announceProvider', ({ detail }) => {
    const { info, provider } = detail ?? {};
    if (!info?.uuid || typeof provider?.request !== 'function') return;
    // Only images that load nothing from anywhere.
    const icon = /^data:image\//.test(info.icon) ? info.icon : undefined;
    found.set(info.uuid, { id: info.rdns ?? info.uuid, name: String(info.name).slice(0, 40), icon, provider });
    tell();
  });
  page.dispatchEvent(new Event('eip6963:requestProvider'));
  tell();
}

/** Asks for the wallet's accounts; without `ask`, only for those that it gives without asking. */
export async function accounts({ provider }, ask) {
  return provider.request({ method: ask ? 'eth_requestAccounts' : 'eth_accounts' });
}

/** The number of the network that the wallet is on. */
export async function network({ provider }) {
  return Number(await provider.request({ method: 'eth_chainId' }));
}

/** Moves the wallet to a network, which it is told of if it does not know it. */
export async function moveTo({ provider }, { chainId, chainName, rpcUrls, currency, explorerUrls }) {
  const id = `0x${chainId.toString(16)}`;
  const move = () => provider.request({ method: 'wallet_switchEthereumChain', params: [{ chainId: id }] });
  try {
    await move();
  } catch (error) {
    // Some wallets wrap what the standard asks for.
    const code = error?.data?.originalError?.code ?? error?.code;
    if (code !== UNKNOWN_NETWORK) throw error;
    const nativeCurrency = currency ?? { name: 'Ether', symbol: 'ETH', decimals: 18 };
    const added = { chainId: id, chainName, rpcUrls, nativeCurrency };
    if (explorerUrls?.length) added.blockExplorerUrls = explorerUrls;
    await provider.request({ method: 'wallet_addEthereumChain', params: [added] });
    // Adding need not mean moving.
    await move();
  }
}
