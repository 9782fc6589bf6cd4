import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Authority, openAuthority } from '#certs';
import { startIngest } from '../../../../control-plane/ingest/ingest.ts';
import { PENDING_CERTIFICATE_MS, revokeStalePending } from '../../../../control-plane/jobs/housekeeping.ts';
import { sweepSilent } from '../../../../control-plane/jobs/silence.ts';
import { SILENCE_MS } from '../../../../control-plane/presence/presence.ts';
import { startTelemetryCache } from '../../../../control-plane/settings-delivery/telemetry-cache.ts';
import { SILENT } from '../../../../db/log.ts';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { seedFleet } from '../../../support/seeded-fleet.ts';

let test: TestDatabase;
let dir: string;
let authority: Authority;
beforeAll(async () => {
  test = await createTestDatabase();
  dir = await mkdtemp(join(tmpdir(), 'jobs-'));
  authority = await openAuthority({ dir });
});
afterAll(async () => {
  await test.drop();
  await rm(dir, { recursive: true, force: true });
});

describe('sweepSilent', () => {
  it.each(['online', 'error'] as const)(
    'marks a silent device that said %s offline, but not while we were deaf ourselves',
    async (status) => {
      const slug = `silence-${status}`;
      const { organization, devices } = await seedFleet({
        database: test.database,
        authority,
        slug,
        count: 3,
      });
      const telemetry = await startTelemetryCache({ database: test.database, log: SILENT });
      const ingest = startIngest({ database: test.database, telemetry, log: SILENT, retry: false });
      const beatAt = new Date('2026-11-23T06:00:00Z');
      for (const { org, device } of devices) {
        await ingest.submit({
          kind: 'heartbeat',
          via: 'mqtt',
          address: { org, device },
          receivedAt: beatAt,
          heartbeat: { status, uptime: 1, session_epoch: 1, seq: 1 },
          certificateSerial: null,
        });
      }
      await ingest.stop();
      await telemetry.stop();
      const later = (ms: number): Date => new Date(beatAt.getTime() + ms);
      const longAgo = later(-3_600_000);
      expect(await sweepSilent(test.database, longAgo, later(SILENCE_MS - 1000))).toBe(0);
      expect(await sweepSilent(test.database, null, later(SILENCE_MS + 600_000))).toBe(0);
      expect(await sweepSilent(test.database, later(590_000), later(SILENCE_MS + 580_000))).toBe(0);
      expect(await sweepSilent(test.database, longAgo, later(SILENCE_MS + 1000))).toBe(3);
      expect(await sweepSilent(test.database, longAgo, later(SILENCE_MS + 2000))).toBe(0);
      const { byStatus } = await test.database.devices.summary(organization.id);
      expect(byStatus.offline).toBe(3);
    },
  );
});

describe('revokeStalePending', () => {
  it('revokes what no device used within the hour and tells the brokers', async () => {
    const { devices } = await seedFleet({
      database: test.database,
      authority,
      slug: 'stale',
      count: 2,
      state: 'pending',
    });
    const told = new Set<string>();
    const done = Promise.withResolvers<void>();
    const listening = await test.database.listen('edge_revocations', {
      onMessage(payload) {
        for (const serial of (payload as { serials: string[] }).serials) told.add(serial);
        if (told.size === 2) done.resolve();
      },
      onResync: () => undefined,
    });
    expect(await revokeStalePending(test.database, new Date())).toBe(0);
    expect(
      await revokeStalePending(test.database, new Date(Date.now() + PENDING_CERTIFICATE_MS + 1000)),
    ).toBe(2);
    await done.promise;
    await listening.stop();
    expect([...told].sort()).toEqual(devices.map(({ serial }) => serial).sort());
    expect(
      await revokeStalePending(test.database, new Date(Date.now() + PENDING_CERTIFICATE_MS + 1000)),
    ).toBe(0);
  });
});
