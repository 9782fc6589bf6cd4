/** Requests per person, device and organisation. */
import { describe, expect, it } from 'vitest';
import { AppError, type DeviceCaller, type Person } from '#control-plane';
import { chargedOrg, createRateLimits } from '../../../web/server/rate-limits.ts';
import { createTokenBuckets, refilled, waitSeconds } from '../../../web/server/token-buckets.ts';

const RATES = { orgPerSecond: 10, userPerSecond: 6, devicePerSecond: 2 };
const origin = { ipAddress: null, userAgent: null, requestId: 'r' };

const person = (userId: string, ...orgIds: string[]): Person => ({
  ...{ kind: 'person', userId, email: `${userId}@example.org`, origin },
  ...{ isSystemAdmin: false, mustChangePassword: false, mustEnrollTotp: false },
  roles: new Map(orgIds.map((id) => [id, 'org_member'])),
  ...{ groups: new Map(), barred: new Map(), apiKey: null, csrfToken: '', sessionTokenHash: 's' },
});
const device = (deviceId: string): DeviceCaller => ({
  ...{ kind: 'device', deviceId, orgId: 'acme', orgSlug: 'acme', certificateSerial: '1', origin },
});

/** How many of `count` requests at one instant pass; each comes with the same credential. */
async function passed(
  limits: ReturnType<typeof createRateLimits>,
  caller: Person | DeviceCaller,
  count: number,
): Promise<number> {
  const credential =
    caller.kind === 'device' ? caller.deviceId : `${caller.userId} ${caller.sessionTokenHash}`;
  const results = await Promise.allSettled(
    Array.from({ length: count }, () => limits.charged({ credential, orgId: null }, async () => caller)),
  );
  for (const result of results) {
    if (result.status === 'rejected') {
      expect(result.reason).toMatchObject({ code: 'rate.limited', retryAfterSeconds: 1 });
    }
  }
  return results.filter(({ status }) => status === 'fulfilled').length;
}

describe('a token bucket', () => {
  const rate = { perSecond: 2, burst: 4 };

  it('fills with time, up to its burst, and not by a clock that is set back', () => {
    expect(refilled(rate, undefined, 0).tokens).toBe(4);
    expect(refilled(rate, { tokens: 0, atMs: 0 }, 1500).tokens).toBe(3);
    expect(refilled(rate, { tokens: 0, atMs: 0 }, 60_000).tokens).toBe(4);
    expect(refilled(rate, { tokens: 1, atMs: 5000 }, 0).tokens).toBe(1);
  });

  it('names whole seconds to wait, at least one', () => {
    expect(waitSeconds(rate, { tokens: 1, atMs: 0 })).toBe(0);
    expect(waitSeconds(rate, { tokens: 0.9, atMs: 0 })).toBe(1);
    expect(waitSeconds({ perSecond: 0.1, burst: 1 }, { tokens: 0, atMs: 0 })).toBe(10);
  });

  it('is remembered for no more keys than it may be', () => {
    const buckets = createTokenBuckets({ perSecond: 1, burst: 1 }, 2, () => 0);
    for (const key of ['a', 'b', 'c']) buckets.take(key);
    expect(['a', 'b', 'c'].map((key) => buckets.wait(key))).toEqual([0, 1, 1]);
  });
});

describe('createRateLimits', () => {
  it('holds a person to the rate of a person, whatever sessions or keys it uses', async () => {
    const clock = { ms: 0 };
    const limits = createRateLimits(RATES, () => clock.ms);
    const ada = person('ada', 'acme');
    expect(await passed(limits, ada, 7)).toBe(7);
    expect(await passed(limits, { ...ada, sessionTokenHash: 'other' }, 20)).toBe(5);
    clock.ms = 1000;
    expect(await passed(limits, ada, 20)).toBe(6);
  });

  it('holds the people of an organisation to its rate together, and leaves others alone', async () => {
    const limits = createRateLimits(RATES, () => 0);
    const through: number[] = [];
    for (const name of ['ada', 'bob', 'carol']) through.push(await passed(limits, person(name, 'acme'), 12));
    expect(through).toEqual([12, 8, 0]);
    expect(await passed(limits, person('eve', 'globex'), 12)).toBe(12);
  });

  it('does not let devices use up what people have', async () => {
    const limits = createRateLimits(RATES, () => 0);
    expect(await passed(limits, device('d1'), 50)).toBe(20);
    expect(await passed(limits, device('d2'), 50)).toBe(20);
    expect(await passed(limits, person('ada', 'acme'), 12)).toBe(12);
  });

  it('lets no more than the rate reach whoever looks at credentials, of many at once', async () => {
    const limits = createRateLimits(RATES, () => 0);
    const target = { credential: 'key ock_x', orgId: null };
    let looks = 0;
    const look = async () => {
      looks += 1;
      return person('ada', 'acme');
    };
    await limits.charged(target, look);
    await Promise.allSettled(Array.from({ length: 100 }, () => limits.charged(target, look)));
    expect(looks).toBe(12);
  });

  it('charges nobody for a credential that does not hold any longer', async () => {
    const limits = createRateLimits(RATES, () => 0);
    const target = { credential: 'key ock_x', orgId: null };
    await limits.charged(target, async () => person('ada', 'acme'));
    const refuse = async (): Promise<Person> => {
      throw new AppError('auth.required');
    };
    for (let attempt = 0; attempt < 50; attempt += 1) {
      await expect(limits.charged(target, refuse)).rejects.toMatchObject({ code: 'auth.required' });
    }
    // One for the request that was right, one for the first that was not.
    expect(await passed(limits, person('ada', 'acme'), 50)).toBe(10);
  });

  it('has none where none are set', async () => {
    expect(await passed(createRateLimits(null), person('ada', 'acme'), 1000)).toBe(1000);
  });
});

describe('chargedOrg', () => {
  it.each([
    ['the only one', ['a'], null, 'a'],
    ['the named one', ['a', 'b'], 'B', 'b'],
    ['none where several could be meant', ['a', 'b'], null, null],
    ['never a foreign one', ['a', 'b'], 'c', null],
    ['none of a person without any', [], 'c', null],
  ])('is %s', (_sentence, orgIds, named, expected) => {
    expect(chargedOrg(orgIds, named)).toBe(expected);
  });
});
