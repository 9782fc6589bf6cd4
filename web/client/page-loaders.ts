/** Which code makes which page; every page is a chunk of its own. */
import type { PageName } from './state/addresses.ts';

export const PAGE_TITLES: Readonly<Record<PageName, string>> = {
  login: 'Sign in',
  dashboard: 'Dashboard',
  devices: 'Devices',
  device: 'Device',
  tokens: 'Enrolment tokens',
  approvals: 'Approvals',
  integrators: 'Integrators',
  certificates: 'Certificates',
  organization: 'Organisation',
  users: 'Users',
  'service-accounts': 'Service accounts',
  account: 'Your account',
  audit: 'Audit log',
  'dead-letters': 'Dead letters',
  'not-found': 'Not found',
};

const LOADERS = {
  login: async () => (await import('./pages/login.ts')).LOGIN_TAG,
  dashboard: async () => (await import('./pages/dashboard.ts')).DASHBOARD_TAG,
  devices: async () => (await import('./pages/devices.ts')).DEVICES_TAG,
  device: async () => (await import('./pages/device.ts')).DEVICE_TAG,
  tokens: async () => (await import('./pages/tokens.ts')).TOKENS_TAG,
  approvals: async () => (await import('./pages/approvals.ts')).APPROVALS_TAG,
  integrators: async () => (await import('./pages/integrators.ts')).INTEGRATORS_TAG,
  certificates: async () => (await import('./pages/certificates.ts')).CERTIFICATES_TAG,
  organization: async () => (await import('./pages/organization.ts')).ORGANIZATION_TAG,
  users: async () => (await import('./pages/users.ts')).USERS_TAG,
  'service-accounts': async () => (await import('./pages/service-accounts.ts')).SERVICE_ACCOUNTS_TAG,
  account: async () => (await import('./pages/account.ts')).ACCOUNT_TAG,
  audit: async () => (await import('./pages/audit.ts')).AUDIT_TAG,
  'dead-letters': async () => (await import('./pages/dead-letters.ts')).DEAD_LETTERS_TAG,
  'not-found': async () => (await import('./pages/not-found.ts')).NOT_FOUND_TAG,
} as const satisfies Record<PageName, () => Promise<string>>;

export type PageTag = Awaited<ReturnType<(typeof LOADERS)[PageName]>>;

/** Rejects when the chunk cannot be fetched. */
export const loadPage = (page: PageName): Promise<PageTag> => LOADERS[page]();
