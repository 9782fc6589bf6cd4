/** Generated devices, tokens and events for the console's fixture server; the same for the same seed. */
import type {
  AuditView,
  CertificateView,
  DeviceDetail,
  DeviceView,
  IntegratorView,
  Me,
  MemberView,
  OrganizationView,
  PresenceEventView,
  TokenView,
} from '#web-api';
import { ACTIONS, DEVICE_TYPES } from '#web-api';

export const uuidOf = (kind: number, index: number): string =>
  `${kind.toString(16).padStart(8, '0')}-0000-4000-8000-${index.toString(16).padStart(12, '0')}`;

const MINUTE_MS = 60_000;
const SITES = ['berlin', 'hamburg', 'lyon', 'porto', 'oslo', 'turin'] as const;
const STATUSES = [
  'online',
  'online',
  'online',
  'online',
  'online',
  'online',
  'degraded',
  'offline',
  'maintenance',
  'never_seen',
] as const;

export const iso = (ms: number): string => new Date(ms).toISOString();
const pick = <T>(list: readonly [T, ...T[]] | readonly T[], index: number): T => {
  const item = list[index % list.length];
  if (item === undefined) throw new RangeError('nothing to pick from');
  return item;
};

const ACTIVE = {
  state: 'active' as const,
  suspended_at: null,
  suspension_reason: null,
  delete_after: null,
};

export function organizations(nowMs: number): OrganizationView[] {
  return [
    {
      id: uuidOf(1, 1),
      slug: 'acme',
      name: 'Acme Retail',
      created_at: iso(nowMs - 90 * 24 * 60 * MINUTE_MS),
      device_count: 0,
      ...ACTIVE,
    },
    {
      id: uuidOf(1, 2),
      slug: 'nordwind',
      name: 'Nordwind Energy',
      created_at: iso(nowMs - 30 * 24 * 60 * MINUTE_MS),
      device_count: 0,
      ...ACTIVE,
    },
  ];
}

export function administrator(nowMs: number, mustChangePassword = false): Me {
  return {
    user_id: uuidOf(2, 1),
    email: 'ada@acme.example',
    name: 'Ada Sommer',
    is_system_admin: true,
    must_change_password: mustChangePassword,
    has_password: true,
    has_second_factor: false,
    must_enroll_second_factor: false,
    csrf_token: 'fixture-csrf',
    session_expires_at: iso(nowMs + 8 * 60 * MINUTE_MS),
    actions: [...ACTIONS],
    memberships: [],
  };
}

/** May read one organisation, nothing more. */
export function reader(nowMs: number): Me {
  const organization = organizations(nowMs)[0];
  return {
    ...administrator(nowMs),
    is_system_admin: false,
    actions: [],
    memberships: [
      {
        organization_id: organization?.id ?? '',
        organization_slug: 'acme',
        organization_name: 'Acme Retail',
        role: 'org_member',
        group_ids: null,
        barred_by: null,
        actions: ['organization.read', 'device.read', 'member.read', 'telemetry.read', 'log.read'],
      },
    ],
  };
}

export function deviceAt(index: number, nowMs: number): DeviceView {
  const status = pick(STATUSES, index * 7 + (index >> 3));
  const site = pick(SITES, index);
  const isNordwind = index % 4 === 3;
  const observation = status === 'maintenance' ? 'online' : status;
  const seenMs = status === 'offline' ? nowMs - (5 + (index % 90)) * MINUTE_MS : nowMs - (index % 29) * 1000;
  return {
    id: uuidOf(3, index),
    organization_id: uuidOf(1, isNordwind ? 2 : 1),
    organization_slug: isNordwind ? 'nordwind' : 'acme',
    device_name: `${site}-${pick(['store', 'plant', 'lab'], index >> 2)}-${String(index).padStart(4, '0')}`,
    device_type: pick(DEVICE_TYPES, index * 5),
    hardware_id: `9f2c${(index * 7919).toString(16).padStart(8, '0')}`,
    status,
    intent: status === 'maintenance' ? 'maintenance' : 'active',
    observation,
    last_seen: status === 'never_seen' ? null : iso(seenMs),
    firmware_version: status === 'never_seen' ? null : pick(['2.1.0', '2.0.4', '2.2.0-rc.1'], index >> 1),
    agent_version: status === 'never_seen' ? null : '0.1.0',
    ip_address: `10.20.${index % 250}.${(index * 3) % 250}`,
    tags: [`site:${site}`, ...(index % 3 === 0 ? ['gpu'] : [])],
    created_at: iso(nowMs - (index + 9000) * MINUTE_MS),
    updated_at: iso(nowMs),
  };
}

