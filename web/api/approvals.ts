/** Registrations that wait for people (DESIGN 6.9): list, approve, reject. */
import { type Static, Type } from 'typebox';
import { DEVICE_TYPES } from './devices.ts';
import { Nullable, PageOf, PageQuery, Timestamp, Uuid } from './page.ts';
import type { Route } from './route.ts';

/** Decisions in one request. */
export const MAX_DECISIONS = 100;

/** `approved`: the device may fetch its certificate; `enrolled`: it has; `ended`: nothing can be decided any more. */
export const APPROVAL_STATES = ['waiting', 'approved', 'enrolled', 'rejected', 'ended'] as const;

export const ApprovalView = Type.Object({
  id: Uuid(),
  organization_id: Uuid(),
  state: Type.Enum([...APPROVAL_STATES]),
  hardware_id: Type.String(),
  key_thumbprint: Type.String({ description: 'SHA-256 of the public key (SPKI), hex.' }),
  device_name: Type.String(),
  device_type: Type.Enum([...DEVICE_TYPES]),
  firmware_version: Type.String(),
  ip_address: Nullable(Type.String()),
  token_id: Uuid(),
  token_prefix: Nullable(Type.String({ description: 'Null where the token is of another organisation.' })),
  token_name: Nullable(Type.String()),
  requested_at: Timestamp(),
  last_asked_at: Timestamp(),
  decided_at: Nullable(Timestamp()),
  decided_by: Nullable(Type.String()),
  reason: Nullable(Type.String()),
  device_id: Nullable(Uuid()),
  is_known_hardware: Type.Boolean({
    description: 'A device of the organisation has this hardware: pre-registered, or enrolled before.',
  }),
  is_suspicious: Type.Boolean({
    description: 'Another key asked for the same hardware: one of them is not the machine.',
  }),
});
export type ApprovalView = Static<typeof ApprovalView>;

const Decision = {
  organization_id: Uuid(),
  approval_ids: Type.Array(Uuid(), { minItems: 1, maxItems: MAX_DECISIONS, uniqueItems: true }),
};
export const ApproveBody = Type.Object(Decision);
export const RejectBody = Type.Object({
  ...Decision,
  reason: Type.String({
    minLength: 1,
    maxLength: 500,
    pattern: '^[^\\u0000-\\u001f\\u007f]+$',
    description: 'Shown to whoever installs the device.',
  }),
});

/** Each id stands alone: one that cannot be decided costs no other. In the order asked for. */
export const DecisionReply = Type.Object({
  decided: Type.Integer(),
  failed: Type.Integer(),
  results: Type.Array(
    Type.Object({
      approval_id: Uuid(),
      ok: Type.Boolean(),
      approval: Nullable(ApprovalView),
      error: Nullable(Type.String({ description: 'A code of the table of errors.' })),
      detail: Nullable(Type.String()),
    }),
  ),
});
export type DecisionReply = Static<typeof DecisionReply>;

const admin = { auth: 'session', tag: 'enrolment' } as const;

export const APPROVAL_ROUTES = {
  'approvals.list': {
    ...admin,
    method: 'GET',
    path: '/api/v1/admin/edge/approvals',
    action: 'enrollment.read',
    summary: 'Registrations that wait for a decision, or had one; newest first',
    query: Type.Object({
      org_id: Type.Optional(Uuid()),
      state: Type.Optional(Type.Enum([...APPROVAL_STATES])),
      search: Type.Optional(
        Type.String({ maxLength: 200, description: 'Part of name, hardware id or address.' }),
      ),
      ...PageQuery,
    }),
    status: 200,
    response: PageOf(ApprovalView),
  },
  'approvals.approve': {
    ...admin,
    method: 'POST',
    path: '/api/v1/admin/edge/approvals/approve',
    action: 'enrollment.decide',
    summary: 'Let devices in; each fetches its certificate when it asks next',
    body: ApproveBody,
    status: 200,
    response: DecisionReply,
  },
  'approvals.reject': {
    ...admin,
    method: 'POST',
    path: '/api/v1/admin/edge/approvals/reject',
    action: 'enrollment.decide',
    summary: 'Turn devices away, with a reason',
    body: RejectBody,
    status: 200,
    response: DecisionReply,
  },
} as const satisfies Record<string, Route>;
