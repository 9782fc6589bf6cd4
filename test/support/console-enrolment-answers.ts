/** What the fixture says of registrations that wait, and of claim codes. */
import type { ApprovalView, DeviceView, RouteName } from '#web-api';
import * as data from './console-data.ts';

interface Call {
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
}
type Answer = { readonly status: number; readonly body?: unknown };

export const CLAIM_CODE = 'K7QH-2M4D-9XTV-0B8R-5NCE';

export function approvals(nowMs: number): ApprovalView[] {
  const approval = (index: number, over: Partial<ApprovalView>): ApprovalView => ({
    id: data.uuidOf(7, index),
    organization_id: data.uuidOf(1, 1),
    state: 'waiting',
    hardware_id: `9f2c1b7e-${index}`,
    key_thumbprint: `${index}c0ffee`.padEnd(64, '5'),
    device_name: `lyon-store-${String(index).padStart(4, '0')}`,
    device_type: 'gateway',
    firmware_version: '2.4.1',
    ip_address: `192.0.2.${index}`,
    token_id: data.uuidOf(4, 1),
    token_prefix: 'k3v9Qm2x',
    token_name: 'Lyon roll-out',
    requested_at: data.iso(nowMs - 600_000),
    last_asked_at: data.iso(nowMs - 20_000),
    decided_at: null,
    decided_by: null,
    reason: null,
    device_id: null,
    is_known_hardware: index % 2 === 0,
    is_suspicious: false,
    ...over,
  });
  return [
    approval(1, {}),
    approval(2, {}),
    approval(3, { is_suspicious: true }),
    approval(4, {
      state: 'rejected',
      decided_at: data.iso(nowMs - 90_000),
      decided_by: 'ada@acme.example',
      reason: 'Not on our list',
    }),
  ];
}

const ok = (body: unknown, status = 200): Answer => ({ status, body });

export function enrolmentAnswers(
  waiting: ApprovalView[],
  devices: Map<string, DeviceView>,
  claimCodes: Map<string, string>,
  nowMs: number,
): Partial<Record<RouteName, (call: Call) => Answer>> {
  const decide = (call: Call, change: Partial<ApprovalView>): Answer => {
    const ids = Array.isArray(call.body.approval_ids) ? call.body.approval_ids.map(String) : [];
    const results = ids.map((id) => {
      const index = waiting.findIndex((approval) => approval.id === id);
      const before = waiting[index];
      if (before === undefined) {
        return {
          approval_id: id,
          ok: false,
          approval: null,
          error: 'approval.not_found',
          detail: 'No such registration',
        };
      }
      const after = { ...before, ...change, decided_at: data.iso(nowMs), decided_by: 'ada@acme.example' };
      waiting[index] = after;
      return { approval_id: id, ok: true, approval: after, error: null, detail: null };
    });
    return ok({ decided: results.length, failed: 0, results });
  };
  return {
    'approvals.list': (call) => {
      const state = call.query.get('state');
      const items = waiting.filter((approval) => state === null || approval.state === state);
      return ok({ items, total: items.length, next_cursor: null });
    },
    'approvals.approve': (call) => decide(call, { state: 'approved' }),
    'approvals.reject': (call) => decide(call, { state: 'rejected', reason: String(call.body.reason) }),
    'claim_codes.get': ({ params }) => ok({ expires_at: claimCodes.get(params.device_id ?? '') ?? null }),
    'claim_codes.create': ({ params, body }) => {
      const expiresAt = data.iso(nowMs + Number(body.expires_in_seconds) * 1000);
      claimCodes.set(params.device_id ?? '', expiresAt);
      return ok({ device_id: params.device_id, code: CLAIM_CODE, expires_at: expiresAt }, 201);
    },
    'claim_codes.delete': ({ params }) => {
      claimCodes.delete(params.device_id ?? '');
      return { status: 204 };
    },
    'claims.create': (call) => {
      const device = [...devices.values()][0];
      if (String(call.body.code).replaceAll('-', '') === CLAIM_CODE.replaceAll('-', ''))
        return ok(device, 201);
      const title = 'The claim code is wrong, used or expired';
      return ok({ type: 'x', title, status: 422, code: 'claim.code_invalid', instance: 'req-fixture' }, 422);
    },
  };
}
