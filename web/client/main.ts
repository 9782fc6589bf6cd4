/** Starts the console: makes every part once, hands them to the shell. */
import { createApi } from './data/api.ts';
import { createLive } from './data/live.ts';
import { ConsoleShell } from './shell.ts';
import { createClock } from './state/clock.ts';
import type { ConsoleContext } from './state/context.ts';
import { createNotices } from './state/notices.ts';
import { createOrganizationChoice } from './state/organization-choice.ts';
import { createRouter } from './state/router.ts';
import { createSession } from './state/session.ts';
import { createTheme } from './state/theme.ts';

/** A tab that is only passed through keeps its stream. */
const HIDDEN_PAUSE_MS = 30_000;

const api = createApi({
  fetch: (...request) => fetch(...request),
  csrfToken: () => session.csrfToken(),
  onSignedOut: () => session.ended(),
  onReachable: (isReachable) => {
    if (isReachable) live.retry();
  },
});
const session = createSession(
  () => api,
  (address) => location.assign(address),
);
const openStream = (address: string) => new EventSource(address);
const live = createLive({
  open: openStream,
  random: Math.random,
  // A session that is over ends the stream too; asking who is signed in tells the two apart.
  onFailed: () => {
    if (session.get().kind === 'in') void api.call('auth.me').catch(() => undefined);
  },
});
const context: ConsoleContext = {
  api,
  live,
  session,
  router: createRouter(window),
  organization: createOrganizationChoice(localStorage),
  notices: createNotices(),
  theme: createTheme(localStorage, document.documentElement),
  clock: createClock(() => Date.now(), document),
  openStream,
};

context.router.start();
context.clock.start();
window.addEventListener('online', () => live.retry());
document.addEventListener('visibilitychange', followVisibility);
void session.refresh();

customElements.define('oc-console', ConsoleShell);
const shell = document.querySelector('oc-console');
if (shell !== null) {
  // Menus and dialogs are not needed for the first picture, and would take its bandwidth.
  shell.addEventListener('oc-page-shown', () => void loadComponents(), { once: true });
  shell.context = context;
}

/** Icons first: the library's own default would ask a CDN. */
async function loadComponents() {
  const { installTrustedTypes, registerIcons } = await import('./components/icon-library.ts');
  installTrustedTypes(window);
  registerIcons();
  await import('./components/webawesome.ts');
}

let hidden: ReturnType<typeof setTimeout> | undefined;
function followVisibility() {
  clearTimeout(hidden);
  if (document.visibilityState === 'hidden') hidden = setTimeout(() => live.pause(), HIDDEN_PAUSE_MS);
  else live.resume();
}
