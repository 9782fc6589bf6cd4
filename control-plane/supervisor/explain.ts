/** Tells what a person can remedy, and is shown as one sentence, from our own bugs, which keep their stack. */
import { SettingsError } from '../settings.ts';
import { StartError } from './start-error.ts';

/** Classes of other rooms whose message is such a sentence; by name, because not every door shows its class. */
const EXPLAINED = new Set(['ServerError', 'MigrationError', 'TimeseriesError', 'AuthorityError']);

/** null for a bug. */
export function explain(error: unknown): string | null {
  if (error instanceof StartError || error instanceof SettingsError) return error.message;
  return error instanceof Error && EXPLAINED.has(error.name) ? error.message : null;
}
