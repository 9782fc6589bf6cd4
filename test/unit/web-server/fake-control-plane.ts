/** A control plane in memory: one organisation, one device, two people; records what it is asked. */
import { DEFAULT_TELEMETRY } from '#contract';
import {
  AppError,
  type ControlPlane,
  type DeviceCaller,
  type Listed,
  type LiveUpdate,
  type MetricExportRow,
  type Origin,
  type Person,
} from '#control-plane';
import type {
  AuditView,
  Dashboard,
  DeviceView,
  LiveEvent,
  LogView,
  Me,
  MetricTypeView,
  SeriesReply,
} from '#web-api';
import { DEFAULT_RETENTION_DAYS } from '#web-api';

export const ORG = '11111111-1111-4111-8111-111111111111';
export const OTHER_ORG = '22222222-2222-4222-8222-222222222222';
export const DEVICE = '33333333-3333-4333-8333-333333333333';
export const SESSION = 'session-of-ada';
export const CSRF = 'csrf-of-ada';
/** Of the same person, for reading devices alone. */
export const API_KEY = `ock_abcdefghijkl_${'s'.repeat(43)}`;
const KEY_CREDENTIAL = { id: 'key', prefix: 'ock_abcdefghijkl', scopes: new Set(['device.read' as const]) };
export const DEVICE_TOKEN = 'header.payload.signature';
export const SERIAL = '0a1b2c';

export interface FakeControlPlane {
  readonly controlPlane: ControlPlane;
  /** Use case and its arguments after the caller, oldest first. */
  readonly calls: { readonly name: string; readonly arguments: readonly unknown[] }[];
  readonly sessions: Set<string>;
  /** Throws from the next call of the named use case. */
  failures: Map<string, Error>;
  scope: ReadonlySet<string> | null;
  isReady: boolean;
  emit(event: LiveEvent): void;
  /** How sessions were looked at where that was said. */
  readonly looks: { readonly touch?: boolean }[];
  /** Rows of the next export of measurements and of log lines. */
  metricRows: () => AsyncIterable<MetricExportRow>;
  logLines: () => AsyncIterable<LogView>;
  /** Tells everybody who looks at a device. */
  show(update: LiveUpdate): void;
  readonly viewerCount: number;
  readonly listenerCount: number;
}

