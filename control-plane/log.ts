/** The log as the control plane uses it: fields first, then a constant text. A pino logger fits as it is. */

export interface Logger {
  debug(fields: object, text: string): void;
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}
