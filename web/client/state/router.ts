/** Addresses of the console: which page, with which parameters and query. */
import { createStore, type Readable } from './store.ts';

export const PAGES = {
  login: '/login',
  devices: '/admin/edge/devices',
  device: '/admin/edge/devices/:device_id',
  tokens: '/admin/edge/tokens',
  integrators: '/admin/edge/integrators',
  organization: '/admin/organizations/:organization_id',
  audit: '/admin/audit',
} as const;
export type PageName = keyof typeof PAGES | 'not-found';
export const HOME_PATH = PAGES.devices;

export interface Location {
  readonly page: PageName;
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly search: URLSearchParams;
}

export interface Router extends Readable<Location> {
  go(address: string, options?: { replace?: boolean }): void;
  start(): void;
}

const PATTERNS = (Object.keys(PAGES) as (keyof typeof PAGES)[]).map((page) => ({
  page,
  expression: new RegExp(
    `^${PAGES[page].replaceAll(/:([a-z_]+)/g, (_, name: string) => `(?<${name}>[^/]+)`)}/?$`,
  ),
}));

/** Pure; `/` and `/admin` are the device list. */
export function locate(path: string, search: string): Location {
  const query = new URLSearchParams(search);
  const asked = path === '/' || path === '/admin' || path === '/admin/' ? HOME_PATH : path;
  for (const { page, expression } of PATTERNS) {
    const match = expression.exec(asked);
    if (match !== null) return { page, path: asked, params: { ...match.groups }, search: query };
  }
  return { page: 'not-found', path, params: {}, search: query };
}

/** Where to go after sign-in: only an own path, never another site. Pure. */
export function returnPath(search: URLSearchParams): string {
  const next = search.get('next');
  return next !== null && /^\/(?![/\\])/.test(next) && !next.startsWith(PAGES.login) ? next : HOME_PATH;
}

export function createRouter(window: Window): Router {
  const read = () => locate(window.location.pathname, window.location.search);
  const location = createStore<Location>(read());

  function go(address: string, options: { replace?: boolean } = {}) {
    const target = new URL(address, window.location.href);
    if (target.href === window.location.href) return;
    if (options.replace) window.history.replaceState(null, '', target);
    else window.history.pushState(null, '', target);
    location.set(locate(target.pathname, target.search));
  }

  /** Plain clicks on own links stay in the page; new tabs, downloads and API links are the browser's. */
  function follow(event: MouseEvent) {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.composedPath().find((node) => node instanceof HTMLAnchorElement);
    if (link === undefined || link.target !== '' || link.hasAttribute('download')) return;
    const target = new URL(link.href, window.location.href);
    if (target.origin !== window.location.origin) return;
    if (target.hash !== '' && target.pathname === window.location.pathname) return;
    if (locate(target.pathname, '').page === 'not-found') return;
    event.preventDefault();
    go(target.pathname + target.search);
    window.scrollTo(0, 0);
  }

  return {
    ...location,
    go,
    start() {
      window.document.addEventListener('click', follow);
      window.addEventListener('popstate', () => location.set(read()));
    },
  };
}
