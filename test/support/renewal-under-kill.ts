/** Renewals of real agent processes that are killed (SIGKILL) before and after each write of their key file. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Type } from 'typebox';
import { decodeValue } from '#contract';
import { type AuthorityWorld, startAuthorityWorld } from './authority-world.ts';

/** Life of two minutes, backdated by five: two thirds are over at once, so that a renewal is due with the first beat. */
const SHORT_DAYS = 120 / 86_400;
const TRIAL_MS = 110_000;
/** Agents at a time: on a busy machine more would only wait for each other. */
const WIDTH = 3;
/** A renewal saves the key file three times (key, chain, promotion), each in the steps open, rename, done. */
const SAVES = 3;
const STEPS_OF_SAVE = ['open', 'rename', 'renamed'] as const;

const StatusFile = Type.Object({
  connected: Type.Boolean(),
  epoch: Type.Union([Type.Integer(), Type.Null()]),
});
const CredentialsFile = Type.Object({
  current: Type.Object({ certificate_chain: Type.String() }),
  next: Type.Optional(Type.Object({ private_key: Type.String() })),
});

export interface KillFigures {
  readonly trials: number;
  /** Afterwards the device was connected again, and had a renewed pair. */
  readonly working: number;
}

/** Also restarts the control plane in the middle of renewals. */
export async function renewUnderKill(isLong: boolean): Promise<KillFigures> {
  await using world = await startAuthorityWorld({ deviceCertificateDays: SHORT_DAYS });
  let trials = 0;
  let working = 0;
  for (let round = 0; round < (isLong ? 5 : 1); round += 1) {
    const points = pointsOf(isLong);
    const outcomes: boolean[] = [];
    for (let start = 0; start < points.length; start += WIDTH) {
      const some = points.slice(start, start + WIDTH);
      outcomes.push(
        ...(await allOf(
          some.map(({ save, step }) => trial(world, `r${round}-${save}-${step}`, `${save}:${step}`)),
        )),
      );
    }
    const served = trial(world, `r${round}-server`, null);
    await world.restartService();
    outcomes.push(await served);
    trials += outcomes.length;
    working += outcomes.filter(Boolean).length;
  }
  return { trials, working };
}

/** Fails like `Promise.all`, but when all have ended: none may run on while its folder goes. */
async function allOf<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

/** Every step of every save in the long run; in the short one each step and each save at least once. */
function pointsOf(isLong: boolean): { save: number; step: (typeof STEPS_OF_SAVE)[number] }[] {
  return Array.from({ length: SAVES }, (_, index) => index + 1).flatMap((save) =>
    STEPS_OF_SAVE.filter((_, index) => isLong || (save + index) % 2 === 0).map((step) => ({ save, step })),
  );
}

/** `killAt`: the point at which the first life ends itself; null = it lives on. */
async function trial(world: AuthorityWorld, name: string, killAt: string | null): Promise<boolean> {
  const stateDir = await world.enrol(name);
  const first = await chainIn(stateDir);
  if (killAt !== null) {
    const doomed = startAgent(stateDir, killAt);
    const [, signal] = await withinTrial(once(doomed, 'exit'), `${name}: the kill at ${killAt}`, doomed);
    if (signal !== 'SIGKILL')
      throw new Error(`${name}: the agent ended by ${signal}, not by the kill at ${killAt}`);
  }
  const second = startAgent(stateDir, null);
  try {
    const end = performance.now() + TRIAL_MS;
    while (performance.now() < end) {
      if ((await isConnected(stateDir)) && (await chainIn(stateDir)) !== first && (await isSettled(stateDir)))
        return true;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return false;
  } finally {
    second.kill('SIGKILL');
    await once(second, 'exit');
  }
}

function startAgent(stateDir: string, killAt: string | null): ChildProcess {
  const preload = join(import.meta.dirname, 'die-at-write.ts');
  return spawn(
    process.execPath,
    ['--import', preload, join(import.meta.dirname, 'brisk-agent-process.ts'), stateDir],
    {
      env: { ...process.env, ...(killAt === null ? {} : { DIE_AT: killAt, DIE_FILE: 'credentials.json' }) },
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
}

async function withinTrial<T>(work: Promise<T>, what: string, child: ChildProcess): Promise<T> {
  const deadline = setTimeout(() => child.kill('SIGTERM'), TRIAL_MS);
  try {
    return await work;
  } catch (error) {
    throw new Error(what, { cause: error });
  } finally {
    clearTimeout(deadline);
  }
}

const read = async <S extends Type.TSchema>(file: string, schema: S): Promise<Type.Static<S> | null> => {
  const decoded = decodeValue(schema, JSON.parse(await readFile(file, 'utf8').catch(() => 'null')));
  return decoded.ok ? decoded.value : null;
};
const credentialsIn = (stateDir: string) => read(join(stateDir, 'credentials.json'), CredentialsFile);
const chainIn = async (stateDir: string) =>
  (await credentialsIn(stateDir))?.current.certificate_chain ?? null;
const isSettled = async (stateDir: string) => (await credentialsIn(stateDir))?.next === undefined;
const isConnected = async (stateDir: string) =>
  (await read(join(stateDir, 'status.json'), StatusFile))?.connected === true;
