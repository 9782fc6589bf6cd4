/** The database's door. */

export { type MigrateOptions, MigrationError, migrate } from './migrate.ts';
export { type OpenOptions, openDatabase } from './open.ts';
export { type PostgresServer, startPostgres } from './server/launcher.ts';
export { ServerError } from './server/server-error.ts';
export * from './stores/contracts.ts';
export { StoreError } from './stores/store-error.ts';
export { TimeseriesError } from './timeseries/variant.ts';
