/** Audit log and refusals. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { withClient } from '../../support/database-server.ts';
import { makeWorld, newDevice, type World } from './world.ts';

let test: TestDatabase;
let world: World;
beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.drop());
beforeEach(async () => {
  world = await makeWorld(test.database);
});

describe('the audit log', () => {
  const entry = (object: string) => ({
    ...{
      orgId: world.ours.id,
      actor: 'person:ann@example.org',
      ipAddress: '192.0.2.7',
      action: 'device.update',
    },
    ...{ object, outcome: 'success' as const, detail: { name: 'x' } },
  });

  it('lists newest first, by object and page, to the organisations asked for', async () => {
    const { audit } = test.database;
    for (const object of ['device:1', 'device:2', 'device:1']) await audit.append(entry(object));
    await audit.append({ ...entry('system'), orgId: null, detail: null });
    const first = await audit.list(world.ours.id, {}, { limit: 2 });
    expect(first.items.map(({ object }) => object)).toEqual(['device:1', 'device:2']);
    expect(first.items[0]).toMatchObject(entry('device:1'));
    const second = await audit.list(world.ours.id, {}, { limit: 2, cursor: first.nextCursor ?? '' });
    expect(second).toMatchObject({ total: 3, nextCursor: null, items: [{ object: 'device:1' }] });
    expect(await audit.list([world.ours.id], { object: 'device:2' }, { limit: 9 })).toMatchObject({
      total: 1,
    });
    expect(await audit.list(world.theirs.id, {}, { limit: 9 })).toMatchObject({ total: 0 });
    expect((await audit.list(null, { object: 'system' }, { limit: 9 })).items[0]).toMatchObject({
      orgId: null,
      detail: null,
    });
  });

  it.each(['UPDATE audit_log SET actor = actor', 'DELETE FROM audit_log', 'TRUNCATE audit_log'])(
    'refuses %s',
    async (statement) => {
      await test.database.audit.append(entry('device:1'));
      await withClient(test.url, async (client) => {
        await expect(client.query(statement)).rejects.toThrow('append-only');
      });
    },
  );
});

describe('refusals', () => {
  it('reach the admins of the organisation they concern', async () => {
    const { refusals, devices } = test.database;
    const device = await devices.create(world.ours.id, newDevice());
    const at = new Date('2026-11-23T10:00:00Z');
    const refusal = { org: world.ours.slug, reason: 'publish.topic' as const, detail: 'edge/v1/x', count: 3 };
    await refusals.append(
      {
        refusals: [
          { ...refusal, device: device.id },
          { ...refusal, device: 'integrations/grafana', count: 1 },
          { ...refusal, org: null, device: null, reason: 'identity.unknown' },
          { ...refusal, org: 'no-such-org', device: null },
        ],
      },
      at,
    );
    const ours = await refusals.list(world.ours.id, {}, { limit: 10 });
    expect(ours).toMatchObject({
      total: 2,
      items: [
        { deviceId: null, count: 1 },
        { deviceId: device.id, at, count: 3 },
      ],
    });
    expect(await refusals.list([world.ours.id], { deviceId: device.id }, { limit: 10 })).toMatchObject({
      total: 1,
    });
    expect(await refusals.list(world.theirs.id, { deviceId: device.id }, { limit: 10 })).toMatchObject({
      total: 0,
    });
    expect(await refusals.list(null, {}, { limit: 10 })).toMatchObject({ total: 4 });
    expect(await refusals.deleteBefore(at)).toBe(0);
    expect(await refusals.deleteBefore(new Date(at.getTime() + 1))).toBe(4);
  });
});
