/** Generated people, groups, certificates and credentials for the console's fixture server. */
import type {
  ApiKeyView,
  AuthorityView,
  CertificateEntry,
  CertificateSummary,
  GroupView,
  ProviderView,
  SecurityView,
  ServiceAccountView,
  SessionView,
  UserView,
} from '#web-api';
import { certificate, iso, members, uuidOf } from './console-data.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
export const ORGANIZATION = uuidOf(1, 1);

export function groups(nowMs: number): GroupView[] {
  const group = (index: number, name: string, over: Partial<GroupView> = {}): GroupView => ({
    id: uuidOf(8, index),
    organization_id: ORGANIZATION,
    name,
    description: null,
    created_at: iso(nowMs - index * DAY_MS),
    device_count: 0,
    member_count: 0,
    ...over,
  });
  return [
    group(1, 'Floor one', { description: 'Tills and cameras of the ground floor', member_count: 1 }),
    group(2, 'Cold storage'),
  ];
}

export function users(nowMs: number): UserView[] {
  const [ada, jonas] = members(nowMs);
  if (ada === undefined || jonas === undefined) throw new Error('the fixture has no members');
  const acme = { organization_id: ORGANIZATION, name: 'Acme Retail' };
  const nordwind = { organization_id: uuidOf(1, 2), name: 'Nordwind Energy' };
  const user = (from: typeof ada, over: Partial<UserView>): UserView => ({
    id: from.user_id,
    email: from.email,
    name: from.name,
    is_system_admin: false,
    disabled: false,
    identity_provider: null,
    created_at: from.created_at,
    last_login_at: from.last_login_at,
    organizations: [],
    ...over,
  });
  return [
    user(ada, { is_system_admin: true }),
    user(jonas, {
      identity_provider: 'https://login.acme.example/realms/edge',
      organizations: [
        { ...acme, role: 'operator' },
        { ...nordwind, role: 'auditor' },
      ],
    }),
    user(jonas, {
      id: uuidOf(2, 3),
      email: 'former@acme.example',
      name: 'Mira Former',
      disabled: true,
      organizations: [{ ...acme, role: 'org_member' }],
    }),
  ];
}

export const security = (nowMs: number): SecurityView => ({
  version: 4,
  require_totp: false,
  session_idle_minutes: 30,
  allowed_networks: ['203.0.113.0/24', '2001:db8::/32'],
  enrollment_approval: 'unknown_hardware',
  max_api_key_days: 90,
  updated_at: iso(nowMs - 3 * DAY_MS),
  updated_by: 'person:ada@acme.example',
});

export function sessions(nowMs: number): SessionView[] {
  const session = (index: number, agent: string | null, isCurrent: boolean): SessionView => ({
    id: uuidOf(10, index),
    is_current: isCurrent,
    ip_address: `192.0.2.${index}`,
    user_agent: agent,
    created_at: iso(nowMs - index * 5 * 60 * MINUTE_MS),
    last_used_at: iso(nowMs - index * 7 * MINUTE_MS),
    expires_at: iso(nowMs + 8 * 60 * MINUTE_MS),
  });
  const chrome = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36';
  return [
    session(1, chrome, true),
    session(2, 'Mozilla/5.0 (Windows NT 10.0; rv:144.0) Gecko/20100101 Firefox/144.0', false),
    session(3, null, false),
  ];
}

export function apiKeys(nowMs: number): ApiKeyView[] {
  const key = (index: number, over: Partial<ApiKeyView>): ApiKeyView => ({
    id: uuidOf(11, index),
    name: `key ${index}`,
    prefix: `ock_${(index * 99_991).toString(36)}`,
    scopes: ['device.read'],
    state: 'live',
    created_at: iso(nowMs - 20 * DAY_MS),
    created_by: 'ada@acme.example',
    expires_at: iso(nowMs + 70 * DAY_MS),
    last_used_at: iso(nowMs - 3 * MINUTE_MS),
    last_used_ip: '192.0.2.9',
    ...over,
  });
  return [
    key(1, { name: 'Nightly export', scopes: ['device.read', 'telemetry.read', 'audit.read', 'log.read'] }),
    key(2, { name: 'Old script', state: 'expired', expires_at: iso(nowMs - DAY_MS), last_used_at: null }),
    key(3, { name: 'Lost laptop', state: 'revoked' }),
  ];
}