export const certificate = (
  index: number,
  nowMs: number,
  state: CertificateView['state'],
): CertificateView => ({
  serial: `4f${(index * 104_729 + 7).toString(16).padStart(30, '0')}`,
  state,
  subject: `CN=acme/${uuidOf(3, index)}`,
  fingerprint_sha256: 'ab'.repeat(32),
  not_before: iso(nowMs - 20 * 24 * 60 * MINUTE_MS),
  not_after: iso(nowMs + 40 * 24 * 60 * MINUTE_MS),
  created_at: iso(nowMs - 20 * 24 * 60 * MINUTE_MS),
  revoked_at: state === 'revoked' ? iso(nowMs - 3 * 24 * 60 * MINUTE_MS) : null,
  revocation_reason: state === 'revoked' ? 'hardware replaced' : null,
});

export function detailOf(device: DeviceView, nowMs: number): DeviceDetail {
  const hasBeaten = device.last_seen !== null;
  return {
    ...device,
    groups: [],
    facts: hasBeaten
      ? {
          hostname: device.device_name,
          os: 'Debian GNU/Linux 12',
          kernel: '6.1.0-28-amd64',
          cpu_model: 'AMD EPYC 3251',
          cpu_cores: 8,
          memory_bytes: 34_359_738_368,
        }
      : {},
    metadata: {},
    uptime_seconds: hasBeaten ? 312_540 : null,
    services: hasBeaten
      ? [
          { name: 'vllm', status: 'running', kind: 'docker' },
          { name: 'open-webui', status: 'running', kind: 'docker', restarts: 2 },
          { name: 'node-exporter', status: 'stopped', kind: 'systemd' },
        ]
      : [],
    metrics: hasBeaten ? { cpu_percent: 45.2, memory_percent: 78.4, disk_percent: 92, gpu_percent: 61 } : {},
    session_epoch: hasBeaten ? 12 : null,
    observation_since: iso(nowMs - 95 * MINUTE_MS),
    last_goodbye_reason: hasBeaten ? 'restart' : null,
    outbox: hasBeaten ? { records: 124, bytes: 48_211, dropped: 0 } : null,
    clock_skew_ms: hasBeaten ? 214_000 : null,
    current_config: { config_version: 0, config_data: {}, applied_at: null },
    recent_metrics: hasBeaten
      ? [
          { timestamp: iso(nowMs - 12_000), metric_type: 'cpu', value: { percent: 45.2, cores: 8 } },
          {
            timestamp: iso(nowMs - 12_000),
            metric_type: 'memory',
            value: { percent: 78.4, used_bytes: 26_938_034_880 },
          },
          {
            timestamp: iso(nowMs - 12_000),
            metric_type: 'gpu',
            value: { utilization: 61, memory_used: 12_288, temperature: 67 },
          },
        ]
      : [],
    certificates: hasBeaten ? [certificate(1, nowMs, 'active'), certificate(2, nowMs, 'revoked')] : [],
  };
}

export function presenceOf(nowMs: number): PresenceEventView[] {
  const at = (minutes: number) => iso(nowMs - minutes * MINUTE_MS);
  return [
    { at: at(95), from: 'offline', to: 'online', reason: 'hello', session_epoch: 12 },
    { at: at(140), from: 'degraded', to: 'offline', reason: 'last_will', session_epoch: 11 },
    { at: at(160), from: 'online', to: 'degraded', reason: 'heartbeat', session_epoch: 11 },
    { at: at(900), from: 'offline', to: 'online', reason: 'hello', session_epoch: 11 },
    { at: at(960), from: 'online', to: 'offline', reason: 'goodbye:restart', session_epoch: 10 },
    { at: at(5000), from: 'never_seen', to: 'online', reason: 'hello', session_epoch: 1 },
  ];
}