export function createFakeControlPlane(): FakeControlPlane {
  const listeners = new Set<(event: LiveEvent) => void>();
  const viewers = new Set<(update: LiveUpdate) => void>();
  const fake: FakeControlPlane = {
    metricRows: async function* () {
      yield METRIC_ROW;
    },
    logLines: async function* () {
      yield LOG_LINE;
    },
    show: (update) => {
      for (const viewer of viewers) viewer(update);
    },
    get viewerCount() {
      return viewers.size;
    },
    calls: [],
    looks: [],
    sessions: new Set([SESSION]),
    failures: new Map(),
    scope: new Set([ORG]),
    isReady: true,
    emit: (event) => {
      for (const listener of listeners) listener(event);
    },
    get listenerCount() {
      return listeners.size;
    },
    controlPlane: undefined as unknown as ControlPlane,
  };

  const record =
    <T>(name: string, answer: T) =>
    async (...values: readonly unknown[]): Promise<T> => {
      fake.calls.push({ name, arguments: values });
      const failure = fake.failures.get(name);
      if (failure !== undefined) throw failure;
      return answer;
    };

  const controlPlane: ControlPlane = {
    access: {
      login: async (body, origin) => {
        await record('login', null)(body, origin);
        fake.sessions.add(SESSION);
        return { sessionToken: SESSION, expiresAt: new Date('2026-11-24T06:00:00Z'), me: ME };
      },
      authenticate: async (token, origin, look) => {
        if (look !== undefined) fake.looks.push(look);
        if (!fake.sessions.has(token)) throw new AppError('auth.required');
        return person(origin);
      },
      authenticateAccessToken: async () => {
        throw new AppError('auth.required');
      },
      authenticateKey: async (key, origin) => {
        if (key !== API_KEY) throw new AppError('auth.required');
        return { ...person(origin), apiKey: KEY_CREDENTIAL, csrfToken: '', sessionTokenHash: '' };
      },
      logout: async () => void fake.sessions.clear(),
      me: record('me', ME),
      changePassword: record('changePassword', undefined),
      listOrganizations: record('listOrganizations', emptyPage()),
      createOrganization: record('createOrganization', ORGANIZATION),
      getOrganization: record('getOrganization', ORGANIZATION),
      updateOrganization: record('updateOrganization', ORGANIZATION),
      listMembers: record('listMembers', emptyPage()),
      addMember: record('addMember', MEMBER),
      updateMember: record('updateMember', MEMBER),
      removeMember: record('removeMember', undefined),
    },
    audit: {
      list: record('audit.list', emptyPage()),
      get: record('audit.get', AUDIT_VIEW),
      export: async (...values) => {
        await record('audit.export', undefined)(...values);
        return noRows();
      },
      verify: record('audit.verify', { items: [], next_cursor: null }),
      checkpoints: record('audit.checkpoints', { ...emptyPage(), public_key: null }),
      refuse: async () => undefined,
    },
    oidc: {
      label: null,
      consoleOrigin: null,
      begin: record('begin', {
        url: 'https://idp.example/authorize',
        browserSecret: 'secret-of-browser',
        expiresAt: new Date('2026-11-24T06:00:00Z'),
      }),
      finish: record('finish', {
        sessionToken: SESSION,
        expiresAt: new Date('2026-11-24T06:00:00Z'),
        returnTo: '/admin',
      }),
      backChannelLogout: record('backChannelLogout', undefined),
      logoutUrl: record('logoutUrl', null),
      provider: record('provider', NO_PROVIDER),
    },
    credentials: {
      secondFactor: record('secondFactor', { enabled: false, enabled_at: null, recovery_codes_left: 0 }),
      beginSecondFactor: record('beginSecondFactor', { secret: 'S', otpauth_uri: 'otpauth://totp/x' }),
      confirmSecondFactor: record('confirmSecondFactor', { recovery_codes: ['A'] }),
      renewRecoveryCodes: record('renewRecoveryCodes', { recovery_codes: ['A'] }),
      disableSecondFactor: record('disableSecondFactor', undefined),
      listSessions: record('listSessions', emptyPage()),
      endSession: record('endSession', undefined),
      endOtherSessions: record('endOtherSessions', { ended: 1 }),
      listKeys: record('listKeys', emptyPage()),
      createKey: record('createKey', { ...API_KEY_VIEW, key: API_KEY }),
      revokeKey: record('revokeKey', undefined),
      listServiceAccounts: record('listServiceAccounts', emptyPage()),
      createServiceAccount: record('createServiceAccount', SERVICE_ACCOUNT),
      updateServiceAccount: record('updateServiceAccount', SERVICE_ACCOUNT),
      deleteServiceAccount: record('deleteServiceAccount', undefined),
      listServiceAccountKeys: record('listServiceAccountKeys', emptyPage()),
      createServiceAccountKey: record('createServiceAccountKey', { ...API_KEY_VIEW, key: API_KEY }),
      revokeServiceAccountKey: record('revokeServiceAccountKey', undefined),
    },
    fleet: {
      list: record('list', { items: [DEVICE_VIEW], total: 1, next_cursor: null }),
      summary: record('summary', { total: 1, by_status: { online: 1 }, by_type: { gateway: 1 } }),
      get: record('get', DEVICE_DETAIL),
      update: record('update', DEVICE_VIEW),
      delete: record('delete', undefined),
      revoke: record('revoke', { revoked: 1 }),
      presence: record('presence', emptyPage()),
      import: record('import', { created: 1, unchanged: 0, failed: 0, rows: [] }),
      listRefusals: record('listRefusals', emptyPage()),
      liveFilter: async (...values) => {
        await record('liveFilter', null)(...values);
        const { scope } = fake;
        return (event) => (scope === null || scope.has(event.organization_id) ? event : null);
      },
    },
    people: {
      suspendOrganization: record('suspendOrganization', ORGANIZATION),
      resumeOrganization: record('resumeOrganization', ORGANIZATION),
      deleteOrganization: record('deleteOrganization', ORGANIZATION),
      exportOrganization: async (...values) => {
        await record('exportOrganization', undefined)(...values);
        return (async function* rows() {
          yield { kind: 'organization', name: 'Acme' };
        })();
      },
      security: record('security', SECURITY),
      updateSecurity: record('updateSecurity', SECURITY),
      listUsers: record('listUsers', emptyPage()),
      updateUser: record('updateUser', USER),
      listGroups: record('listGroups', emptyPage()),
      createGroup: record('createGroup', GROUP),
      getGroup: record('getGroup', GROUP),
      updateGroup: record('updateGroup', GROUP),
      deleteGroup: record('deleteGroup', undefined),
      changeGroupDevices: record('changeGroupDevices', { added: 1, removed: 0, device_count: 1 }),
    },
    enrollment: {
      listTokens: record('listTokens', emptyPage()),
      createToken: record('createToken', { ...TOKEN, token: 'secret', install_command: 'curl …' }),
      getToken: record('getToken', TOKEN),
      revokeToken: record('revokeToken', undefined),
      listIntegrators: record('listIntegrators', emptyPage()),
      createIntegrator: record('createIntegrator', INTEGRATOR),
      deleteIntegrator: record('deleteIntegrator', undefined),
      register: record('register', REGISTER_REPLY),
    },
    secrets: {
      list: record('secrets.list', emptyPage()),
      put: record('secrets.put', SECRET),
      delete: record('secrets.delete', undefined),
      check: record('secrets.check', { items: [] }),
      encryption: record('encryption', ENCRYPTION),
      rotate: record('rotate', ENCRYPTION),
      master: record('master', MASTER_KEY),
      rotateMaster: record('rotateMaster', MASTER_KEY),
    },
    approvals: {
      list: record('approvals.list', emptyPage()),
      approve: record('approve', { decided: 0, failed: 0, results: [] }),
      reject: record('reject', { decided: 0, failed: 0, results: [] }),
    },
    claims: {
      getCode: record('getCode', { expires_at: null }),
      createCode: record('createCode', { device_id: DEVICE, code: 'code', expires_at: AT }),
      deleteCode: record('deleteCode', undefined),
      claim: record('claim', DEVICE_VIEW),
    },
    device: {
      authenticateToken: async (jwt, peer, origin) => {
        await record('authenticateToken', null)(jwt, peer);
        if (jwt !== DEVICE_TOKEN) throw new AppError('auth.required');
        return deviceCaller(origin);
      },
      authenticateCertificate: async (serial, _sha256, origin) => {
        await record('authenticateCertificate', null)(serial);
        return deviceCaller(origin);
      },
      heartbeat: record('heartbeat', {
        ack: true as const,
        pending_config: null,
        server_time: '2026-11-23T06:00:00.000Z',
      }),
      config: record('config', { config_version: 0, config_data: {}, sha256: null }),
      metrics: record('metrics', BATCH_REPLY),
      logs: record('logs', BATCH_REPLY),
      events: record('events', BATCH_REPLY),
      telemetry: record('telemetry', DEFAULT_TELEMETRY),
      renew: record('renew', { certificate_chain: 'PEM', expires_at: '2027-01-01T00:00:00.000Z' }),
      issueToken: record('issueToken', {
        auth_token: DEVICE_TOKEN,
        auth_token_expires_at: '2026-11-23T07:00:00.000Z',
      }),
    },
    telemetry: {
      deviceMetrics: record('deviceMetrics', SERIES),
      queryMetrics: record('queryMetrics', SERIES),
      catalogue: record('catalogue', { items: [] }),
      exportMetrics: async (...values) => {
        await record('exportMetrics', null)(...values);
        return fake.metricRows();
      },
      deviceLogs: record('deviceLogs', {
        items: [LOG_LINE],
        older_cursor: null,
        newer_cursor: 'n',
        searched_until: null,
      }),
      searchLogs: record('searchLogs', {
        items: [LOG_LINE],
        older_cursor: null,
        newer_cursor: 'n',
        searched_until: null,
      }),
      logServices: record('logServices', { items: ['vllm'] }),
      exportLogs: async (...values) => {
        await record('exportLogs', null)(...values);
        return fake.logLines();
      },
      mayWatch: record('mayWatch', undefined),
      watch: async (_person, deviceId, query, listener) => {
        await record('watch', null)(deviceId, query);
        viewers.add(listener);
        listener({ kind: 'state', state: 'waiting' });
        return () => void viewers.delete(listener);
      },
      dashboard: record('dashboard', DASHBOARD),
      deadLetters: record('deadLetters', emptyPage()),
      settings: record('settings', SETTINGS),
      updateSettings: record('updateSettings', SETTINGS),
      testRedaction: record('testRedaction', { text: '', hits: [], micros: 1 }),
      metricTypes: record('metricTypes', { items: [METRIC_TYPE] }),
      putMetricType: record('putMetricType', METRIC_TYPE),
      deleteMetricType: record('deleteMetricType', undefined),
    },
    certificates: {
      list: record('listCertificates', emptyPage()),
      summary: record('certificateSummary', {
        expired: 0,
        within_day: 0,
        within_week: 0,
        within_month: 0,
        later: 1,
        revoked: 0,
        installation: null,
      }),
      revoke: record('revokeCertificate', undefined),
      listAuthorities: record('listAuthorities', { items: [] }),
      rollover: record('rollover', AUTHORITY),
      retire: record('retireAuthority', AUTHORITY),
    },
    material: { rootCertificates: () => 'ROOT PEM\n', crl: async () => 'CRL PEM\n' },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    ready: async () => {
      if (!fake.isReady) throw new AppError('service.unavailable');
    },
    stop: async () => undefined,
  };
  return Object.assign(fake, { controlPlane });
}

