/** What the fixture says of people, groups, organisations, security, certificates and the audit log. */
import type {
  AuditView,
  CertificateEntry,
  DeviceView,
  GroupView,
  MemberView,
  OrganizationView,
  ProviderView,
  RouteName,
  SecurityView,
  UserView,
} from '#web-api';
import * as access from './console-access-data.ts';
import * as data from './console-data.ts';

interface Call {
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
}
type Answer = { readonly status: number; readonly body?: unknown };
type Answers = Partial<Record<RouteName, (call: Call) => Answer>>;

/** What is stored of access; a test may change it between requests. */
export interface AccessState {
  readonly organizations: OrganizationView[];
  members: MemberView[];
  groups: GroupView[];
  /** Group id → ids of its devices. */
  readonly groupDevices: Map<string, Set<string>>;
  users: UserView[];
  security: SecurityView;
  certificates: CertificateEntry[];
  audit: AuditView[];
  provider: ProviderView;
  /** Device id → end of its claim code. */
  readonly claimCodes: Map<string, string>;
}

export function accessState(nowMs: number): AccessState {
  return {
    organizations: data.organizations(nowMs),
    members: data.members(nowMs),
    groups: access.groups(nowMs),
    groupDevices: new Map([[data.uuidOf(8, 1), new Set([data.uuidOf(3, 0), data.uuidOf(3, 4)])]]),
    users: access.users(nowMs),
    security: access.security(nowMs),
    certificates: access.certificates(nowMs),
    audit: data.audit(nowMs),
    provider: access.provider(nowMs),
    claimCodes: new Map(),
  };
}

const ok = (body: unknown, status = 200): Answer => ({ status, body });
const pageOf = (items: readonly unknown[]): Answer => ok({ items, total: items.length, next_cursor: null });
const missing = (what: string): Answer => ({
  status: 404,
  body: { type: 'about:blank', title: what, status: 404, code: `${what}.not_found`, instance: 'req-fixture' },
});
const idsOf = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

export function accessAnswers(
  state: AccessState,
  devices: ReadonlyMap<string, DeviceView>,
  nowMs: number,
): Answers {
  return {
    ...organizationAnswers(state, devices, nowMs),
    ...memberAnswers(state),
    ...groupAnswers(state, nowMs),
    ...userAnswers(state),
    ...certificateAnswers(state, nowMs),
    ...auditAnswers(state),
    'security.get': () => ok(state.security),
    'security.update': ({ body }) => {
      state.security = { ...state.security, ...body, version: state.security.version + 1 };
      return ok(state.security);
    },
    'oidc.provider': () => ok(state.provider),
  };
}

function organizationAnswers(
  state: AccessState,
  devices: ReadonlyMap<string, DeviceView>,
  nowMs: number,
): Answers {
  const shown = (one: OrganizationView): OrganizationView => ({ ...one, device_count: devices.size });
  const change = (call: Call, over: Partial<OrganizationView>): Answer => {
    const index = state.organizations.findIndex(({ id }) => id === call.params.organization_id);
    const before = state.organizations[index];
    if (before === undefined) return missing('organization');
    const after = { ...before, ...over };
    state.organizations[index] = after;
    return ok(shown(after));
  };
  const suspended = { state: 'suspended' as const, suspended_at: data.iso(nowMs) };
  return {
    'organizations.get': (call) => change(call, {}),
    'organizations.update': (call) => change(call, { name: String(call.body.name) }),
    'organizations.suspend': (call) =>
      change(call, { ...suspended, suspension_reason: String(call.body.reason) }),
    'organizations.resume': (call) =>
      change(call, { state: 'active', suspended_at: null, suspension_reason: null, delete_after: null }),
    'organizations.delete': (call) =>
      change(call, {
        ...suspended,
        state: 'deleting',
        suspension_reason: 'Deleted',
        delete_after: data.iso(nowMs + 30 * 86_400_000),
      }),
  };
}

function memberAnswers(state: AccessState): Answers {
  return {
    'members.list': () => pageOf(state.members),
    'members.add': ({ body }) => {
      const [first] = state.members;
      if (first === undefined) return missing('member');
      const added: MemberView = {
        ...first,
        ...body,
        user_id: data.uuidOf(2, state.members.length + 20),
        name: String(body.name ?? body.email),
        last_login_at: null,
      };
      state.members.push(added);
      return ok(added, 201);
    },
    'members.update': ({ params, body }) => {
      state.members = state.members.map((one) =>
        one.user_id === params.user_id ? { ...one, ...body } : one,
      );
      const changed = state.members.find((one) => one.user_id === params.user_id);
      return changed === undefined ? missing('member') : ok(changed);
    },
    'members.remove': ({ params }) => {
      state.members = state.members.filter((one) => one.user_id !== params.user_id);
      return { status: 204 };
    },
  };
}

