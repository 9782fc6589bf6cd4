/** Bulk pre-registration: every row stands alone, good ones are kept whatever the others are. */
import { decodeValue } from '#contract';
import { type Database, type Device, MAX_GROUPS, type Stores } from '#db';
import { type ImportResult, ImportRow } from '#web-api';
import { toAppError } from '../access/store-failure.ts';
import { AppError } from '../errors.ts';
import { announce } from './announce.ts';

/** Rows written at a time; the rest of the connection pool stays free for others. */
const PARALLEL_ROWS = 4;

type RowResult = ImportResult['rows'][number];
type Plan =
  | { readonly row: number; readonly device: ImportRow }
  | { readonly row: number; readonly error: string; readonly detail: string };

/** What the machine of a new row proves itself with; shown once, in the result. */
export type Issued = Pick<RowResult, 'token' | 'claim_code'>;

export interface ImportOptions {
  readonly isTrial: boolean;
  readonly now: Date;
  /** Makes the row's token or claim code in the row's own transaction. */
  readonly issue: (stores: Stores, device: Device) => Promise<Issued>;
}

const NOTHING: Issued = { token: null, claim_code: null };

/** Decodes each row and finds those that name a device or hardware a second time. Rows count from 1. Pure. */
export function planImport(rows: readonly unknown[]): Plan[] {
  const names = new Set<string>();
  const hardwareIds = new Set<string>();
  return rows.map((value, index): Plan => {
    const row = index + 1;
    const decoded = decodeValue(ImportRow, value);
    if (!decoded.ok) return { row, error: 'request.invalid', detail: decoded.reason };
    const device = decoded.value;
    if (hardwareIds.has(device.hardware_id)) {
      return { row, error: 'enrollment.hardware_known', detail: 'hardware_id stands in an earlier row' };
    }
    if (names.has(device.device_name)) {
      return { row, error: 'device.name_taken', detail: 'device_name stands in an earlier row' };
    }
    hardwareIds.add(device.hardware_id);
    names.add(device.device_name);
    return { row, device };
  });
}

/** The field in which the row differs from the device that is there; null where the same row comes again. Pure. */
export function differingField(
  device: Pick<Device, 'name' | 'type' | 'tags' | 'metadata'>,
  row: ImportRow,
): string | null {
  if (device.name !== row.device_name) return 'device_name';
  if (device.type !== row.device_type) return 'device_type';
  // Tags may have been added since; those of the row are there.
  if (!(row.tags ?? []).every((tag) => device.tags.includes(tag))) return 'tags';
  const isSame = Object.entries(row.metadata ?? {}).every(
    ([key, value]) => JSON.stringify(device.metadata[key]) === JSON.stringify(value),
  );
  return isSame ? null : 'metadata';
}

/** Ends the transaction of a trial row, which its throw rolls back. */
class TrialOver extends Error {}

/** @throws what is no row's fault, for instance AppError 'service.unavailable'; rows before it are kept. */
export async function importRows(
  database: Pick<Database, 'transaction' | 'groups'>,
  orgId: string,
  rows: readonly unknown[],
  options: ImportOptions,
): Promise<ImportResult> {
  const plans = planImport(rows);
  const groups = await groupsByName(database, orgId, plans);
  const results: RowResult[] = [];
  for (let start = 0; start < plans.length; start += PARALLEL_ROWS) {
    const part = plans.slice(start, start + PARALLEL_ROWS);
    // All of a part end before an error leaves, so that no row is written after the caller heard of it.
    const settled = await Promise.allSettled(
      part.map((plan) => importRow(database, { orgId, groups }, plan, options)),
    );
    for (const result of settled) {
      if (result.status === 'rejected') throw result.reason;
      results.push(result.value);
    }
  }
  const countOf = (outcome: RowResult['outcome']) =>
    results.filter((result) => result.outcome === outcome).length;
  return {
    created: countOf('created'),
    unchanged: countOf('unchanged'),
    failed: countOf('failed'),
    rows: results,
  };
}

async function importRow(
  database: Pick<Database, 'transaction'>,
  home: Home,
  plan: Plan,
  options: ImportOptions,
): Promise<RowResult> {
  const { row } = plan;
  if ('error' in plan) return failure(row, plan.error, plan.detail);
  try {
    return await database.transaction((stores) => writeRow(stores, home, row, plan.device, options));
  } catch (cause) {
    if (cause instanceof TrialOver) return success(row, 'created', null, NOTHING);
    const error = toAppError(cause);
    if (!(error instanceof AppError) || error.code === 'service.unavailable') throw error;
    return failure(row, error.code, error.message);
  }
}

async function writeRow(
  stores: Stores,
  { orgId, groups }: Home,
  row: number,
  wanted: ImportRow,
  { isTrial, now, issue }: ImportOptions,
): Promise<RowResult> {
  const known = await stores.devices.findByHardwareId(wanted.hardware_id);
  if (known?.orgId === orgId) {
    const field = differingField(known, wanted);
    if (field === null) return success(row, 'unchanged', known.id, NOTHING);
    throw new AppError('enrollment.hardware_known', {
      detail: `${field} is not that of the device with this hardware_id`,
    });
  }
  const groupIds = (wanted.groups ?? []).map((name) => groupNamed(groups, name));
  const device = await stores.devices.create(orgId, {
    name: wanted.device_name,
    type: wanted.device_type,
    hardwareId: wanted.hardware_id,
    tags: wanted.tags ?? [],
    metadata: wanted.metadata ?? {},
  });
  for (const groupId of groupIds) await stores.groups.addDevices(orgId, groupId, [device.id]);
  if (isTrial) throw new TrialOver();
  const issued = await issue(stores, device);
  await announce(stores, {
    kind: 'device.created',
    organization_id: orgId,
    device_id: device.id,
    at: now.toISOString(),
  });
  return success(row, 'created', device.id, issued);
}

/** Where the rows go. */
interface Home {
  readonly orgId: string;
  /** Ids of device groups by name; empty where no row names one. */
  readonly groups: ReadonlyMap<string, string>;
}

async function groupsByName(
  database: Pick<Database, 'groups'>,
  orgId: string,
  plans: readonly Plan[],
): Promise<ReadonlyMap<string, string>> {
  const isNamed = plans.some((plan) => 'device' in plan && (plan.device.groups ?? []).length > 0);
  if (!isNamed) return new Map();
  const { items } = await database.groups.list(orgId, { limit: MAX_GROUPS });
  return new Map(items.map(({ name, id }) => [name, id]));
}

/** @throws AppError 'group.not_found' naming the group */
function groupNamed(groups: ReadonlyMap<string, string>, name: string): string {
  const id = groups.get(name);
  if (id === undefined) throw new AppError('group.not_found', { detail: `No device group is named ${name}` });
  return id;
}

const success = (
  row: number,
  outcome: 'created' | 'unchanged',
  deviceId: string | null,
  issued: Issued,
): RowResult => ({ row, ok: true, outcome, device_id: deviceId, error: null, detail: null, ...issued });

const failure = (row: number, error: string, detail: string): RowResult => ({
  row,
  ok: false,
  outcome: 'failed',
  device_id: null,
  error,
  detail,
  ...NOTHING,
});
