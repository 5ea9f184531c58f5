// How it looks: everything on the page from the app's state, again whenever that changes.

import { lp, short } from './words.js';

const at = (id) => document.getElementById(id);

const BUSY = {
  connect: 'Waiting for your wallet…',
  move: 'Waiting for your wallet…',
  permit: 'Sign the permit in your wallet…',
  approve: 'Approve the LP in your wallet…',
  send: 'Confirm in your wallet…',
  sent: 'Waiting for a block…',
  withdraw: 'Withdrawing…',
  retry: 'Calling the contract…',
};

/** The page can't be used at all. */
export function fail(why) {
  show('broken', why);
}

/** Everything, from the app's state. */
export function render(app) {
  const { wallet, account, request, problem, busy } = app.state;
  const connected = Boolean(wallet && account);
  const ready = connected && app.onRightNetwork;
  account_(app);
  at('connect').hidden = connected;
  at('move').hidden = !connected || ready;
  at('ask').hidden = !ready || Boolean(request);
  show('problem', problem);
  connect(app);
  move(app);
  form(app);
  progress(request, app.config);
  outcome(app);
  credit(app);
  show('at-network', app.config.chainName);
  show('at-gateway', app.config.gateway);
  show('at-example', app.config.example);
  if (busy) announce(BUSY[busy]);
}

/** A text, or nothing and no place for it. Unchanged texts are not set again: that would have them read out again. */
function show(id, text) {
  const node = at(id);
  if (node.textContent !== (text ?? '')) node.textContent = text ?? '';
  node.hidden = !text;
}

const announce = (text) => {
  if (at('announce').textContent !== text) at('announce').textContent = text;
};

/** A button that waits keeps its place and its focus, and says for what. */
function button(id, app, works, label) {
  const node = at(id);
  const own = works.includes(app.state.busy);
  const text = own ? BUSY[app.state.busy] : label;
  if (node.textContent !== text) node.textContent = text;
  if (app.state.busy) node.setAttribute('aria-disabled', 'true');
  else node.removeAttribute('aria-disabled');
}

function account_({ state: { account, funds } }) {
  show('who', account && (funds ? `${short(account)} · ${lp(funds.lp)}` : short(account)));
}

let listed;
function connect(app) {
  const { wallets, busy } = app.state;
  at('no-wallet').hidden = wallets.length > 0;
  at('some-wallet').hidden = wallets.length === 0;
  at('wallets').hidden = wallets.length === 0;
  // Made anew only when there are others, or the focus would be lost.
  const key = wallets.map(({ id }) => id).join();
  if (listed !== key) {
    listed = key;
    at('wallets').replaceChildren(
      ...wallets.map((wallet) => {
        const image = wallet.icon ? make('img', { src: wallet.icon, alt: '' }) : make('span', { className: 'blank' });
        const choice = make('button', { type: 'button', onclick: () => app.connect(wallet) }, image, wallet.name);
        return make('li', {}, choice);
      }),
    );
  }
  for (const choice of at('wallets').querySelectorAll('button')) {
    choice.toggleAttribute('data-busy', busy === 'connect');
    if (busy) choice.setAttribute('aria-disabled', 'true');
    else choice.removeAttribute('aria-disabled');
  }
}

function move(app) {
  const { chainName, chainId } = app.config;
  show('move-why', `Your wallet is on network ${app.state.network}. The cow’s contract is on ${chainName} (network ${chainId}).`);
  button('move-button', app, ['move'], `Go to ${chainName}`);
}

function form(app) {
  const { funds } = app.state;
  const have = funds ? ` You have ${lp(funds.lp)}.` : '';
  show('budget-hint', `The most that the answer may cost. What it does not cost comes back.${have}`);
  button('ask-button', app, ['permit', 'approve', 'send', 'sent'], 'Ask');
}

// -- A request ------------------------------------------------------------------------------------------------------------

function progress(request, config) {
  at('progress').hidden = !request;
  if (!request) return;
  show('progress-title', `“${request.message.length > 60 ? `${request.message.slice(0, 60)}…` : request.message}”`);
  const steps = stepsOf(request, config);
  const nodes = at('steps').children;
  if (nodes.length !== steps.length) at('steps').replaceChildren(...steps.map(() => make('li', {}, make('b'), make('span'))));
  steps.forEach(({ state, title, detail }, index) => {
    const node = nodes[index];
    node.dataset.state = state;
    if (state === 'now') node.setAttribute('aria-current', 'step');
    else node.removeAttribute('aria-current');
    const [head, text] = node.children;
    if (head.textContent !== title) head.textContent = title;
    if (text.textContent !== (detail ?? '')) text.textContent = detail ?? '';
  });
  const current = steps.find(({ state }) => state === 'now');
  announce(current ? `${current.title}. ${current.detail ?? ''}` : steps.at(-1).title);
  show('trouble', request.trouble);
}