const AUTHORITY = {
  id: 'ca-0123abcd',
  state: 'next' as const,
  subject: 'O=Ops-Center Edge, CN=Ops-Center Edge issuing CA 0123abcd',
  fingerprint_sha256: 'ab'.repeat(32),
  root_fingerprint_sha256: 'cd'.repeat(32),
  not_before: '2026-11-23T06:00:00.000Z',
  not_after: '2031-11-23T06:00:00.000Z',
  root_not_after: '2036-11-23T06:00:00.000Z',
  serves: false,
  activate_at: '2026-11-23T06:01:00.000Z',
  serve_at: '2026-12-07T06:00:00.000Z',
  created_at: '2026-11-23T06:00:00.000Z',
  created_by: 'root@example.com',
  activated_at: null,
  served_at: null,
  retired_at: null,
  certificates: 0,
  connected_devices: 0,
  informed_devices: 0,
};

const SECRET = {
  name: 'DB_PASSWORD',
  provider: 'builtin' as const,
  version: 1,
  path: null,
  field: null,
  updated_at: '2026-11-23T06:00:00Z',
  updated_by: 'ada@example.com',
  last_resolved_at: null,
  last_error: null,
};
const ENCRYPTION = { keys: [], rotation: null, secret_providers: ['builtin' as const] };
const MASTER_KEY = {
  provider: 'local' as const,
  generation: 1,
  rotated_at: null,
  rotated_by: null,
  rotation: null,
};

