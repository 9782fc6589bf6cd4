/** The part of a logger that the broker uses; pino's fits. */

type Write = (fields: Readonly<Record<string, unknown>>, text: string) => void;

export interface BrokerLog {
  readonly debug: Write;
  readonly info: Write;
  readonly warn: Write;
  readonly error: Write;
}
