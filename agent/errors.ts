/** Every failure that ends a command of the agent: exit code and meaning. The README of this room shows the same table. */

export const AGENT_ERRORS = {
  internal: { exitCode: 1, title: 'Unexpected failure' },
  usage: { exitCode: 2, title: 'A command, option or value is not valid' },
  token_invalid: { exitCode: 3, title: 'The registration token is unknown, used up, expired or revoked' },
  already_known: { exitCode: 4, title: 'This hardware or this name is enrolled already' },
  refused: { exitCode: 5, title: 'The server refused the request' },
  unreachable: { exitCode: 6, title: 'The server does not answer, or its certificate is not trusted' },
  not_enrolled: { exitCode: 7, title: 'This state folder holds no enrolled device' },
  state: { exitCode: 8, title: 'The state folder cannot be used' },
  pending: { exitCode: 9, title: 'The registration waits for a decision; `run` goes on asking' },
} as const;

export type AgentErrorCode = keyof typeof AGENT_ERRORS;

/** One clear sentence with the remedy; never a secret. */
export class AgentError extends Error {
  override name = 'AgentError';
  readonly code: AgentErrorCode;
  /** The code of the server's problem+json, where one came. */
  readonly serverCode: string | undefined;

  constructor(code: AgentErrorCode, message: string, options: { cause?: unknown; serverCode?: string } = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.serverCode = options.serverCode;
  }
}

/** Message of whatever was thrown, for a log line. */
export const messageOf = (thrown: unknown): string =>
  thrown instanceof Error ? thrown.message : String(thrown);
