/** A real agent through a change of the root: it learns the new one over its link, keeps it, and lives by it afterwards. */
import { X509Certificate } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { get } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Running } from '../../../../agent/agent.ts';
import { readIdentity } from '../../../../agent/identity.ts';
import { openStateFolder } from '../../../../agent/state.ts';
import { fingerprintOf, openTrust } from '../../../../agent/trust.ts';
import {
  type AuthorityWorld,
  startAuthorityWorld,
  startBriskAgent,
} from '../../../support/authority-world.ts';
import { SYSTEM_ADMIN } from '../../../support/system-admin.ts';

const DEADLINE_MS = 60_000;
const ignore = () => undefined;
const QUIET = { debug: ignore, info: ignore, warn: ignore, error: ignore };
let world: AuthorityWorld;
beforeAll(async () => {
  world = await startAuthorityWorld();
}, DEADLINE_MS);
afterAll(() => world?.stop());

/** Of the roots in the device's `trust.json`; null where there is no such file. */
async function rootsKept(stateDir: string): Promise<string[] | null> {
  const text = await readFile(join(stateDir, 'trust.json'), 'utf8').catch(() => null);
  if (text === null) return null;
  const { roots } = JSON.parse(text) as { roots: string };
  return (roots.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? []).map((pem) =>
    fingerprintOf(new X509Certificate(pem)),
  );
}
const beats = async (agent: Running, more: number): Promise<void> => {
  const before = agent.status().acknowledgedBeats;
  await expect
    .poll(() => agent.status().acknowledgedBeats, { timeout: DEADLINE_MS })
    .toBeGreaterThanOrEqual(before + more);
};
/** With the roots that the agent takes for HTTPS. @returns the status */
async function asksOverHttps(stateDir: string): Promise<number | undefined> {
  const folder = await openStateFolder(stateDir);
  const trust = await openTrust(folder, await readIdentity(folder));
  return new Promise((resolve, reject) => {
    get(`${world.httpsUrl}/ca.pem`, { agent: false, ca: trust.httpsRoots() }, (reply) => {
      reply.resume();
      resolve(reply.statusCode);
    }).on('error', reject);
  });
}
const rootOf = async (id: string): Promise<string | undefined> =>
  (await world.database.authorities.all()).find((row) => row.id === id)?.rootFingerprintSha256;

it(
  'goes on under the new root without a dropped session, after a restart, and for HTTPS',
  async () => {
    const stateDir = await world.enrol('travels');
    const agent = await startBriskAgent(stateDir);
    await beats(agent, 1);
    const { epoch } = agent.status();
    expect(await rootsKept(stateDir)).toBeNull();

    const next = await world.controlPlane.certificates.rollover(SYSTEM_ADMIN, {
      new_root: true,
      activate_after_seconds: 5,
      serve_after_seconds: 20,
    });
    const [oldRoot, newRoot] = [await rootOf('ca'), await rootOf(next.id)];
    await expect
      .poll(() => rootsKept(stateDir), { timeout: DEADLINE_MS })
      .toEqual(expect.arrayContaining([oldRoot, newRoot]));
    const isServing = async () =>
      (await world.database.authorities.all()).find(({ id }) => id === next.id)?.serves === true;
    await expect.poll(isServing, { timeout: DEADLINE_MS }).toBe(true);
    await beats(agent, 2);
    expect(agent.status().epoch).toBe(epoch);

    // Where the servers stand under the new root, only what it kept lets it in.
    await agent.stop();
    const again = await startBriskAgent(stateDir);
    await beats(again, 1);
    await again.stop();
    expect(await asksOverHttps(stateDir)).toBe(200);

    await rm(join(stateDir, 'trust.json'));
    await expect(asksOverHttps(stateDir)).rejects.toThrow(/certificate/);
    const reasons: string[] = [];
    const forgetful = await startBriskAgent(stateDir, {
      log: { ...QUIET, warn: ({ reason }) => void reasons.push(String(reason)) },
    });
    await expect.poll(() => reasons.join(), { timeout: DEADLINE_MS }).toMatch(/certificate/);
    expect(forgetful.status().isConnected).toBe(false);
    await forgetful.stop();
  },
  4 * DEADLINE_MS,
);
