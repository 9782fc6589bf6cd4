/** What an organisation takes along: every table of its own is in the export, or is left out for a reason. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXPORT_TABLES } from '../../../db/stores/organization-export.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';

const LEFT_OUT: Readonly<Record<string, string>> = {
  api_keys: 'they prove who somebody is, and hold for this installation alone',
  audit_checkpoints: 'have a route of their own',
  audit_log: 'has an export of its own, which can be verified',
  broker_refusals: 'what the broker refused is kept for 30 days, for looking into',
  device_claim_codes: 'each is a way to take a device over, and holds for this installation alone',
  device_logs: 'time series: exported with ?include=telemetry',
  device_metrics: 'time series: exported with ?include=telemetry',
  device_metrics_1d: 'sums of device_metrics',
  device_metrics_1h: 'sums of device_metrics',
  device_metrics_1m: 'sums of device_metrics',
  ingest_minutes: 'counts of the service’s own work',
  organization_keys: 'keys never leave',
  presence_events: 'time series: exported with ?include=telemetry',
  secret_versions: 'values of secrets never leave',
};

let test: TestDatabase;
let owned: string[];

beforeAll(async () => {
  test = await createTestDatabase();
  const client = new pg.Client({ connectionString: test.url });
  await client.connect();
  const { rows } = await client.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
     WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
       AND a.attname = 'organization_id' ORDER BY 1`,
  );
  owned = rows.map(({ name }) => name);
  await client.end();
});
afterAll(() => test.drop());

const exported = new Set(Object.values(EXPORT_TABLES).map(({ from }) => from.split(' ')[0] ?? ''));

describe('the export of an organisation', () => {
  it('holds every table of organisations, or says why not', () => {
    expect(owned.length).toBeGreaterThan(20);
    expect(owned.filter((name) => !exported.has(name) && !Object.hasOwn(LEFT_OUT, name))).toEqual([]);
  });

  it('leaves out no table that is gone or is in it after all', () => {
    expect(Object.keys(LEFT_OUT).filter((name) => !owned.includes(name) || exported.has(name))).toEqual([]);
  });

  it('asks for columns that are there, and for no secret, hash or key', async () => {
    const id = '00000000-0000-4000-8000-000000000000';
    for (const kind of Object.keys(EXPORT_TABLES) as (keyof typeof EXPORT_TABLES)[]) {
      await expect(test.database.organizationExport.page(id, kind, null, 10)).resolves.toEqual([]);
      expect(EXPORT_TABLES[kind].columns, kind).not.toMatch(/_hash|sealed|csr|password|wrapped|thumbprint/);
    }
  });
});
