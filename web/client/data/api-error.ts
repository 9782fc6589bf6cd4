/** What a call can fail with: the server's problem+json, or no answer at all. */

export interface FieldProblem {
  /** Dotted path of the field, without `body.` in front. */
  readonly path: string;
  readonly message: string;
}

/** `code` is the server's stable code; `network.unreachable` and `network.unreadable` are the console's own. */
export class ApiError extends Error {
  override name = 'ApiError';
  readonly code: string;
  /** HTTP status; 0 where no answer came. */
  readonly status: number;
  readonly fields: readonly FieldProblem[];
  /** Request id, also in the server's log; null where no answer came. */
  readonly requestId: string | null;
  readonly retryAfterSeconds: number | null;

  constructor(input: {
    code: string;
    status: number;
    message: string;
    fields?: readonly FieldProblem[];
    requestId?: string | null;
    retryAfterSeconds?: number | null;
    cause?: unknown;
  }) {
    super(input.message, { cause: input.cause });
    this.code = input.code;
    this.status = input.status;
    this.fields = input.fields ?? [];
    this.requestId = input.requestId ?? null;
    this.retryAfterSeconds = input.retryAfterSeconds ?? null;
  }

  get isUnreachable(): boolean {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

export const unreachable = (cause: unknown): ApiError =>
  new ApiError({
    code: 'network.unreachable',
    status: 0,
    message: 'The server cannot be reached right now.',
    cause,
  });

/** Reads a problem+json body as far as it is one. Never throws: a broken error must not hide the error. */
export function readProblem(status: number, body: unknown, retryAfter: string | null): ApiError {
  const problem = isRecord(body) ? body : {};
  const title = text(problem.title) ?? `The server answered with status ${status}.`;
  const seconds = Number(retryAfter ?? Number.NaN);
  return new ApiError({
    status,
    code: text(problem.code) ?? `http.${status}`,
    message: text(problem.detail) ?? title,
    fields: readFields(problem.errors),
    requestId: text(problem.instance),
    retryAfterSeconds: Number.isFinite(seconds) ? seconds : null,
  });
}

function readFields(errors: unknown): FieldProblem[] {
  if (!Array.isArray(errors)) return [];
  return errors.filter(isRecord).map((error) => ({
    path: (text(error.path) ?? '')
      .replaceAll('/', '.')
      .replace(/^\.+/, '')
      .replace(/^body\./, ''),
    message: text(error.message) ?? 'is not valid',
  }));
}

const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
