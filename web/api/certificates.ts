/** Certificates of devices, integrators and the installation itself, and the change from one authority to the next. */
import { type Static, Type } from 'typebox';
import { CERTIFICATE_STATES } from './devices.ts';
import { Nullable, PageOf, PageQuery, Timestamp, Uuid } from './page.ts';
import type { Route } from './route.ts';

export const CERTIFICATE_KINDS = ['device', 'integrator', 'service', 'server', 'ca'] as const;
export type CertificateKind = (typeof CERTIFICATE_KINDS)[number];

const Serial = Type.String({ pattern: '^[0-9a-f]{2,40}$', description: 'Lower hex.' });
const AuthorityId = Type.String({ pattern: '^ca(-[0-9a-f]{8})?$', maxLength: 11 });

export const CertificateEntry = Type.Object({
  serial: Serial,
  kind: Type.Enum([...CERTIFICATE_KINDS]),
  state: Type.Enum([...CERTIFICATE_STATES]),
  organization_id: Nullable(Uuid()),
  device_id: Nullable(Uuid()),
  integrator_id: Nullable(Uuid()),
  holder: Nullable(Type.String({ description: 'Name of device, integrator, server or authority.' })),
  subject: Type.String(),
  fingerprint_sha256: Type.String(),
  authority_id: Nullable(AuthorityId),
  not_before: Timestamp(),
  not_after: Timestamp(),
  created_at: Timestamp(),
  revoked_at: Nullable(Timestamp()),
  revocation_reason: Nullable(Type.String()),
});
export type CertificateEntry = Static<typeof CertificateEntry>;

const Count = Type.Integer({ minimum: 0 });

/** A revocation list as it was last published. */
export const RevocationListView = Type.Object({
  authority_id: AuthorityId,
  this_update: Timestamp(),
  next_update: Timestamp(),
  is_worn: Type.Boolean({ description: 'Past half of its life: a newer one should have been published.' }),
});
export type RevocationListView = Static<typeof RevocationListView>;

export const CertificateSummary = Type.Object({
  expired: Count,
  within_day: Count,
  within_week: Count,
  within_month: Count,
  later: Count,
  revoked: Count,
  installation: Nullable(
    Type.Object(
      { certificates: Type.Array(CertificateEntry), revocation_lists: Type.Array(RevocationListView) },
      { description: 'What the installation itself holds; null without the right to read authorities.' },
    ),
  ),
});
export type CertificateSummary = Static<typeof CertificateSummary>;

export const CertificateQuery = Type.Object({
  org_id: Type.Optional(Uuid()),
  state: Type.Optional(Type.Enum([...CERTIFICATE_STATES])),
  kind: Type.Optional(
    Type.Enum([...CERTIFICATE_KINDS], {
      description: '`service`, `server` and `ca` are the installation’s own: all on one page.',
    }),
  ),
  expires_before: Type.Optional(Timestamp()),
  search: Type.Optional(
    Type.String({ maxLength: 200, description: 'Part of holder or subject, or the start of a serial.' }),
  ),
  ...PageQuery,
});

export const AUTHORITY_STATES = ['next', 'active', 'retiring', 'retired'] as const;
export const AuthorityView = Type.Object({
  id: AuthorityId,
  state: Type.Enum([...AUTHORITY_STATES], {
    description:
      'next: trusted, signs nothing yet; active: signs; retiring: trusted until nothing depends on it.',
  }),
  subject: Type.String({ description: 'Of the issuing CA, as its dates.' }),
  fingerprint_sha256: Type.String(),
  root_fingerprint_sha256: Type.String(),
  not_before: Timestamp(),
  not_after: Timestamp(),
  root_not_after: Timestamp(),
  serves: Type.Boolean({ description: 'Signs the certificates of our own servers.' }),
  activate_at: Timestamp('Not before it does the authority begin to sign.'),
  serve_at: Timestamp('From it on our servers stand under it, confirmed by all devices or not.'),
  created_at: Timestamp(),
  created_by: Nullable(Type.String()),
  activated_at: Nullable(Timestamp()),
  served_at: Nullable(Timestamp()),
  retired_at: Nullable(Timestamp()),
  certificates: Type.Integer({ minimum: 0, description: 'Neither revoked nor expired.' }),
  connected_devices: Count,
  informed_devices: Type.Integer({ minimum: 0, description: 'Connected ones that trust its root.' }),
});
export type AuthorityView = Static<typeof AuthorityView>;