const NO_PROVIDER = {
  configured: false,
  issuer: null,
  client_id: null,
  callback_url: null,
  backchannel_logout_url: null,
  reachable: false,
  checked_at: null,
  last_error: null,
  audience: null,
  roles: [],
  default_role: null,
  system_admin_role: null,
  organization_claim: null,
  groups_claim: null,
  creates_organizations: false,
  links_by_email: false,
};

const AT = '2026-11-23T06:00:00.000Z';

const emptyPage = (): Listed<never> => ({ items: [], total: 0, next_cursor: null });

const person = (origin: Origin): Person => ({
  kind: 'person',
  userId: '44444444-4444-4444-8444-444444444444',
  email: 'ada@example.com',
  isSystemAdmin: false,
  mustChangePassword: false,
  mustEnrollTotp: false,
  roles: new Map([[ORG, 'org_admin']]),
  groups: new Map(),
  barred: new Map(),
  apiKey: null,
  csrfToken: CSRF,
  sessionTokenHash: 'hash-of-session',
  origin,
});

const deviceCaller = (origin: Origin): DeviceCaller => ({
  kind: 'device',
  deviceId: DEVICE,
  orgId: ORG,
  orgSlug: 'acme',
  certificateSerial: SERIAL,
  origin,
});

const ME: Me = {
  user_id: '44444444-4444-4444-8444-444444444444',
  email: 'ada@example.com',
  name: 'Ada',
  is_system_admin: false,
  must_change_password: false,
  has_password: true,
  has_second_factor: false,
  must_enroll_second_factor: false,
  csrf_token: CSRF,
  session_expires_at: '2026-11-24T06:00:00.000Z',
  actions: [],
  memberships: [],
};

