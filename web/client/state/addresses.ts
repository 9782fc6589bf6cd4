/** Addresses of the console: which page, with which parameters and query. Pure. */

export const PAGES = {
  login: '/login',
  dashboard: '/admin/edge/dashboard',
  devices: '/admin/edge/devices',
  device: '/admin/edge/devices/:device_id',
  tokens: '/admin/edge/tokens',
  approvals: '/admin/edge/approvals',
  integrators: '/admin/edge/integrators',
  certificates: '/admin/edge/certificates',
  organization: '/admin/organizations/:organization_id',
  users: '/admin/users',
  'service-accounts': '/admin/service-accounts/:organization_id',
  account: '/admin/account',
  audit: '/admin/audit',
  'dead-letters': '/admin/edge/dead-letters',
} as const;
/** Views of one device, each with an address of its own; the overview has none behind the device's. */
export const DEVICE_TABS = ['overview', 'metrics', 'logs'] as const;
export type DeviceTab = (typeof DEVICE_TABS)[number];
/** Views of one organisation, likewise. */
export const ORGANIZATION_TABS = ['overview', 'people', 'groups', 'security', 'secrets'] as const;
export type OrganizationTab = (typeof ORGANIZATION_TABS)[number];
export type PageName = keyof typeof PAGES | 'not-found';
export const HOME_PATH = PAGES.devices;
const ALIASES: Readonly<Record<string, string>> = {
  '': HOME_PATH,
  '/admin': HOME_PATH,
  '/admin/edge': PAGES.dashboard,
};

export interface Location {
  readonly page: PageName;
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly search: URLSearchParams;
}

/** The views that have an address behind that of their page, as part of an expression. */
function tabsOf(page: keyof typeof PAGES): string {
  if (page === 'device') return '(?:/(?<tab>metrics|logs))?';
  return page === 'organization' ? '(?:/(?<tab>people|groups|security|secrets))?' : '';
}

const PATTERNS = (Object.keys(PAGES) as (keyof typeof PAGES)[]).map((page) => ({
  page,
  expression: new RegExp(
    `^${PAGES[page].replaceAll(/:([a-z_]+)/g, (_, name: string) => `(?<${name}>[^/]+)`)}${tabsOf(page)}/?$`,
  ),
}));

export const devicePath = (deviceId: string): string => PAGES.device.replace(':device_id', deviceId);
export const deviceTabPath = (deviceId: string, tab: DeviceTab): string =>
  tab === 'overview' ? devicePath(deviceId) : `${devicePath(deviceId)}/${tab}`;
export const deviceTabOf = (location: Location): DeviceTab =>
  DEVICE_TABS.find((tab) => tab === location.params.tab) ?? 'overview';

export const organizationTabPath = (organizationId: string, tab: OrganizationTab): string => {
  const path = PAGES.organization.replace(':organization_id', organizationId);
  return tab === 'overview' ? path : `${path}/${tab}`;
};
export const organizationTabOf = (location: Location): OrganizationTab =>
  ORGANIZATION_TABS.find((tab) => tab === location.params.tab) ?? 'overview';

/** Two locations of one key are shown by the same page element. */
export const pageKey = ({ page, params, path }: Location): string =>
  [
    page,
    ...Object.entries(params).flatMap(([name, value]) => (name === 'tab' ? [] : value)),
    page === 'not-found' ? path : '',
  ].join(' ');

/** Pure; `/` and `/admin` are the device list, `/admin/edge` the dashboard. */
export function locate(path: string, search: string): Location {
  const query = new URLSearchParams(search);
  const asked = ALIASES[path.replace(/\/$/, '')] ?? path;
  for (const { page, expression } of PATTERNS) {
    const match = expression.exec(asked);
    if (match === null) continue;
    const params = Object.fromEntries(
      Object.entries(match.groups ?? {}).filter(([, value]) => value !== undefined),
    );
    return { page, path: asked, params, search: query };
  }
  return { page: 'not-found', path, params: {}, search: query };
}

/** Where to go after sign-in: only an own path, never another site. Pure. */
export function returnPath(search: URLSearchParams): string {
  const next = search.get('next');
  return next !== null && /^\/(?![/\\])/.test(next) && !next.startsWith(PAGES.login) ? next : HOME_PATH;
}