function groupAnswers(state: AccessState, nowMs: number): Answers {
  const inside = (groupId: string): Set<string> => {
    const found = state.groupDevices.get(groupId) ?? new Set();
    state.groupDevices.set(groupId, found);
    return found;
  };
  const shown = (group: GroupView): GroupView => ({ ...group, device_count: inside(group.id).size });
  return {
    'groups.list': ({ query }) => {
      const orgId = query.get('org_id');
      const found = state.groups.filter((group) => orgId === null || group.organization_id === orgId);
      return pageOf(found.map(shown));
    },
    'groups.create': ({ body }) => {
      const made: GroupView = {
        id: data.uuidOf(8, state.groups.length + 1),
        organization_id: String(body.organization_id),
        name: String(body.name),
        description: typeof body.description === 'string' ? body.description : null,
        created_at: data.iso(nowMs),
        device_count: 0,
        member_count: 0,
      };
      state.groups.push(made);
      return ok(made, 201);
    },
    'groups.update': ({ params, body }) => {
      state.groups = state.groups.map((one) => (one.id === params.group_id ? { ...one, ...body } : one));
      const changed = state.groups.find(({ id }) => id === params.group_id);
      return changed === undefined ? missing('group') : ok(shown(changed));
    },
    'groups.delete': ({ params }) => {
      state.groups = state.groups.filter(({ id }) => id !== params.group_id);
      return { status: 204 };
    },
    'groups.devices': ({ params, body }) => {
      const devices = inside(params.group_id ?? '');
      for (const id of idsOf(body.add)) devices.add(id);
      for (const id of idsOf(body.remove)) devices.delete(id);
      return ok({
        added: idsOf(body.add).length,
        removed: idsOf(body.remove).length,
        device_count: devices.size,
      });
    },
  };
}

function userAnswers(state: AccessState): Answers {
  return {
    'users.list': ({ query }) => {
      const text = query.get('search')?.toLowerCase() ?? '';
      return pageOf(state.users.filter((one) => `${one.email} ${one.name}`.toLowerCase().includes(text)));
    },
    'users.update': ({ params, body }) => {
      state.users = state.users.map((one) => (one.id === params.user_id ? { ...one, ...body } : one));
      const changed = state.users.find(({ id }) => id === params.user_id);
      return changed === undefined ? missing('user') : ok(changed);
    },
  };
}

function certificateAnswers(state: AccessState, nowMs: number): Answers {
  return {
    'certificates.list': ({ query }) => {
      const [wanted, kind, text] = [query.get('state'), query.get('kind'), query.get('search') ?? ''];
      return pageOf(
        state.certificates.filter(
          (one) =>
            (wanted === null || one.state === wanted) &&
            (kind === null || one.kind === kind) &&
            (one.holder ?? '').includes(text),
        ),
      );
    },
    'certificates.summary': () => ok(access.certificateSummary(nowMs)),
    'certificates.revoke': ({ params, body }) => {
      const revoked = {
        state: 'revoked' as const,
        revoked_at: data.iso(nowMs),
        revocation_reason: String(body.reason),
      };
      state.certificates = state.certificates.map((one) =>
        one.serial === params.serial ? { ...one, ...revoked } : one,
      );
      return { status: 204 };
    },
    'authorities.list': () => ok({ items: access.authorities(nowMs) }),
  };
}

function auditAnswers(state: AccessState): Answers {
  return {
    'audit.list': ({ query }) => {
      const [orgId, action, outcome] = [query.get('org_id'), query.get('action'), query.get('outcome')];
      const prefix = action?.endsWith('*') === true ? action.slice(0, -1) : null;
      return pageOf(
        state.audit.filter(
          (row) =>
            (orgId === null || row.organization_id === orgId) &&
            (outcome === null || row.outcome === outcome) &&
            (action === null || (prefix === null ? row.action === action : row.action.startsWith(prefix))),
        ),
      );
    },
    'audit.get': ({ params }) => {
      const row = state.audit.find(({ id }) => id === params.entry_id);
      return row === undefined ? missing('audit_entry') : ok(row);
    },
    'audit.verify': ({ query }) => {
      const isFirst = query.get('cursor') === null;
      const proof = {
        organization_id: data.uuidOf(1, 1),
        status: isFirst ? 'running' : 'ok',
        rows_checked: isFirst ? 20 : 30,
        position: isFirst ? 20 : 30,
        hash: '0'.repeat(64),
        checkpoints_checked: 2,
        break: null,
      };
      return ok({ items: [proof], next_cursor: isFirst ? 'on' : null });
    },
  };
}
