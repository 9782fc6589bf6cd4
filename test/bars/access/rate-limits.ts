/**
 * Limits of sign-in, enrolment and the API, over the real server and database: who goes beyond is refused with
 * Retry-After, and what an organisation asks beyond its quota, ten times of it, does not slow another one down: the other's
 * p95 is compared with that beside the same organisation within its quota.
 * `node test/bars/access/rate-limits.ts [--long] [--org-per-second 100]`
 */
import { parseArgs } from 'node:util';
import { type RealStack, startRealStack } from '../../integration/web-server/real-stack.ts';
import { startWeb, type WebFixture } from '../../integration/web-server/web-fixture.ts';
import { type BarResult, percentile, runBar } from '../../support/bar.ts';
import { startTestServer } from '../../support/database-server.ts';
import { runPaced } from '../../support/paced-client.ts';

const BURST_SECONDS = 2;
const PEOPLE = 24;
const PHASE_MS = 4000;
/** A flood of fewer times the quota says nothing. */
const MIN_FLOOD = 5;
/** Times the quota. */
const FLOOD = 10;
const MAX_SLOWDOWN = 1.1;
/** Of what the quota allows, the share that must get through: timers are not exact. */
const MIN_SHARE = 0.9;

const { values } = parseArgs({
  options: {
    long: { type: 'boolean', default: false },
    // A smaller quota for a machine that cannot be asked a thousand times a second.
    'org-per-second': { type: 'string', default: '100' },
  },
});
const quota = Number(values['org-per-second']);
const RATES = { orgPerSecond: quota, userPerSecond: quota / 2, devicePerSecond: 20 };
const QUIET_PER_SECOND = 0.4 * quota;
const rounds = values.long ? 12 : 4;

await runBar(async (): Promise<BarResult> => {
  const server = await startTestServer();
  const stack = await startRealStack();
  const web = await startWeb(stack.controlPlane, stack.authority, { requestRates: RATES });
  try {
    const login = await attemptsBefore429(web, '/api/v1/auth/login', (index) => ({
      email: `guess${index}@example.com`,
      password: 'wrong',
    }));
    const token = await attemptsBefore429(web, '/api/v1/edge/devices/register', (index) => ({
      ...{ device_name: `d${index}`, device_type: 'gateway', hardware_id: `h${index}` },
      ...{ firmware_version: '1.0.0', registration_token: `oce_abcdefgh_${'x'.repeat(40)}` },
    }));
    console.log(`sign-in refused after ${login}, enrolment after ${token} attempts`);
    const noisy = await organization(stack, 'noisy');
    const quiet = await organization(stack, 'quiet');
    const ask = ({ id, cookies }: Organization, perSecond: number) =>
      runPaced({
        url: `${web.httpUrl}/api/v1/admin/organizations/${id}`,
        ...{ cookies, perSecond, forMs: PHASE_MS },
      });
    // What was saved up is used up, and the code is warm.
    await Promise.all([ask(noisy, quota * FLOOD), ask(quiet, QUIET_PER_SECOND)]);
    const within: number[] = [];
    const beside: number[] = [];
    let [through, asked, floodMs] = [0, 0, 0];
    let withoutRetryAfter = 0;
    const odd: string[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const [, calm] = await Promise.all([ask(noisy, quota), ask(quiet, QUIET_PER_SECOND)]);
      within.push(...calm.latenciesMs);
      const [loud, still] = await Promise.all([ask(noisy, quota * FLOOD), ask(quiet, QUIET_PER_SECOND)]);
      beside.push(...still.latenciesMs);
      through += loud.statuses['200'] ?? 0;
      asked += loud.sent;
      floodMs += loud.tookMs;
      withoutRetryAfter += loud.withoutRetryAfter;
      odd.push(
        ...Object.keys({ ...loud.statuses, ...still.statuses }).filter((one) => !/^(200|429)$/.test(one)),
      );
      if (still.statuses['429'] !== undefined) odd.push('429 in the quiet organisation');
      console.log(`flood ${JSON.stringify(loud.statuses)}, quiet ${JSON.stringify(still.statuses)}`);
    }
    const seconds = floodMs / 1000;
    if (asked / seconds < MIN_FLOOD * RATES.orgPerSecond) {
      throw new Error(
        `not measured: the machine could ask only ${Math.round(asked / seconds)} times a second`,
      );
    }
    const most = seconds * RATES.orgPerSecond + rounds * BURST_SECONDS * RATES.orgPerSecond;
    const least = seconds * RATES.orgPerSecond * MIN_SHARE;
    const [before, after] = [percentile(within, 0.95), percentile(beside, 0.95)];
    const slowdown = after / before;
    const perSecond = Math.round(through / seconds);
    return {
      name: 'rate-limits',
      figure:
        `login ${login}/min, token ${token}/min, API ${perSecond}/s of ${Math.round(asked / seconds)}/s asked (burst included), ` +
        `${withoutRetryAfter} refusals without Retry-After; the other organisation's p95 ${before.toFixed(1)} ms beside the quota → ` +
        `${after.toFixed(1)} ms beside the flood (× ${slowdown.toFixed(2)})${odd.length > 0 ? `, odd: ${[...new Set(odd)]}` : ''}`,
      limit: `5, 10, ${RATES.orgPerSecond}/s and its burst, 0, < × ${MAX_SLOWDOWN}`,
      holds:
        login === 5 &&
        token === 10 &&
        through <= most &&
        through >= least &&
        withoutRetryAfter === 0 &&
        odd.length === 0 &&
        slowdown < MAX_SLOWDOWN,
    };
  } finally {
    await web.stop();
    await stack.stop();
    await server.stop();
  }
});

/** Attempts with other names from one address until 429, which must say how long to wait. */
async function attemptsBefore429(
  web: WebFixture,
  path: string,
  bodyOf: (index: number) => object,
): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const { status, headers } = await web.call(`${web.httpsUrl}${path}`, {
      method: 'POST',
      body: bodyOf(attempt),
    });
    if (status !== 429) continue;
    if (!/^[1-9]\d*$/.test(String(headers['retry-after'])))
      throw new Error(`${path}: 429 without Retry-After`);
    return attempt;
  }
  return Number.POSITIVE_INFINITY;
}

interface Organization {
  readonly id: string;
  /** Of its people. */
  readonly cookies: readonly string[];
}

async function organization(
  { database, addUser, openSession }: RealStack,
  slug: string,
): Promise<Organization> {
  const { id } = await database.organizations.create({ slug, name: slug });
  const cookies: string[] = [];
  for (let index = 0; index < PEOPLE; index += 1) {
    const userId = await addUser({ email: `person${index}@${slug}.example` });
    await database.users.addMember(id, userId, 'org_member');
    cookies.push((await openSession(userId)).cookie);
  }
  return { id, cookies };
}
