/** An open stream looks at its session again and again; that must not keep it from idling out. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Database } from '#db';
import { DEFAULT_SESSION_LIMITS, findSession, openSession } from '../../../control-plane/access/sessions.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';

let test: TestDatabase;
let database: Database;
beforeAll(async () => {
  test = await createTestDatabase();
  database = test.database;
});
afterAll(() => test.drop());

describe('a session', () => {
  it('idles out under looks, and lives on by use', async () => {
    const user = await database.users.create({
      email: 'ada@example.com',
      name: 'Ada',
      passwordHash: 'none',
      isSystemAdmin: false,
      mustChangePassword: false,
    });
    const startedAt = new Date();
    const origin = { ipAddress: null, userAgent: null, requestId: 'r' };
    const { session } = await openSession(database.sessions, {
      userId: user.id,
      origin,
      now: startedAt,
      random: randomBytes,
    });
    const at = (share: number) => new Date(startedAt.getTime() + share * DEFAULT_SESSION_LIMITS.idleMs);
    const alive = async (share: number, touch: boolean) => {
      const found = await findSession(
        database.sessions,
        session.tokenHash,
        at(share),
        DEFAULT_SESSION_LIMITS,
      );
      if (found !== null && touch) await database.sessions.touch(found, at(share));
      return found !== null;
    };
    expect(await alive(0.6, false)).toBe(true);
    expect(await alive(0.9, true)).toBe(true);
    // Used at 0.9: alive beyond the first idle end; the looks since do not count.
    expect(await alive(1.5, false)).toBe(true);
    expect(await alive(1.95, false)).toBe(false);
  });
});
