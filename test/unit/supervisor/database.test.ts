import { describe, expect, it } from 'vitest';
import { explainConnection } from '../../../control-plane/supervisor/database.ts';

const url = 'postgres://edge:top-secret@db.example.com:5432/fleet';
const failure = (code: string): Error => Object.assign(new Error('no'), { code });

describe('explainConnection', () => {
  it.each([
    ['ECONNREFUSED', /^The database at db\.example\.com:5432 does not answer .*DATABASE_URL\.$/],
    ['28P01', /refuses the user edge/],
    ['3D000', /database fleet does not exist/],
    ['42501', /edge may not create tables in fleet/],
  ])('has a remedy for %s, without the password', (code, expected) => {
    expect(explainConnection(url, failure(code))).toMatch(expected);
    expect(explainConnection(url, failure(code))).not.toContain('top-secret');
  });
  it('leaves other failures as they are', () => {
    expect(explainConnection(url, failure('42601'))).toBeNull();
    expect(explainConnection(url, new Error('x'))).toBeNull();
  });
});
