/** Claim codes: a device registered by one organisation becomes another's by a code that is typed in. */
import { type Static, Type } from 'typebox';
import { DeviceParams, DeviceView } from './devices.ts';
import { Nullable, Timestamp, Uuid } from './page.ts';
import type { Route } from './route.ts';

export const CreateClaimCodeBody = Type.Object({
  expires_in_seconds: Type.Optional(
    Type.Integer({ minimum: 60, maximum: 31_536_000, default: 2_592_000, description: 'At most a year.' }),
  ),
});

/** The code is in this reply and nowhere else. */
export const ClaimCodeReply = Type.Object({
  device_id: Uuid(),
  code: Type.String({ description: 'Groups of Crockford base32; the last character checks the others.' }),
  expires_at: Timestamp(),
});
export type ClaimCodeReply = Static<typeof ClaimCodeReply>;

export const ClaimCodeView = Type.Object({ expires_at: Nullable(Timestamp('Null where there is no code.')) });
export type ClaimCodeView = Static<typeof ClaimCodeView>;

export const ClaimBody = Type.Object({
  organization_id: Uuid('The organisation that the device will belong to.'),
  code: Type.String({ minLength: 1, maxLength: 60, description: 'Case, blanks and hyphens do not matter.' }),
});

const admin = { auth: 'session', tag: 'enrolment' } as const;

export const CLAIM_ROUTES = {
  'claim_codes.get': {
    ...admin,
    method: 'GET',
    path: '/api/v1/admin/edge/devices/:device_id/claim-code',
    action: 'device.read',
    summary: 'Whether a device can be claimed, and until when',
    params: DeviceParams,
    status: 200,
    response: ClaimCodeView,
  },
  'claim_codes.create': {
    ...admin,
    method: 'POST',
    path: '/api/v1/admin/edge/devices/:device_id/claim-code',
    action: 'claim.write',
    summary: 'Make a claim code, shown once; it takes the place of the one before',
    params: DeviceParams,
    body: CreateClaimCodeBody,
    status: 201,
    response: ClaimCodeReply,
  },
  'claim_codes.delete': {
    ...admin,
    method: 'DELETE',
    path: '/api/v1/admin/edge/devices/:device_id/claim-code',
    action: 'claim.write',
    summary: 'Withdraw a claim code',
    params: DeviceParams,
    status: 204,
  },
  'claims.create': {
    ...admin,
    method: 'POST',
    path: '/api/v1/admin/edge/claims',
    action: 'claim.write',
    summary: 'Take a device over by its claim code',
    body: ClaimBody,
    status: 201,
    response: DeviceView,
  },
} as const satisfies Record<string, Route>;
