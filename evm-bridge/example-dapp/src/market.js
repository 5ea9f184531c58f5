// Where a request stands on the market's own chain, from one of its nodes. Only for showing progress: what counts is the gateway.

const TIMEOUT = 5_000;

/**
 * What a node says about a request: `{ decided, job }`, with `job` as `lilypad_job` answers, or null while it is not decided, and if it
 * was refused. Resolves with nothing when the node can't be asked, for progress is no reason to fail.
 */
export async function standing(node, lane, request) {
  try {
    const response = await fetch(node, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'lilypad_request', params: [Number(lane), Number(request)] }),
      signal: AbortSignal.timeout(TIMEOUT),
      credentials: 'omit',
    });
    const { result } = await response.json();
    return result ?? undefined;
  } catch {
    return undefined;
  }
}
