/**
 * Carries the change of authority on, step by step: each is one transaction with its audit row, decided anew from the
 * rows, so that a process killed at any point leaves nothing half and the next run goes on. Files follow the rows.
 */
import type { Authority } from '#certs';
import type { AuthorityDependants, Database, InstallationAuthority, Stores } from '#db';
import type { Logger } from '../log.ts';
import { generationRow } from './generation-row.ts';
import { arrangementOf, nextStep, rootMarkOf, type Step } from './plan.ts';

/** A change has three; more in one run would be a fault. */
const MAX_STEPS = 5;

export interface ChangeDeps {
  readonly database: Pick<Database, 'transaction' | 'authorities'>;
  readonly authority: Authority;
  readonly log: Logger;
  readonly now: () => Date;
}

/** Adopts what is on disk on first use, takes every step that is due, and brings the file in line. Idempotent. */
export async function carryOn(deps: ChangeDeps): Promise<void> {
  await adopt(deps);
  for (let taken = 0; taken < MAX_STEPS; taken += 1) {
    const step = await takeStep(deps);
    if (step === null) break;
    deps.log.info({ ...step }, 'change of authority');
  }
  const rows = await deps.database.authorities.all();
  const arrangement = arrangementOf(rows);
  if (arrangement === null) {
    deps.log.error({ generations: rows.length }, 'no authority is active in the database');
    return;
  }
  // An installation that never changed its authority has no such file, and needs none.
  const isFirst = rows.length === 1 && rows[0]?.id === 'ca';
  if (!isFirst) await deps.authority.arrange(arrangement);
}

/** The rows of a database that is new to these keys: what the folder says, as it says it. */
export async function adopt({ database, authority, now }: ChangeDeps): Promise<void> {
  if ((await database.authorities.all()).length > 0) return;
  const at = now();
  await database.transaction(async ({ authorities }) => {
    for (const generation of authority.generations) {
      const { state, isServing } = generation;
      const activatedAt = state === 'next' ? null : at;
      const rest = { state, serves: isServing, activateAt: at, serveAt: at, createdBy: null, activatedAt };
      await authorities.add(generationRow(generation, rest));
    }
  });
}

function takeStep({ database, now }: ChangeDeps): Promise<Step | null> {
  return database.transaction(async (stores) => {
    const generations = await stores.authorities.lock();
    const at = now();
    const step = nextStep(generations, await dependantsOf(stores, generations, at), at);
    if (step === null) return null;
    await applyStep(stores, step, at);
    await stores.audit.append({
      orgId: null,
      actor: 'system',
      ipAddress: null,
      action: `authority.${step.kind}`,
      object: `authority:${step.id}`,
      outcome: 'success',
      detail: detailOf(step),
    });
    return step;
  });
}

/** Read only for generations that a step may wait for. */
export async function dependantsOf(
  { authorities }: Pick<Stores, 'authorities'>,
  generations: readonly InstallationAuthority[],
  now: Date,
): Promise<Map<string, AuthorityDependants>> {
  const found = new Map<string, AuthorityDependants>();
  const isQuiet = generations.filter(({ state }) => state !== 'retired').length < 2;
  if (isQuiet) return found;
  for (const { id, state, rootFingerprintSha256 } of generations) {
    if (state === 'retired') continue;
    found.set(id, await authorities.dependants(id, rootMarkOf(rootFingerprintSha256), now));
  }
  return found;
}

/** The old one leaves its place first: the database lets only one be active, and one serve. */
async function applyStep({ authorities }: Pick<Stores, 'authorities'>, step: Step, at: Date): Promise<void> {
  switch (step.kind) {
    case 'activate':
      if (step.retiring !== null) await authorities.change(step.retiring, { state: 'retiring' });
      await authorities.change(step.id, { state: 'active', activatedAt: at });
      return;
    case 'serve':
      if (step.from !== null) await authorities.change(step.from, { serves: false });
      await authorities.change(step.id, { serves: true, servedAt: at });
      return;
    case 'retire':
      await authorities.change(step.id, { state: 'retired', retiredAt: at });
  }
}

const detailOf = (step: Step): Record<string, unknown> => {
  const { kind: _, id: __, ...detail } = step;
  return detail;
};
