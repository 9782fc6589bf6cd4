/** Bulk pre-registration: every row stands alone, good ones are kept whatever the others are. */
import type { Static } from 'typebox';
import { decodeValue } from '#contract';
import type { Database } from '#db';
import { type ImportResult, ImportRow } from '#web-api';
import { toAppError } from '../access/store-failure.ts';
import { AppError } from '../errors.ts';
import { announce } from './announce.ts';

/** Rows written at a time; the rest of the connection pool stays free for others. */
const PARALLEL_ROWS = 4;

type RowResult = ImportResult['rows'][number];
type Plan =
  | { readonly row: number; readonly device: Static<typeof ImportRow> }
  | { readonly row: number; readonly error: string; readonly detail: string };

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

/** Ends the transaction of a trial row, which its throw rolls back. */
class TrialOver extends Error {}

/** @throws what is no row's fault, for instance AppError 'service.unavailable'; rows before it are kept. */
export async function importRows(
  database: Pick<Database, 'transaction'>,
  orgId: string,
  rows: readonly unknown[],
  options: { readonly isTrial: boolean; readonly now: Date },
): Promise<ImportResult> {
  const plans = planImport(rows);
  const results: RowResult[] = [];
  for (let start = 0; start < plans.length; start += PARALLEL_ROWS) {
    const part = plans.slice(start, start + PARALLEL_ROWS);
    // All of a part end before an error leaves, so that no row is written after the caller heard of it.
    const settled = await Promise.allSettled(part.map((plan) => importRow(database, orgId, plan, options)));
    for (const result of settled) {
      if (result.status === 'rejected') throw result.reason;
      results.push(result.value);
    }
  }
  const created = results.filter(({ ok }) => ok).length;
  return { created, failed: results.length - created, rows: results };
}

async function importRow(
  database: Pick<Database, 'transaction'>,
  orgId: string,
  plan: Plan,
  { isTrial, now }: { isTrial: boolean; now: Date },
): Promise<RowResult> {
  const { row } = plan;
  if ('error' in plan) return { row, ok: false, device_id: null, error: plan.error, detail: plan.detail };
  const { device_name: name, device_type: type, hardware_id: hardwareId, tags } = plan.device;
  try {
    const device = await database.transaction(async (stores) => {
      const created = await stores.devices.create(orgId, { name, type, hardwareId, tags: tags ?? [] });
      if (isTrial) throw new TrialOver();
      await announce(stores, {
        kind: 'device.created',
        organization_id: orgId,
        device_id: created.id,
        at: now.toISOString(),
      });
      return created;
    });
    return { row, ok: true, device_id: device.id, error: null, detail: null };
  } catch (cause) {
    if (cause instanceof TrialOver) return { row, ok: true, device_id: null, error: null, detail: null };
    const error = toAppError(cause);
    if (!(error instanceof AppError) || error.code === 'service.unavailable') throw error;
    return { row, ok: false, device_id: null, error: error.code, detail: error.message };
  }
}
