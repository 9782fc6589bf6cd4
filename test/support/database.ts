/** A fresh, migrated database per test file, copied from the template in some 40 ms. */
import { randomBytes } from 'node:crypto';
import { type Database, type OpenOptions, openDatabase } from '../../db/index.ts';
import { ADMIN_URL, TEMPLATE, withClient, withDatabase } from './database-server.ts';

export interface TestDatabase {
  readonly url: string;
  readonly database: Database;
  /** Closes the database and removes it; sessions of others are ended. */
  drop(): Promise<void>;
}

/** Needs the server of `database-server.ts`: vitest's globalSetup, or `startTestServer()` called before. */
export async function createTestDatabase(
  options: Omit<Partial<OpenOptions>, 'url'> = {},
): Promise<TestDatabase> {
  const adminUrl = process.env[ADMIN_URL];
  const template = process.env[TEMPLATE];
  if (adminUrl === undefined || template === undefined) {
    throw new Error('no test server: call startTestServer() of test/support/database-server.ts first');
  }
  const name = `edge_test_${randomBytes(8).toString('hex')}`;
  const url = withDatabase(adminUrl, name);
  await withClient(adminUrl, (client) => client.query(`CREATE DATABASE ${name} TEMPLATE ${template}`));
  const database = await openDatabase({ poolSize: 8, ...options, url });
  return {
    url,
    database,
    async drop() {
      await database.close();
      await withClient(adminUrl, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
    },
  };
}