export function tokens(nowMs: number): TokenView[] {
  const token = (index: number, over: Partial<TokenView>): TokenView => ({
    id: uuidOf(4, index),
    organization_id: uuidOf(1, 1),
    prefix: `oce_${(index * 65_537 + 4096).toString(36)}`,
    name: `token ${index}`,
    device_type: null,
    tags: [],
    max_uses: 1,
    uses: 0,
    state: 'live',
    expires_at: iso(nowMs + 50 * MINUTE_MS),
    created_at: iso(nowMs - 10 * MINUTE_MS),
    created_by: 'ada@acme.example',
    replaces_device_id: null,
    requires_approval: false,
    allowed_networks: [],
    hardware_id: null,
    group_ids: [],
    last_device: null,
    ...over,
  });
  return [
    token(1, {
      name: 'Lyon roll-out',
      max_uses: 40,
      uses: 12,
      tags: ['site:lyon', 'wave-2'],
      device_type: 'uc1-pro',
      expires_at: iso(nowMs + 6 * 24 * 60 * MINUTE_MS),
      last_device: { id: uuidOf(3, 2), device_name: 'lyon-store-0002', status: 'online' },
    }),
    token(2, { name: 'Workshop bench' }),
    token(3, {
      name: 'Berlin lab',
      state: 'used_up',
      uses: 1,
      last_device: { id: uuidOf(3, 0), device_name: 'berlin-store-0000', status: 'online' },
    }),
    token(4, { name: 'Old gateway', state: 'expired', expires_at: iso(nowMs - 200 * MINUTE_MS) }),
  ];
}

export const integrators = (nowMs: number): IntegratorView[] => [
  {
    id: uuidOf(5, 1),
    organization_id: uuidOf(1, 1),
    name: 'grafana',
    client_id: 'acme/integrations/grafana',
    created_at: iso(nowMs - 3000 * MINUTE_MS),
    certificates: [certificate(11, nowMs, 'active')],
  },
  {
    id: uuidOf(5, 2),
    organization_id: uuidOf(1, 1),
    name: 'node-red',
    client_id: 'acme/integrations/node-red',
    created_at: iso(nowMs - 9000 * MINUTE_MS),
    certificates: [certificate(12, nowMs, 'revoked')],
  },
];

export const members = (nowMs: number): MemberView[] => [
  {
    user_id: uuidOf(2, 1),
    email: 'ada@acme.example',
    name: 'Ada Sommer',
    role: 'org_admin',
    group_ids: null,
    disabled: false,
    created_at: iso(nowMs - 40_000 * MINUTE_MS),
    last_login_at: iso(nowMs - 4 * MINUTE_MS),
  },
  {
    user_id: uuidOf(2, 2),
    email: 'jonas.keller@acme.example',
    name: 'Jonas Keller',
    role: 'org_member',
    group_ids: null,
    disabled: false,
    created_at: iso(nowMs - 20_000 * MINUTE_MS),
    last_login_at: null,
  },
];

export function audit(nowMs: number): AuditView[] {
  const actions = [
    'device.update',
    'token.create',
    'auth.login',
    'device.revoke',
    'integrator.create',
    'device.register',
  ];
  return Array.from({ length: 30 }, (_, index) => {
    const isToken = index % 6 === 5;
    const isRefused = index % 9 === 4;
    const objectId = uuidOf(3, index);
    const actorId = isToken ? uuidOf(4, 1) : 'ada@acme.example';
    return {
      id: String(9000 - index),
      at: iso(nowMs - index * 7 * MINUTE_MS),
      organization_id: index % 5 === 2 ? null : uuidOf(1, 1),
      actor: `${isToken ? 'token' : 'person'}:${actorId}`,
      actor_kind: isToken ? 'token' : 'person',
      actor_id: actorId,
      ip_address: '10.20.0.14',
      user_agent: 'Mozilla/5.0',
      request_id: uuidOf(9, index),
      action: pick(actions, index),
      object: `device:${objectId}`,
      object_kind: 'device',
      object_id: objectId,
      outcome: isRefused ? 'refused' : 'success',
      error_code: isRefused ? 'auth.forbidden' : null,
      repeats: 1,
      detail: isRefused ? { code: 'auth.forbidden' } : {},
      before: isRefused
        ? null
        : { device_name: 'old-name', password: '[redacted:secret-field]', tags: ['a'] },
      after: isRefused
        ? null
        : { device_name: 'new-name', password: '[redacted:secret-field]', tags: ['a', 'b'] },
      chain_position: 9000 - index,
      previous_hash: String(index).padStart(64, '0'),
      hash: String(index + 1).padStart(64, '0'),
    };
  });
}
