/** The database's door. */

export { type MigrateOptions, MigrationError, migrate } from './migrate.ts';
export { type OpenOptions, openDatabase } from './open.ts';
export { type PostgresServer, startPostgres } from './server/launcher.ts';
export { ServerError } from './server/server-error.ts';
export * from './stores/contracts/database.ts';
export * from './stores/contracts/devices.ts';
export * from './stores/contracts/enrollment.ts';
export * from './stores/contracts/logs.ts';
export * from './stores/contracts/page.ts';
export * from './stores/contracts/people.ts';
export * from './stores/contracts/presence.ts';
export * from './stores/contracts/records.ts';
export * from './stores/contracts/series.ts';
export * from './stores/contracts/telemetry.ts';
export * from './stores/contracts/telemetry-settings.ts';
export { StoreError } from './stores/store-error.ts';
export { TimeseriesError } from './timeseries/variant.ts';
