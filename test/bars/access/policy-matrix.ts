/**
 * Every route × everybody × own, foreign and random ids answers as the policy table says, and a foreign id takes as long
 * as a made-up one. The matrix is that of the integration tests, made from the OpenAPI document; the timing is measured
 * here, pairs in turn, so that a busy machine slows both down.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Type } from 'typebox';
import { decodeValue } from '#contract';
import { openWorld } from '../../integration/web-server/policy-world.ts';
import { startRealStack } from '../../integration/web-server/real-stack.ts';
import { percentile, runBar } from '../../support/bar.ts';
import { startTestServer } from '../../support/database-server.ts';

const isLong = process.argv.includes('--long');
const PAIRS = isLong ? 2000 : 200;
/** Medians of the two; a lookup more would be half as much again. */
const MAX_RATIO = 1.25;
const MATRIX = [
  'test/integration/web-server/policy-matrix.test.ts',
  'test/integration/web-server/policy-foreign.test.ts',
];

const Report = Type.Object({ numTotalTests: Type.Integer(), numPassedTests: Type.Integer() });

async function runMatrix(): Promise<{ total: number; passed: number }> {
  const dir = await mkdtemp(join(tmpdir(), 'edge-policy-'));
  const file = join(dir, 'report.json');
  try {
    const child = spawn(
      process.execPath,
      [
        'node_modules/.bin/vitest',
        'run',
        '--project',
        'integration',
        '--reporter=json',
        `--outputFile=${file}`,
        ...MATRIX,
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    const { promise, resolve } = Promise.withResolvers<void>();
    child.once('exit', () => resolve());
    await promise;
    const decoded = decodeValue(Report, JSON.parse(await readFile(file, 'utf8')));
    if (!decoded.ok) throw new Error(`the report of the matrix cannot be read: ${decoded.reason}`);
    return { total: decoded.value.numTotalTests, passed: decoded.value.numPassedTests };
  } finally {
    await rm(dir, { recursive: true });
  }
}

/** Median of the foreign id over that of the random one, for one object of each kind. */
async function timingRatio(): Promise<number> {
  const server = await startTestServer();
  const stack = await startRealStack();
  try {
    const world = await openWorld(stack);
    const admin = world.principals.find(({ name }) => name === 'org admin');
    const session = await admin?.session();
    if (session === null || session === undefined) throw new Error('nobody is org admin');
    const ask = async (path: string): Promise<number> => {
      const start = performance.now();
      const { status } = await stack.web.call(`${stack.web.httpUrl}${path}`, {
        headers: { cookie: session.cookie },
      });
      if (status !== 404) throw new Error(`${path}: ${status}`);
      return performance.now() - start;
    };
    const paths = (ids: ReturnType<typeof world.random>) => [
      `/api/v1/admin/edge/devices/${ids.device_id}`,
      `/api/v1/admin/edge/registration-tokens/${ids.token_id}`,
      `/api/v1/admin/edge/groups/${ids.group_id}`,
      `/api/v1/admin/organizations/${ids.organization_id}`,
      `/api/v1/admin/edge/devices/${ids.device_id}/claim-code`,
    ];
    const ratios: number[] = [];
    for (const [kind, foreignPath] of paths(world.second.standing).entries()) {
      const times = { foreign: [] as number[], random: [] as number[] };
      for (let pair = 0; pair < PAIRS; pair += 1) {
        const randomPath = paths(world.random())[kind] ?? '';
        // Neither is always the first of its pair.
        const order = pair % 2 === 0 ? (['foreign', 'random'] as const) : (['random', 'foreign'] as const);
        for (const which of order)
          times[which].push(await ask(which === 'foreign' ? foreignPath : randomPath));
      }
      const ratio = percentile(times.foreign, 0.5) / percentile(times.random, 0.5);
      process.stdout.write(`${foreignPath.split('/').at(-2)}: ${ratio.toFixed(3)}\n`);
      ratios.push(Math.max(ratio, 1 / ratio));
    }
    return Math.max(...ratios);
  } finally {
    await stack.stop();
    await server.stop();
  }
}

await runBar(async () => {
  const ratio = await timingRatio();
  const { total, passed } = await runMatrix();
  return {
    name: 'policy-matrix',
    figure: `${passed} of ${total} as the policy; foreign to random id ${ratio.toFixed(2)}`,
    limit: `all, ratio ≤ ${MAX_RATIO}`,
    holds: total > 0 && passed === total && ratio <= MAX_RATIO,
  };
});
