/** Why the embedded PostgreSQL cannot run: one sentence with the remedy, fit to be shown to whoever started it. */
export class ServerError extends Error {
  override name = 'ServerError';
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