const ORGANIZATION = {
  id: ORG,
  slug: 'acme',
  name: 'Acme',
  created_at: '2026-11-23T06:00:00.000Z',
  device_count: 1,
  state: 'active' as const,
  suspended_at: null,
  suspension_reason: null,
  delete_after: null,
};

const SECURITY = {
  version: 1,
  require_totp: false,
  session_idle_minutes: null,
  allowed_networks: [],
  enrollment_approval: 'never' as const,
  max_api_key_days: null,
  updated_at: null,
  updated_by: null,
};

const USER = {
  id: '44444444-4444-4444-8444-444444444444',
  email: 'ada@example.com',
  name: 'Ada',
  is_system_admin: false,
  disabled: false,
  identity_provider: null,
  created_at: '2026-11-23T06:00:00.000Z',
  last_login_at: null,
  organizations: [],
};

const GROUP = {
  id: '77777777-7777-4777-8777-777777777777',
  organization_id: ORG,
  name: 'line 3',
  description: null,
  created_at: '2026-11-23T06:00:00.000Z',
  device_count: 1,
  member_count: 0,
};

const API_KEY_VIEW = {
  id: '77777777-7777-4777-8777-777777777777',
  name: 'ci',
  prefix: 'ock_abcdefghijkl',
  scopes: ['device.read'],
  state: 'live' as const,
  created_at: '2026-11-23T06:00:00.000Z',
  created_by: null,
  expires_at: '2026-12-23T06:00:00.000Z',
  last_used_at: null,
  last_used_ip: null,
};

const SERVICE_ACCOUNT = {
  id: '88888888-8888-4888-8888-888888888888',
  organization_id: ORG,
  name: 'ci',
  role: 'operator' as const,
  created_at: '2026-11-23T06:00:00.000Z',
  created_by: null,
  key_count: 0,
  last_used_at: null,
};

const MEMBER = {
  user_id: '44444444-4444-4444-8444-444444444444',
  email: 'ada@example.com',
  name: 'Ada',
  role: 'org_admin' as const,
  group_ids: null,
  disabled: false,
  created_at: '2026-11-23T06:00:00.000Z',
  last_login_at: null,
};

const DEVICE_VIEW: DeviceView = {
  id: DEVICE,
  organization_id: ORG,
  organization_slug: 'acme',
  device_name: 'line-3-gateway',
  device_type: 'gateway',
  hardware_id: 'b7f0c2d49c1e4f0f',
  status: 'online',
  intent: 'active',
  observation: 'online',
  last_seen: '2026-11-23T06:00:00.000Z',
  firmware_version: '2.1.0',
  agent_version: null,
  ip_address: null,
  tags: [],
  created_at: '2026-11-23T06:00:00.000Z',
  updated_at: '2026-11-23T06:00:00.000Z',
};

const DEVICE_DETAIL = {
  ...DEVICE_VIEW,
  facts: { hostname: 'gw', cpu_cores: 4 },
  metadata: { rack: { row: 4 } },
  uptime_seconds: 60,
  services: [],
  metrics: { cpu_percent: 12.5 },
  session_epoch: null,
  observation_since: null,
  last_goodbye_reason: null,
  outbox: null,
  clock_skew_ms: null,
  current_config: { config_version: 0, config_data: { any: ['thing'] }, applied_at: null },
  recent_metrics: [{ timestamp: '2026-11-23T06:00:00.000Z', metric_type: 'cpu', value: { percent: 1 } }],
  certificates: [],
  groups: [],
};

const TOKEN = {
  id: '55555555-5555-4555-8555-555555555555',
  organization_id: ORG,
  prefix: 'edge_rt_ab',
  name: '',
  device_type: null,
  tags: [],
  max_uses: 1,
  uses: 0,
  state: 'live' as const,
  expires_at: '2026-11-24T06:00:00.000Z',
  created_at: '2026-11-23T06:00:00.000Z',
  created_by: null,
  replaces_device_id: null,
  requires_approval: false,
  allowed_networks: [],
  hardware_id: null,
  group_ids: [],
  last_device: null,
};

