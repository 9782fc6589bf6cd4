/** The database address of a role that runs alone. */
import { type Settings, SettingsError } from '../settings.ts';

/** @throws SettingsError */
export function requireDatabaseUrl(settings: Settings): string {
  if (settings.databaseUrl === null) {
    throw new SettingsError(
      `DATABASE_URL is needed for --role ${settings.role}; only --role all brings its own server.`,
    );
  }
  return settings.databaseUrl;
}
