/**
 * Bar: a device that is killed at any step of a renewal holds one working pair; the authority changes under a
 * connected fleet without one session dropped; a revocation list that is over locks nobody out.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openAuthority } from '#certs';
import type { Running } from '../../../agent/agent.ts';
import { type AuthorityWorld, startAuthorityWorld, startBriskAgent } from '../../support/authority-world.ts';
import { runBar } from '../../support/bar.ts';
import { startTestServer } from '../../support/database-server.ts';
import { renewUnderKill } from '../../support/renewal-under-kill.ts';
import { SYSTEM_ADMIN } from '../../support/system-admin.ts';

const IS_LONG = process.argv.includes('--long');
const AGENTS = IS_LONG ? 300 : 50;
/** Of each step; a busy machine takes most of it. */
const STEP_DEADLINE_MS = 120_000;
const DAY_MS = 86_400_000;

await runBar(async () => {
  const server = await startTestServer();
  try {
    const kills = await renewUnderKill(IS_LONG);
    const { dropped, back, withOldList } = await rollOver();
    return {
      name: 'rotation',
      figure:
        `${kills.working} of ${kills.trials} kills left a working pair; ${dropped} of ${AGENTS} sessions dropped by a change of ` +
        `authority, ${back} came back under the new root, ${withOldList} beside a revocation list that is over`,
      limit: `all; 0, ${AGENTS}, ${AGENTS}`,
      holds: kills.working === kills.trials && dropped === 0 && back === AGENTS && withOldList === AGENTS,
    };
  } finally {
    await server.stop();
  }
});

/** @returns of the fleet: sessions dropped by the change, agents back under the new root, and beside an old list */
async function rollOver(): Promise<{ dropped: number; back: number; withOldList: number }> {
  await using world = await startAuthorityWorld();
  const agents: Running[] = [];
  try {
    const epochs = await startFleet(world, agents);
    await changeAuthority(world, agents);
    const dropped = agents.filter((agent, index) => agent.status().epoch !== epochs[index]).length;
    const back = await reconnectAll(agents);
    return { dropped, back, withOldList: await outliveList(world, agents) };
  } finally {
    // Before the folder that they write to goes.
    await Promise.all(agents.map((agent) => agent.stop()));
  }
}

/** @returns the epoch of each one's session */
async function startFleet(world: AuthorityWorld, agents: Running[]): Promise<(number | null)[]> {
  for (let index = 0; index < AGENTS; index += 1) {
    agents.push(await startBriskAgent(await world.enrol(`agent-${index}`)));
  }
  await until('every agent is heard', () => agents.every((agent) => agent.status().acknowledgedBeats > 0));
  return agents.map((agent) => agent.status().epoch);
}

/** New root and issuing CA; the servers move once all agents have had their chance to confirm. */
async function changeAuthority(world: AuthorityWorld, agents: readonly Running[]): Promise<void> {
  const next = await world.controlPlane.certificates.rollover(SYSTEM_ADMIN, {
    new_root: true,
    activate_after_seconds: 5,
    serve_after_seconds: 20,
  });
  await until('the servers stand under the new authority', async () => {
    const rows = await world.database.authorities.all();
    return rows.find(({ id }) => id === next.id)?.serves === true;
  });
  const moved = (await world.database.audit.list(null, {}, { limit: 100 })).items.find(
    ({ action }) => action === 'authority.serve',
  );
  const detail = JSON.stringify(moved?.detail);
  if (!detail.includes('"isConfirmed":true')) throw new Error(`not every agent knew the new root: ${detail}`);
  // The listeners take it up within a second; after two beats more of each, whoever was to drop has dropped.
  const beats = agents.map((agent) => agent.status().acknowledgedBeats);
  await until('every agent is heard again', () =>
    agents.every((agent, index) => agent.status().acknowledgedBeats > (beats[index] ?? 0) + 2),
  );
}

/** Each in a handshake of its own, which the new server certificate answers. @returns how many are connected again */
async function reconnectAll(agents: readonly Running[]): Promise<number> {
  const before = agents.map((agent) => agent.status().epoch ?? 0);
  const isBack = (agent: Running, index: number): boolean =>
    (agent.status().epoch ?? 0) > (before[index] ?? 0);
  for (const agent of agents) agent.reconnect();
  await until('every agent is back', () => agents.every(isBack)).catch(() => undefined);
  return agents.filter(isBack).length;
}

/** The published list is 40 days old: our own broker and HTTPS do not ask it, and the job writes a new one. */
async function outliveList(world: AuthorityWorld, agents: readonly Running[]): Promise<number> {
  const late = await openAuthority({
    dir: world.authorityDir,
    now: () => new Date(Date.now() - 40 * DAY_MS),
  });
  for (const { id } of late.generations) {
    await writeFile(join(world.authorityDir, id, 'crl.pem'), late.crl([]));
  }
  const lists = await world.authority.publishedLists();
  if (!lists.every(({ nextUpdate }) => nextUpdate.getTime() < Date.now())) throw new Error('no list is over');
  const back = await reconnectAll(agents);
  const written = await world.authority.publishLists([]);
  if (written.length !== late.generations.length) throw new Error('lists that are over were not renewed');
  return back;
}

async function until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const start = performance.now();
  while (!(await isTrue())) {
    if (performance.now() - start > STEP_DEADLINE_MS)
      throw new Error(`not within ${STEP_DEADLINE_MS} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  console.log(`${what}: ${Math.round(performance.now() - start)} ms`);
}
