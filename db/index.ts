/** The database's door. */

export { migrate } from './migrate.ts';
export { type OpenOptions, openDatabase } from './open.ts';
export { type PostgresServer, startPostgres } from './server/launcher.ts';
export * from './stores/contracts.ts';
export { StoreError } from './stores/store-error.ts';