/** Requested, taken up, running, answered. Without a node to ask, what is between the first and the last can't be told apart. */
export function stepsOf(request, { node }) {
  const { answer, standing } = request;
  const job = standing?.job;
  const requested = { state: 'done', title: 'Requested', detail: `Request ${request.id}, in block ${request.block}` };
  const end = ending(answer);
  if (!node) {
    return [requested, { state: answer ? 'done' : 'now', title: 'At the market', detail: answer ? '' : 'A job, and then its answer' }, end];
  }
  const taken = Boolean(job) || answer?.deal > 0n;
  const refused = !taken && (standing?.decided || (answer && answer.status !== 0));
  const running = ['running', 'submitted', 'disputed', 'ended'].includes(job?.status);
  const provider = job?.deal?.provider;
  return [
    requested,
    {
      title: 'Taken up',
      state: refused ? 'skipped' : taken || answer ? 'done' : 'now',
      detail: job ? `Job ${job.job} at the market` : refused ? refusal(answer) : answer ? '' : 'Once its block is final, relayers tell the market of it',
    },
    {
      title: 'Running',
      state: refused ? 'skipped' : answer ? 'done' : taken ? 'now' : 'todo',
      detail: answer || refused ? '' : taken ? stage(job, provider) : '',
    },
    running && !answer ? { ...end, detail: job.status === 'ended' ? 'Its answer is on the way' : '' } : end,
  ];
}

/** Of a request that was taken back, nobody knows what the market did about it. */
const refusal = (answer) => (answer?.state === 'exited' ? 'Nobody knows' : 'The market did not take it');

function stage(job, provider) {
  if (job?.status === 'waiting') return 'Waiting for a machine that is free';
  const where = provider ? ` at ${short(provider)}` : '';
  if (job?.status === 'matched') return `A machine has it${where}`;
  if (job?.status === 'running') return `It runs${where}`;
  if (job?.status === 'submitted') return `It ran${where}; the result is sealed until it can be judged`;
  if (job?.status === 'disputed') return 'Mediators run it again';
  return 'It ran';
}

function ending(answer) {
  if (!answer) return { state: 'todo', title: 'Answered', detail: '' };
  if (answer.state === 'exited') return { state: 'failed', title: 'Taken back', detail: 'The bridge was dead, and the budget came back' };
  const failed = answer.status !== 0 || answer.state === 'callbackFailed';
  return { state: failed ? 'failed' : 'done', title: 'Answered', detail: `In transaction ${short(answer.hash)}` };
}

function outcome(app) {
  const { request } = app.state;
  const answer = request?.answer;
  at('outcome').hidden = !answer;
  if (!answer) return;
  const { title, words } = verdict(answer, request.output);
  show('outcome-title', title);
  show('outcome-words', words);
  output(request.output, answer);
  facts(request);
  button('retry', app, ['retry'], 'Call the contract again');
  at('retry').hidden = answer.state !== 'callbackFailed';
  button('read', app, [], 'Fetch it again');
  at('read').hidden = !['forged', 'unavailable'].includes(request.output?.state);
  button('again', app, [], 'Ask something else');
}

function verdict({ state, status, words, exitCode, expired }, output) {
  if (state === 'exited') return { title: 'Taken back', words: 'Nothing was heard of the market for so long that the budget was given back.' };
  const money = 'What it did not cost is yours to withdraw.';
  if (expired) return { title: 'Too late', words: 'The request expired: it reached the market after its time. All of the budget is yours to withdraw.' };
  if (status !== 0) return { title: 'The cow stays silent', words: `The job failed: ${words}. ${money}` };
  if (state === 'callbackFailed') {
    return { title: 'The cow spoke to deaf ears', words: 'There is an answer, and the contract refused it. Nothing is lost: anybody can have it called again.' };
  }
  if (exitCode !== 0) return { title: 'The cow stumbled', words: `The program ended with exit code ${exitCode}.` };
  return { title: output?.state === 'verified' ? 'The cow says' : 'The cow has spoken', words: '' };
}

function proof(found, root) {
  switch (found?.state) {
    case 'loading':
      return 'Fetching what it said…';
    case 'verified':
      return `Verified: its BLAKE3 root is ${short(root)}, as the contract has stored it. Served by ${found.server}.`;
    case 'forged':
      return `What was served is not what the contract stored, so it is not shown: ${found.why}.`;
    case 'unavailable':
      return `It can’t be fetched now: ${found.why}. The root that the contract stored, ${short(root)}, fetches it anywhere.`;
    default:
      return undefined;
  }
}

function output(found, { root }) {
  const said = proof(found, root);
  at('output').hidden = !said;
  at('output-text').hidden = found?.state !== 'verified';
  const text = found?.text ?? '';
  if (at('output-text').textContent !== text) at('output-text').textContent = text;
  show('output-proof', said);
  at('output-proof').classList.toggle('wrong', found?.state === 'forged');
}

function facts({ answer, took }) {
  const rows = [];
  if (answer.cost !== undefined) rows.push(['Cost', lp(answer.cost)], ['Comes back', lp(answer.refund)]);
  if (answer.deal) rows.push(['Deal', String(answer.deal)]);
  if (took) rows.push(['Took', `${Math.round(took / 1000)} s`]);
  if (answer.root && BigInt(answer.root) !== 0n) rows.push(['Root', answer.root]);
  const key = JSON.stringify(rows);
  if (at('facts').dataset.key === key) return;
  at('facts').dataset.key = key;
  at('facts').replaceChildren(
    ...rows.flatMap(([name, value]) => [
      make('dt', {}, name),
      make('dd', { className: name === 'Root' ? 'hash' : '' }, value),
    ]),
  );
}

function credit(app) {
  const waits = app.onRightNetwork ? (app.state.funds?.credit ?? 0n) : 0n;
  at('credit').hidden = waits === 0n;
  show('credit-words', waits ? `${lp(waits)} came back and wait for you at the gateway.` : undefined);
  button('withdraw', app, ['withdraw'], 'Withdraw');
}

function make(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}
