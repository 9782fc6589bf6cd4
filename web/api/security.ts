/** What an organisation asks of its people and devices, over HTTP. */
import { type Static, Type } from 'typebox';
import { MAX_API_KEY_DAYS } from './credentials.ts';
import { OrganizationParams } from './organizations.ts';
import { Nullable, Timestamp } from './page.ts';
import type { Route } from './route.ts';

export const ENROLLMENT_APPROVAL_MODES = ['never', 'always', 'unknown_hardware'] as const;
/** A firewall is the place for longer lists. */
export const MAX_ALLOWED_NETWORKS = 50;
export const MIN_SESSION_IDLE_MINUTES = 5;

const fields = {
  require_totp: Type.Boolean({
    description: 'People need a second factor for everything of the organisation.',
  }),
  session_idle_minutes: Nullable(
    Type.Integer({
      minimum: MIN_SESSION_IDLE_MINUTES,
      maximum: 1440,
      description: 'Null, or more than the installation allows: what the installation allows.',
    }),
  ),
  allowed_networks: Type.Array(
    Type.String({ minLength: 2, maxLength: 43, description: 'CIDR, such as 10.0.0.0/8.' }),
    {
      maxItems: MAX_ALLOWED_NETWORKS,
      description:
        'From where its people and keys come; empty: from everywhere. Devices are not bound by it.',
    },
  ),
  enrollment_approval: Type.Enum([...ENROLLMENT_APPROVAL_MODES], {
    description: 'Which devices wait for an admin when they enrol.',
  }),
  max_api_key_days: Nullable(
    Type.Integer({
      minimum: 1,
      maximum: MAX_API_KEY_DAYS,
      description: 'Longest life of a new API key.',
    }),
  ),
};

export const SecurityView = Type.Object({
  version: Type.Integer({ minimum: 0, description: '0: never changed.' }),
  ...fields,
  updated_at: Nullable(Timestamp()),
  updated_by: Nullable(Type.String()),
});
export type SecurityView = Static<typeof SecurityView>;

export const UpdateSecurityBody = Type.Object({
  version: Type.Integer({ minimum: 0, description: 'The one that the change was made from.' }),
  ...fields,
});

const path = '/api/v1/admin/organizations/:organization_id/security';

export const SECURITY_ROUTES = {
  'security.get': {
    method: 'GET',
    path,
    auth: 'session',
    action: 'security.read',
    tag: 'organizations',
    summary: 'What the organisation asks of its people and devices',
    params: OrganizationParams,
    status: 200,
    response: SecurityView,
  },
  'security.update': {
    method: 'PUT',
    path,
    auth: 'session',
    action: 'security.write',
    tag: 'organizations',
    summary: 'Change it; 409 where somebody else did meanwhile',
    params: OrganizationParams,
    body: UpdateSecurityBody,
    status: 200,
    response: SecurityView,
  },
} as const satisfies Record<string, Route>;
