/** Password hashes and the gate in front of them. */
import { randomBytes, scryptSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createGate } from '../../../../control-plane/access/gate.ts';
import { createPasswords } from '../../../../control-plane/access/passwords.ts';

const passwords = createPasswords(randomBytes);

describe('createPasswords', () => {
  it('verifies what it hashed and nothing else', async () => {
    const encoded = await passwords.hash('correct horse battery');
    expect(encoded).toMatch(/^scrypt\$N=32768,r=8,p=1\$/);
    expect(await passwords.verify('correct horse battery', encoded)).toBe(true);
    expect(await passwords.verify('correct horse batterz', encoded)).toBe(false);
  });

  it('salts: the same password never has the same hash', async () => {
    expect(await passwords.hash('correct horse battery')).not.toBe(
      await passwords.hash('correct horse battery'),
    );
  });

  it('reads both Unicode spellings of a character as one', async () => {
    const encoded = await passwords.hash('caf\u00e9 cr\u00e8me br\u00fbl\u00e9e');
    expect(await passwords.verify('cafe\u0301 cre\u0300me bru\u0302le\u0301e', encoded)).toBe(true);
  });

  it.each([
    { N: 1024, r: 4, p: 2 },
    { N: 2, r: 1, p: 1 },
    { N: 2, r: 1, p: 8 },
  ])('derives by the parameters that the hash names: $N $r $p', async ({ N, r, p }) => {
    const salt = Buffer.alloc(16, 7);
    const hash = scryptSync('correct horse battery', salt, 32, { N, r, p });
    const encoded = `scrypt$N=${N},r=${r},p=${p}$${salt.toString('base64url')}$${hash.toString('base64url')}`;
    expect(await passwords.verify('correct horse battery', encoded)).toBe(true);
    expect(await passwords.verify('correct horse battery', encoded.replace(/N=\d+/, 'N=2048'))).toBe(false);
  });

  it('says no for a person that does not exist, after the same work', async () => {
    const encoded = await passwords.hash('correct horse battery');
    const known = await elapsedMs(() => passwords.verify('wrong', encoded));
    const unknown = await elapsedMs(() => passwords.verify('wrong', null));
    expect(await passwords.verify('', null)).toBe(false);
    expect(unknown).toBeGreaterThan(known / 4);
  });

  it.each(['', 'plain', 'scrypt$N=9999999,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$x'])(
    'takes the damaged row %j for our fault',
    async (encoded) => {
      await expect(passwords.verify('any password', encoded)).rejects.toThrow('damaged');
    },
  );
});

describe('createGate', () => {
  it('runs few at a time, lets few wait and refuses the rest', async () => {
    const gate = createGate(2, 1);
    const release = Promise.withResolvers<void>();
    let running = 0;
    let most = 0;
    const work = async () => {
      running += 1;
      most = Math.max(most, running);
      await release.promise;
      running -= 1;
    };
    const accepted = [gate(work), gate(work), gate(work)];
    await expect(gate(work)).rejects.toMatchObject({ code: 'service.unavailable' });
    release.resolve();
    await Promise.all(accepted);
    expect(most).toBe(2);
  });

  it('passes its place on when the work fails', async () => {
    const gate = createGate(1, 5);
    const failed = gate(() => Promise.reject(new Error('first')));
    const second = gate(async () => 'second');
    await expect(failed).rejects.toThrow('first');
    expect(await second).toBe('second');
    expect(await gate(async () => 'third')).toBe('third');
  });
});

/** Fastest of three, so that a busy machine does not decide. */
async function elapsedMs(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
  }
  return Math.min(...times);
}
