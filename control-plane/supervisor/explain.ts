/** Tells what a person can remedy, and is shown as one sentence, from our own bugs, which keep their stack. */
import { AuthorityError } from '#certs';
import { MigrationError, ServerError, TimeseriesError } from '#db';
import { SettingsError } from '../settings.ts';
import { StartError } from './start-error.ts';

/** Errors whose message is such a sentence. */
const EXPLAINED = [StartError, SettingsError, ServerError, MigrationError, TimeseriesError, AuthorityError];

/** null for a bug. */
export function explain(error: unknown): string | null {
  return error instanceof Error && EXPLAINED.some((kind) => error instanceof kind) ? error.message : null;
}
