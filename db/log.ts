/** The log as this room uses it: fields first, then a constant text. A pino logger fits as it is. */

export interface Log {
  debug(fields: object, text: string): void;
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}

const ignore = (): void => undefined;
/** For callers that want no log. */
export const SILENT: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore };
