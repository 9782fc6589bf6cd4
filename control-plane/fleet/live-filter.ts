/** What of the live events a person may see. */
import type { Database } from '#db';
import type { LiveEvent } from '#web-api';
import { deviceScope } from '../access/permit.ts';
import type { LiveFilter, Person } from '../use-cases.ts';

/**
 * Good for as long as roles and groups stay as they are: after 'access.changed' it must be made anew.
 * @throws AppError 'organization.not_found' for a foreign or unknown organisation, 'auth.forbidden'
 */
export async function liveFilter(
  database: Pick<Database, 'organizations' | 'groups'>,
  person: Person,
  orgId: string | undefined,
): Promise<LiveFilter> {
  const scope = await deviceScope(database.organizations, person, 'device.read', orgId);
  if (scope === null) return (event) => event;
  if (typeof scope === 'string') return (event) => (event.organization_id === scope ? event : null);
  const orgIds = new Set('groupIds' in scope ? scope.orgIds : scope);
  if (!('groupIds' in scope)) return (event) => (orgIds.has(event.organization_id) ? event : null);
  const deviceIds = new Set(await database.groups.devicesIn(scope.groupIds));
  return (event) => {
    if (orgIds.has(event.organization_id)) return event;
    return person.groups.has(event.organization_id) ? narrowed(event, deviceIds) : null;
  };
}

/** The event as far as it is about these devices; null where it is not. What names no device passes only to say so. Pure. */
function narrowed(event: LiveEvent, deviceIds: ReadonlySet<string>): LiveEvent | null {
  if (event.kind === 'access.changed') return event;
  if (event.kind === 'devices.seen') {
    const seen = event.device_ids.filter((id) => deviceIds.has(id));
    return seen.length === 0 ? null : { ...event, device_ids: seen };
  }
  // Tokens are no business of a limited role.
  if (event.kind === 'token.used' || !('device_id' in event)) return null;
  return typeof event.device_id === 'string' && deviceIds.has(event.device_id) ? event : null;
}
