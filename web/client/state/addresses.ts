/** Addresses of the console: which page, with which parameters and query. Pure. */

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
