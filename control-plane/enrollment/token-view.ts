/** A registration token in the shape of the HTTP contract, and the state it is in. Pure. */
import type { RegistrationToken } from '#db';
import type { TOKEN_STATES, TokenView } from '#web-api';

export type TokenState = (typeof TOKEN_STATES)[number];

/** The most final state wins. It lives while `now` is before `expiresAt`. */
export function tokenState(
  token: Pick<RegistrationToken, 'revokedAt' | 'uses' | 'maxUses' | 'expiresAt'>,
  now: Date,
): TokenState {
  if (token.revokedAt !== null) return 'revoked';
  if (token.uses >= token.maxUses) return 'used_up';
  return token.expiresAt <= now ? 'expired' : 'live';
}

export const tokenView = (token: RegistrationToken, now: Date): TokenView => ({
  id: token.id,
  organization_id: token.orgId,
  prefix: token.prefix,
  name: token.name,
  device_type: token.deviceType,
  tags: [...token.tags],
  max_uses: token.maxUses,
  uses: token.uses,
  state: tokenState(token, now),
  expires_at: token.expiresAt.toISOString(),
  created_at: token.createdAt.toISOString(),
  created_by: token.createdBy,
  replaces_device_id: token.replacesDeviceId,
  requires_approval: token.requiresApproval,
  allowed_networks: [...token.allowedNetworks],
  hardware_id: token.hardwareId,
  group_ids: [...token.groupIds],
  last_device:
    token.lastDevice === null
      ? null
      : { id: token.lastDevice.id, device_name: token.lastDevice.name, status: token.lastDevice.status },
});