export const serviceAccounts = (nowMs: number): ServiceAccountView[] => [
  {
    id: uuidOf(12, 1),
    organization_id: ORGANIZATION,
    name: 'ci',
    role: 'operator',
    created_at: iso(nowMs - 9 * DAY_MS),
    created_by: 'ada@acme.example',
    key_count: 1,
    last_used_at: iso(nowMs - 2 * MINUTE_MS),
  },
];

export function certificates(nowMs: number): CertificateEntry[] {
  const entry = (index: number, days: number, over: Partial<CertificateEntry> = {}): CertificateEntry => ({
    ...certificate(index, nowMs, 'active'),
    kind: 'device',
    organization_id: ORGANIZATION,
    device_id: uuidOf(3, index),
    integrator_id: null,
    holder: `berlin-store-${String(index).padStart(4, '0')}`,
    authority_id: 'ca',
    not_after: iso(nowMs + days * DAY_MS),
    ...over,
  });
  return [
    entry(0, 0.5),
    entry(1, 5),
    entry(4, 25),
    entry(11, 200, { kind: 'integrator', device_id: null, integrator_id: uuidOf(5, 1), holder: 'grafana' }),
    entry(12, 40, { state: 'revoked', revoked_at: iso(nowMs - DAY_MS), revocation_reason: 'stolen' }),
  ];
}

export function certificateSummary(nowMs: number): CertificateSummary {
  const own = (holder: string, kind: CertificateEntry['kind'], days: number): CertificateEntry => ({
    ...certificate(days, nowMs, 'active'),
    ...{ kind, holder, organization_id: null, device_id: null, integrator_id: null, authority_id: 'ca' },
    not_after: iso(nowMs + days * DAY_MS),
  });
  return {
    ...{ expired: 0, within_day: 1, within_week: 12, within_month: 80, later: 147, revoked: 6 },
    installation: {
      certificates: [
        own('Root of this installation', 'ca', 3600),
        own('Issuing authority', 'ca', 1800),
        own('edge.acme.example', 'server', 60),
      ],
      revocation_lists: [
        {
          authority_id: 'ca',
          this_update: iso(nowMs - 20 * MINUTE_MS),
          next_update: iso(nowMs + DAY_MS),
          is_worn: false,
        },
      ],
    },
  };
}

export const authorities = (nowMs: number): AuthorityView[] => [
  {
    id: 'ca',
    state: 'active',
    subject: 'CN=Issuing authority',
    fingerprint_sha256: 'ab'.repeat(32),
    root_fingerprint_sha256: 'cd'.repeat(32),
    not_before: iso(nowMs - 30 * DAY_MS),
    not_after: iso(nowMs + 1800 * DAY_MS),
    root_not_after: iso(nowMs + 3600 * DAY_MS),
    serves: true,
    activate_at: iso(nowMs - 30 * DAY_MS),
    serve_at: iso(nowMs - 30 * DAY_MS),
    created_at: iso(nowMs - 30 * DAY_MS),
    created_by: null,
    activated_at: iso(nowMs - 30 * DAY_MS),
    served_at: iso(nowMs - 30 * DAY_MS),
    retired_at: null,
    certificates: 240,
    connected_devices: 12,
    informed_devices: 12,
  },
];

export const provider = (nowMs: number): ProviderView => ({
  configured: true,
  issuer: 'https://login.acme.example/realms/edge',
  client_id: 'ops-center-edge',
  callback_url: 'https://edge.acme.example/api/v1/auth/oidc/callback',
  backchannel_logout_url: 'https://edge.acme.example/api/v1/auth/oidc/backchannel-logout',
  reachable: true,
  checked_at: iso(nowMs - 2 * MINUTE_MS),
  last_error: null,
  audience: null,
  roles: [
    { theirs: 'edge-admin', ours: 'org_admin' },
    { theirs: 'edge-operator', ours: 'operator' },
  ],
  default_role: null,
  system_admin_role: 'edge-system-admin',
  organization_claim: 'organization',
  groups_claim: 'groups',
  creates_organizations: false,
  links_by_email: false,
});
