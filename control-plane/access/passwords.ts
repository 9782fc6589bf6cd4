/** Passwords as scrypt hashes that carry their own parameters. */
import { scrypt, timingSafeEqual } from 'node:crypto';
import { createGate } from './gate.ts';
import type { RandomBytes } from './secrets.ts';

/** OWASP's scrypt parameters for 32 MiB a hash: about 0.1 s of one core. */
const COST = { N: 2 ** 15, r: 8, p: 1 } as const;
/** Dearest parameters that a stored hash may ask for; beyond it the row is damaged, not ours. */
const MAX_COST = { N: 2 ** 18, r: 16, p: 8 } as const;
const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** scrypt runs in libuv's four threads; two leave room for file and DNS work. */
const MAX_PARALLEL_HASHES = 2;
/** About ten seconds of hashing; who comes later is told to come again. */
const MAX_WAITING_HASHES = 200;

const ENCODED = /^scrypt\$N=(\d{1,7}),r=(\d{1,2}),p=(\d)\$([\w-]{22})\$([\w-]{43})$/;

export interface Passwords {
  /** `scrypt$N=…,r=…,p=…$salt$hash` */
  hash(password: string): Promise<string>;
  /** Null stands for a person that does not exist: takes as long, and is false. */
  verify(password: string, encoded: string | null): Promise<boolean>;
}

/** @throws AppError 'service.unavailable' (each method) while too many hashes wait. */
export function createPasswords(random: RandomBytes): Passwords {
  const gate = createGate(MAX_PARALLEL_HASHES, MAX_WAITING_HASHES);
  return {
    async hash(password) {
      const salt = Buffer.from(random(SALT_BYTES));
      const hash = await gate(() => derive(password, salt, COST));
      const cost = `N=${COST.N},r=${COST.r},p=${COST.p}`;
      return `scrypt$${cost}$${salt.toString('base64url')}$${hash.toString('base64url')}`;
    },
    async verify(password, encoded) {
      const stored = encoded === null ? null : parse(encoded);
      const hash = await gate(() =>
        derive(password, stored?.salt ?? Buffer.alloc(SALT_BYTES), stored?.cost ?? COST),
      );
      return timingSafeEqual(hash, stored?.hash ?? Buffer.alloc(HASH_BYTES)) && stored !== null;
    },
  };
}

/** @throws Error for a damaged row: our fault, so it must not look like a wrong password. */
function parse(encoded: string): { cost: Cost; salt: Buffer; hash: Buffer } {
  const [, N, r, p, salt, hash] = ENCODED.exec(encoded) ?? [];
  const cost = { N: Number(N), r: Number(r), p: Number(p) };
  if (salt === undefined || hash === undefined || !isAffordable(cost)) {
    throw new Error('stored password hash is damaged');
  }
  return { cost, salt: Buffer.from(salt, 'base64url'), hash: Buffer.from(hash, 'base64url') };
}

interface Cost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

const isAffordable = ({ N, r, p }: Cost): boolean =>
  N >= 2 && N <= MAX_COST.N && r >= 1 && r <= MAX_COST.r && p >= 1 && p <= MAX_COST.p;

function derive(password: string, salt: Uint8Array, cost: Cost): Promise<Buffer> {
  // scrypt needs 128·r·(N + p + 2) bytes; Node refuses at the limit itself, hence twice as much.
  const options = { ...cost, maxmem: 256 * cost.r * (cost.N + cost.p + 2) };
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFKC'), salt, HASH_BYTES, options, (error, hash) =>
      error === null ? resolve(hash) : reject(error),
    );
  });
}