const INTEGRATOR = {
  id: '66666666-6666-4666-8666-666666666666',
  organization_id: ORG,
  name: 'historian',
  client_id: 'acme/integrations/historian',
  created_at: '2026-11-23T06:00:00.000Z',
  certificates: [],
  certificate_chain: 'PEM',
  ca_certificate: 'PEM',
  mqtt_url: 'mqtts://edge.example:8883',
  topic_filter: 'edge/v1/acme/#',
};

const REGISTER_REPLY = {
  device_id: DEVICE,
  auth_token: DEVICE_TOKEN,
  auth_token_expires_at: '2026-11-23T07:00:00.000Z',
  organization_id: ORG,
  organization_slug: 'acme',
  certificate_chain: 'PEM',
  ca_certificate: 'PEM',
  mqtt_url: 'mqtts://edge.example:8883',
  client_id: `acme/${DEVICE}`,
  heartbeat_interval_seconds: 30,
};

const BATCH_REPLY = { accepted: 1, rejected: 0, errors: [], seq: null };

const SERIES: SeriesReply = {
  from: '2026-11-23T05:00:00.000Z',
  to: '2026-11-23T06:00:00.000Z',
  resolution: 'raw',
  bucket_seconds: null,
  aggregation: 'mean',
  series: [
    {
      device_id: DEVICE,
      device_name: 'line-3-gateway',
      metric_type: 'cpu',
      field: 'percent',
      labels: { core: '0' },
      unit: 'percent',
      t: [1, 2],
      v: [1.5, null],
      min: [1, null],
      max: [2, null],
    },
  ],
  truncated: false,
};

export const METRIC_ROW: MetricExportRow = {
  device_id: DEVICE,
  device_name: 'line-3-gateway',
  timestamp: '2026-11-23T06:00:00.000Z',
  received_at: '2026-11-23T06:00:01.000Z',
  metric_type: 'disk',
  labels: { mount: '/var' },
  value: { percent: -4.5, note: '=1+1' },
};

export const LOG_LINE: LogView = {
  id: 'a-1',
  device_id: DEVICE,
  device_name: 'line-3-gateway',
  timestamp: '2026-11-23T06:00:00.000Z',
  received_at: '2026-11-23T06:00:01.000Z',
  log_level: 'warning',
  service_name: 'vllm',
  message: 'first, "second"\nthird',
  metadata: { unit: 'vllm.service', pid: 4 },
};

const DASHBOARD: Dashboard = {
  total: 1,
  by_status: { online: 1 },
  by_type: { gateway: 1 },
  top: { cpu_percent: [], memory_percent: [], disk_percent: [], gpu_percent: [] },
  outboxes: { devices_with_backlog: 0, records: 0, bytes: 0, dropped: 0, worst: [] },
  skewed_clocks: [],
  ingest: { minutes: [], dead_letters_24h: 0, errors_24h: 0, rollup_lag_seconds: null },
};

const SETTINGS = {
  ...DEFAULT_TELEMETRY,
  retention_days: DEFAULT_RETENTION_DAYS,
  unknown_metrics: 'declare' as const,
  updated_at: null,
  updated_by: null,
  builtin_redaction: [{ name: 'jwt', doc: 'JSON web tokens' }],
};

const METRIC_TYPE: MetricTypeView = {
  name: 'queue.depth',
  origin: 'declared',
  description: null,
  unit: null,
  kind: 'gauge',
  allowed_labels: null,
  max_series: 100,
  first_seen_at: null,
};

const AUDIT_VIEW: AuditView = {
  id: '1',
  at: '2026-11-23T06:00:00.000Z',
  organization_id: ORG,
  actor: 'person:ada@example.com',
  actor_kind: 'person',
  actor_id: null,
  ip_address: null,
  user_agent: null,
  request_id: null,
  action: 'device.update',
  object: `device:${DEVICE}`,
  object_kind: 'device',
  object_id: DEVICE,
  outcome: 'success',
  error_code: null,
  repeats: 1,
  detail: {},
  before: { name: 'old' },
  after: { name: 'new' },
  chain_position: 1,
  previous_hash: '0'.repeat(64),
  hash: 'a'.repeat(64),
};

async function* noRows(): AsyncGenerator<never> {
  yield* [];
}
