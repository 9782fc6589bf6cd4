/** Which generations of the authority there are, and what each is for: one file beside their folders, replaced whole. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { AuthorityError, readIfThere, replaceFile } from './key-store.ts';

const FILE = 'authorities.json';
/** Also the name of the generation's folder. */
const GENERATION_ID = /^ca(?:-[0-9a-f]{8})?$/;
export const FIRST_GENERATION = 'ca';

/** `next`: trusted, signs nothing yet; `active`: signs; `retiring`: trusted until nothing depends on it. */
export const GENERATION_STATES = ['next', 'active', 'retiring'] as const;
export type GenerationState = (typeof GENERATION_STATES)[number];

export interface Arrangement {
  /** What is retired is not in it. Exactly one is active. */
  readonly generations: readonly { readonly id: string; readonly state: GenerationState }[];
  /** The generation that signs our own servers: the old one until clients know the new root. */
  readonly servers: string;
}

const FIRST_ARRANGEMENT: Arrangement = {
  generations: [{ id: FIRST_GENERATION, state: 'active' }],
  servers: FIRST_GENERATION,
};

export const newGenerationId = (): string => `${FIRST_GENERATION}-${randomBytes(4).toString('hex')}`;

/** The file as text, or null before the first change of authority. @throws AuthorityError when it cannot be read. */
export const readArrangementText = (dir: string): Promise<string | null> => readIfThere(join(dir, FILE));

export const writeArrangement = (dir: string, arrangement: Arrangement): Promise<void> =>
  replaceFile(join(dir, FILE), textOf(arrangement));

/** Pure; the same text for the same arrangement. @throws AuthorityError for one that names no or several active ones. */
export function textOf({ generations, servers }: Arrangement): string {
  const arrangement = { generations: generations.map(({ id, state }) => ({ id, state })), servers };
  if (!isArrangement(arrangement)) throw new AuthorityError(`Not an arrangement of authorities: ${servers}`);
  return `${JSON.stringify(arrangement, null, 2)}\n`;
}

/** Pure. @throws AuthorityError naming the file. */
export function parseArrangement(text: string | null, dir: string): Arrangement {
  if (text === null) return FIRST_ARRANGEMENT;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = null;
  }
  if (!isArrangement(value)) {
    throw new AuthorityError(`${join(dir, FILE)} is damaged: restore it from a backup.`);
  }
  return value;
}

function isArrangement(value: unknown): value is Arrangement {
  if (typeof value !== 'object' || value === null || !('generations' in value) || !('servers' in value)) {
    return false;
  }
  const { generations, servers } = value;
  if (!Array.isArray(generations) || !generations.every(isGeneration)) return false;
  const ids = generations.map(({ id }) => id);
  return (
    new Set(ids).size === ids.length &&
    generations.filter(({ state }) => state === 'active').length === 1 &&
    ids.some((id) => id === servers)
  );
}

const isGeneration = (value: unknown): value is Arrangement['generations'][number] =>
  typeof value === 'object' &&
  value !== null &&
  'id' in value &&
  typeof value.id === 'string' &&
  GENERATION_ID.test(value.id) &&
  'state' in value &&
  GENERATION_STATES.some((state) => state === value.state);
