// Starts the page: reads which deployment it is for, and ties what people do to what the app does.

import { App, objection } from './app.js';
import { render, fail } from './view.js';
import { amountOf } from './words.js';

const at = (id) => document.getElementById(id);

/** The deployment, from the file next to the page: so one build serves them all. */
async function configuration() {
  let response;
  try {
    response = await fetch('./config.json', { cache: 'no-store' });
  } catch {
    throw new Error('This page can’t be read whole: its server does not answer.');
  }
  let config;
  try {
    config = response.ok ? await response.json() : undefined;
  } catch {
    // Said below.
  }
  for (const name of ['chainId', 'chainName', 'rpcUrls', 'lane', 'gateway', 'token', 'example']) {
    if (!config?.[name]) throw new Error(`This page is not set up: config.json next to it has no “${name}”. See its README.`);
  }
  return config;
}

/** Says why a field can't be used, next to it. */
function complain(field, wrong) {
  const words = at(`${field.id}-wrong`);
  words.textContent = wrong ?? '';
  words.hidden = !wrong;
  if (wrong) field.setAttribute('aria-invalid', 'true');
  else field.removeAttribute('aria-invalid');
  return Boolean(wrong);
}

function asked(app, event) {
  event.preventDefault();
  const [message, budget] = [at('message'), at('budget')];
  const amount = amountOf(budget.value);
  const text = message.value.trim();
  const wrong = [
    complain(message, text === '' ? 'Write what the cow shall say.' : undefined) && message,
    complain(budget, objection(amount, app.state.funds)) && budget,
  ].find(Boolean);
  if (wrong) wrong.focus();
  else app.ask(text, amount);
}

try {
  const app = new App(await configuration(), render);
  at('ask').addEventListener('submit', (event) => asked(app, event));
  at('move-button').addEventListener('click', () => app.move());
  at('withdraw').addEventListener('click', () => app.withdraw());
  at('retry').addEventListener('click', () => app.retry());
  at('read').addEventListener('click', () => app.read());
  at('again').addEventListener('click', () => {
    app.forget();
    at('message').focus();
  });
  await app.resume();
} catch (error) {
  fail(error.message);
}
