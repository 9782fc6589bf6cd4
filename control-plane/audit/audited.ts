/** Runs a write in one transaction with its audit row: exactly one row, whether it succeeds, is refused or fails. */
import type { Database, Stores } from '#db';
import { toAppError } from '../access/store-failure.ts';
import { AppError, ERRORS } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Person } from '../use-cases.ts';

/** Why a write was refused is its caller's business; from here on it is ours, and the row says `failed`. */
const FIRST_SERVER_ERROR = 500;

/** The row as far as it is known; the work fills in what it learns. Never put a password, token or key in. */
export interface AuditDraft {
  /** `person:{email}`, `key:{prefix} {email}`, `device:{id}`, `token:{prefix}` or `system`. */
  actor: string;
  ipAddress: string | null;
  action: string;
  /** `{kind}:{id}` */
  object: string;
  /** Null until the caller is known to belong there: a refused foreign caller must not write into a foreign log. */
  orgId: string | null;
  detail: Record<string, unknown>;
}

export interface AuditDeps {
  readonly database: Pick<Database, 'transaction' | 'audit'>;
  readonly log: Logger;
}

/** A draft of what a person is about to do. */
export const byPerson = (person: Person, action: string, object: string): AuditDraft => ({
  actor: person.apiKey === null ? `person:${person.email}` : `key:${person.apiKey.prefix} ${person.email}`,
  ipAddress: person.origin.ipAddress,
  action,
  object,
  orgId: null,
  detail: {},
});

/** The success row commits with the work. @throws what `work` throws, store errors as AppError. */
export async function audited<T>(
  deps: AuditDeps,
  draft: AuditDraft,
  work: (stores: Stores, entry: AuditDraft) => Promise<T>,
): Promise<T> {
  return auditedOutside(deps, draft, () =>
    deps.database.transaction(async (stores) => {
      const result = await work(stores, draft);
      await stores.audit.append({ ...draft, outcome: 'success' });
      return result;
    }),
  );
}

/** For work that has no single transaction: `work` appends its own success row; refusals and failures come from here. */
export async function auditedOutside<T>(
  { database, log }: AuditDeps,
  draft: AuditDraft,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const error = toAppError(cause);
    const isRefusal = error instanceof AppError && ERRORS[error.code].status < FIRST_SERVER_ERROR;
    const code = error instanceof AppError ? error.code : 'internal';
    try {
      await database.audit.append({
        ...draft,
        outcome: isRefusal ? 'refused' : 'failed',
        detail: { ...draft.detail, code },
      });
    } catch (auditError) {
      // The caller must meet the first error; the log is the last place where this row can be found.
      const { actor, action, object, orgId } = draft;
      log.error({ err: auditError, actor, action, object, orgId, code }, 'audit row could not be written');
    }
    throw error;
  }
}