const HOUR_SECONDS = 3600;
export const RolloverBody = Type.Object({
  new_root: Type.Optional(
    Type.Boolean({ description: 'A new root as well; default false: a new issuing CA under the same root.' }),
  ),
  activate_after_seconds: Type.Optional(
    Type.Integer({
      minimum: 5,
      maximum: 30 * 24 * HOUR_SECONDS,
      description:
        'Default 60: every process of ours reads the trust list within seconds; brokers of others need yours.',
    }),
  ),
  serve_after_seconds: Type.Optional(
    Type.Integer({
      minimum: 5,
      maximum: 90 * 24 * HOUR_SECONDS,
      description: 'Default 14 days: devices that were away so long must be enrolled anew.',
    }),
  ),
});
export const RetireBody = Type.Object({
  authority_id: Type.String({ maxLength: 20, description: 'Once more, as a confirmation.' }),
  force: Type.Optional(
    Type.Boolean({ description: 'Revoke what still depends on it; those devices must enrol anew.' }),
  ),
});
export const RevokeCertificateBody = Type.Object({ reason: Type.String({ minLength: 1, maxLength: 200 }) });

const admin = { auth: 'session', tag: 'certificates' } as const;

export const CERTIFICATE_ROUTES = {
  'certificates.list': {
    ...admin,
    method: 'GET',
    path: '/api/v1/admin/edge/certificates',
    action: 'certificate.read',
    summary: 'Certificates, the nearest end of life first',
    query: CertificateQuery,
    status: 200,
    response: PageOf(CertificateEntry),
  },
  'certificates.summary': {
    ...admin,
    method: 'GET',
    path: '/api/v1/admin/edge/certificates/summary',
    action: 'certificate.read',
    summary: 'Counts by what is left of their life, and the installation’s own certificates',
    query: Type.Object({ org_id: Type.Optional(Uuid()) }),
    status: 200,
    response: CertificateSummary,
  },
  'certificates.revoke': {
    ...admin,
    method: 'POST',
    path: '/api/v1/admin/edge/certificates/:serial/revoke',
    action: 'device.revoke',
    summary: 'Revoke one certificate of a device; its session ends at once',
    params: Type.Object({ serial: Serial }),
    body: RevokeCertificateBody,
    status: 204,
  },
  'authorities.list': {
    ...admin,
    method: 'GET',
    path: '/api/v1/admin/edge/authorities',
    action: 'authority.rollover',
    summary: 'Generations of the installation’s authority, and what still depends on each',
    status: 200,
    response: Type.Object({ items: Type.Array(AuthorityView) }),
  },
  'authorities.rollover': {
    ...admin,
    method: 'POST',
    path: '/api/v1/admin/edge/authorities/rollover',
    action: 'authority.rollover',
    summary: 'Begin the change to a new authority',
    body: RolloverBody,
    status: 202,
    response: AuthorityView,
  },
  'authorities.retire': {
    ...admin,
    method: 'POST',
    path: '/api/v1/admin/edge/authorities/:authority_id/retire',
    action: 'authority.rollover',
    summary: 'Stop trusting an authority that is retiring',
    params: Type.Object({ authority_id: AuthorityId }),
    body: RetireBody,
    status: 200,
    response: AuthorityView,
  },
} as const satisfies Record<string, Route>;
