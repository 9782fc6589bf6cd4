/** Which devices a query is about: named ones, or a group of one organisation; never of two. */
import type { Database, Stores } from '#db';
import { type Action, MAX_QUERY_DEVICES } from '#web-api';
import { knownDevices, permitWithinGroups } from '../access/permit.ts';
import { isLimited } from '../access/policy.ts';
import type { AuditDraft } from '../audit/audited.ts';
import { AppError } from '../errors.ts';
import type { Person } from '../use-cases.ts';
import { invalid } from './time-range.ts';

/** Largest group that one query takes in; a larger one is refused rather than answered in part. */
export const MAX_GROUP_DEVICES = 10_000;

export interface DeviceChoiceQuery {
  readonly device_ids?: string;
  readonly org_id?: string;
  readonly type?: string;
  readonly tag?: string;
}
export interface ChosenDevices {
  readonly orgId: string;
  /** By name. */
  readonly devices: readonly { readonly id: string; readonly name: string }[];
  /** Neither ids nor type nor tag narrow the organisation, nor a role that is limited to groups. */
  readonly isWholeOrganization: boolean;
}

/**
 * @throws AppError 'request.invalid' naming the field, 'organization.not_found', 'device.not_found' naming
 * `device_ids` where one of them does not exist or belongs to another organisation than the rest, 'auth.forbidden'
 */
export async function chooseDevices(
  database: Pick<Database, 'devices' | 'organizations'>,
  person: Person,
  action: Action,
  query: DeviceChoiceQuery,
  entry?: AuditDraft,
): Promise<ChosenDevices> {
  const ids = idsOf(query.device_ids);
  if (ids !== null && (query.type !== undefined || query.tag !== undefined)) {
    throw invalid('device_ids', 'not together with type or tag');
  }
  const orgId = await orgOf(database, person, action, query.org_id, ids, entry);
  const choice = {
    ...(ids === null ? {} : { ids }),
    ...(query.type === undefined ? {} : { type: query.type }),
    ...(query.tag === undefined ? {} : { tag: query.tag }),
    ...(isLimited(person, orgId) ? { groupIds: person.groups.get(orgId) ?? [] } : {}),
  };
  const devices = await database.devices.choose(orgId, choice, MAX_GROUP_DEVICES + 1);
  if (ids !== null && devices.length < ids.length) throw unknownIds();
  if (devices.length > MAX_GROUP_DEVICES) {
    throw invalid('tag', `more than ${MAX_GROUP_DEVICES} devices match; narrow by type, tag or device_ids`);
  }
  const isWholeOrganization = Object.keys(choice).length === 0;
  return { orgId, devices, isWholeOrganization };
}

async function orgOf(
  database: Pick<Stores, 'devices' | 'organizations'>,
  person: Person,
  action: Action,
  orgId: string | undefined,
  ids: readonly string[] | null,
  entry: AuditDraft | undefined,
): Promise<string> {
  if (orgId !== undefined) {
    const organization = await database.organizations.find(orgId.toLowerCase());
    permitWithinGroups(person, action, organization?.id, 'organization.not_found', entry);
    return organization.id;
  }
  const [first] = ids ?? [];
  if (first === undefined) throw invalid('org_id', 'is needed where device_ids are not given');
  const device = await database.devices.find(knownDevices(person), first);
  try {
    permitWithinGroups(person, action, device?.orgId, 'device.not_found', entry);
  } catch (error) {
    if (error instanceof AppError && error.code === 'device.not_found') throw unknownIds();
    throw error;
  }
  return device?.orgId ?? '';
}

const unknownIds = (): AppError =>
  new AppError('device.not_found', {
    errors: [{ path: 'device_ids', message: 'not all of them are devices of one organisation of yours' }],
  });

/** Lower case, each once. */
function idsOf(text: string | undefined): string[] | null {
  if (text === undefined) return null;
  const ids = [...new Set(text.toLowerCase().split(','))];
  if (ids.length > MAX_QUERY_DEVICES) throw invalid('device_ids', `at most ${MAX_QUERY_DEVICES}`);
  if (!ids.every((id) => UUID.test(id))) throw invalid('device_ids', 'must be UUIDs');
  return ids;
}
const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;
