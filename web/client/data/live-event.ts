/** Reads one Server-Sent Event of the contract. Pure. */
import { APPROVAL_STATES, DEVICE_STATUSES, type LiveEvent, OBSERVATIONS } from '#web-api';

/** Null for what this release does not know: a newer server may say more. */
export function decodeLiveEvent(data: string): LiveEvent | null {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const fields = new Map<string, unknown>(Object.entries(value));
  const text = (name: string): string | null => {
    const field = fields.get(name);
    return typeof field === 'string' ? field : null;
  };
  const organization_id = text('organization_id');
  const at = text('at');
  const kind = text('kind');
  if (organization_id === null || at === null) return null;
  const device_id = text('device_id');
  switch (kind) {
    case 'device.changed': {
      if (device_id === null) return null;
      const status = DEVICE_STATUSES.find((known) => known === fields.get('status'));
      const observation = OBSERVATIONS.find((known) => known === fields.get('observation'));
      return {
        kind,
        organization_id,
        device_id,
        at,
        ...(status === undefined ? {} : { status }),
        ...(observation === undefined ? {} : { observation }),
      };
    }
    case 'device.created':
    case 'device.deleted':
      return device_id === null ? null : { kind, organization_id, device_id, at };
    case 'devices.seen': {
      const ids = fields.get('device_ids');
      if (!Array.isArray(ids)) return null;
      return { kind, organization_id, at, device_ids: ids.filter((id) => typeof id === 'string') };
    }
    case 'access.changed':
      return { kind, organization_id, at };
    case 'token.used': {
      const token_id = text('token_id');
      return token_id === null || device_id === null
        ? null
        : { kind, organization_id, token_id, device_id, at };
    }
    case 'approval.changed': {
      const approval_id = text('approval_id');
      const state = APPROVAL_STATES.find((known) => known === fields.get('state'));
      return approval_id === null || state === undefined
        ? null
        : { kind, organization_id, approval_id, state, at };
    }
    default:
      return null;
  }
}
