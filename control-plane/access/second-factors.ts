/** The second factor of an account: set up, confirmed, asked for, and taken away again. */
import type { Stores } from '#db';
import type { SecondFactorView } from '#web-api';
import { type AuditDraft, audited, auditedOutside, byPerson } from '../audit/audited.ts';
import type { OwnCredentialUseCases } from '../credential-use-cases.ts';
import { AppError } from '../errors.ts';
import type { SecretBox } from '../secrets/secret-box.ts';
import type { Person } from '../use-cases.ts';
import { hashSecret } from './secrets.ts';
import { confirmPassword, requireNoKey, type SignInDeps } from './sign-in.ts';
import { makeRecoveryCodes, recoveryCodeHash, setupOf, stepOf, TOTP_SECRET_BYTES } from './totp.ts';

/** Of the installation: a person may belong to several organisations, and to none. */
const SCOPE = { orgId: null } as const;
const contextOf = (userId: string) => ({ object: `totp:${userId}`, version: 1 }) as const;

export interface SecondFactors {
  /**
   * Uses the code up, within the caller's transaction. Says what kind it was.
   * @throws AppError 'auth.code_invalid' for a wrong one and for one that was used before.
   */
  take(stores: Stores, userId: string, code: string): Promise<'totp' | 'recovery_code'>;
}

export function createSecondFactors(deps: {
  readonly secretBox: SecretBox;
  readonly now: () => Date;
}): SecondFactors {
  const { secretBox, now } = deps;
  return {
    async take(stores, userId, code) {
      const recovery = recoveryCodeHash(code);
      if (recovery !== null && (await stores.secondFactors.takeRecoveryCode(userId, recovery, now()))) {
        return 'recovery_code';
      }
      const factor = await stores.secondFactors.find(userId);
      if (factor?.confirmedAt == null) throw new AppError('auth.code_invalid');
      const secret = await secretBox.open(SCOPE, contextOf(userId), factor.sealedSecret);
      const step = stepOf(secret, code, now());
      if (step === null || !(await stores.secondFactors.takeStep(userId, step))) {
        throw new AppError('auth.code_invalid');
      }
      return 'totp';
    },
  };
}

type SecondFactorUseCases = Pick<
  OwnCredentialUseCases,
  'secondFactor' | 'beginSecondFactor' | 'confirmSecondFactor' | 'renewRecoveryCodes' | 'disableSecondFactor'
>;

export function createSecondFactorUseCases(
  deps: SignInDeps & { readonly secretBox: SecretBox },
): SecondFactorUseCases {
  const { database, secretBox, secondFactors, limits, now, random } = deps;
  const draftOf = (person: Person, act: string) =>
    byPerson(person, `auth.totp_${act}`, `user:${person.userId}`);

  async function freshRecoveryCodes(stores: Stores, userId: string): Promise<string[]> {
    const codes = makeRecoveryCodes(random);
    await stores.secondFactors.replaceRecoveryCodes(
      userId,
      codes.map((code) => hashSecret(code.replaceAll('-', ''))),
    );
    return codes;
  }

  /** Hashing takes 0.1 s: outside of any transaction. */
  const askPassword = (person: Person, draft: AuditDraft, password: string): Promise<void> =>
    auditedOutside(deps, draft, async () => {
      requireNoKey(person);
      await confirmPassword(deps, person, password);
    });

  /** Password and code, each guess counted; then `work` in the same transaction as the code's use. */
  async function withProof<T>(
    person: Person,
    act: string,
    body: { current_password: string; code: string },
    work: (stores: Stores) => Promise<T>,
  ): Promise<T> {
    const draft = draftOf(person, act);
    await askPassword(person, draft, body.current_password);
    return audited(deps, draft, async (stores) => {
      const attempt = limits.begin(person.email, null);
      await secondFactors.take(stores, person.userId, body.code.trim());
      const result = await work(stores);
      attempt.succeeded();
      return result;
    });
  }

  return {
    async secondFactor(person): Promise<SecondFactorView> {
      const factor = await database.secondFactors.find(person.userId);
      const enabledAt = factor?.confirmedAt ?? null;
      return {
        enabled: enabledAt !== null,
        enabled_at: enabledAt?.toISOString() ?? null,
        recovery_codes_left: enabledAt === null ? 0 : (factor?.recoveryCodesLeft ?? 0),
      };
    },

    async beginSecondFactor(person, body) {
      const draft = draftOf(person, 'begin');
      await askPassword(person, draft, body.current_password);
      return audited(deps, draft, async (stores) => {
        const secret = random(TOTP_SECRET_BYTES);
        const sealed = await secretBox.seal(SCOPE, contextOf(person.userId), secret);
        if (!(await stores.secondFactors.begin(person.userId, sealed, now()))) {
          throw new AppError('auth.totp_enabled');
        }
        const { secret: text, uri } = setupOf(secret, person.email);
        return { secret: text, otpauth_uri: uri };
      });
    },

    confirmSecondFactor: (person, body) =>
      audited(deps, draftOf(person, 'enable'), async (stores, entry) => {
        requireNoKey(person);
        const factor = await stores.secondFactors.find(person.userId);
        if (factor === null) throw new AppError('auth.totp_not_begun');
        if (factor.confirmedAt !== null) throw new AppError('auth.totp_enabled');
        const attempt = limits.begin(person.email, null);
        const secret = await secretBox.open(SCOPE, contextOf(person.userId), factor.sealedSecret);
        const step = stepOf(secret, body.code, now());
        if (step === null) throw new AppError('auth.code_invalid');
        if (!(await stores.secondFactors.confirm(person.userId, step, now()))) {
          throw new AppError('auth.totp_enabled');
        }
        const codes = await freshRecoveryCodes(stores, person.userId);
        // They came in without a code.
        const ended = await stores.sessions.endAllOf(person.userId, person.sessionTokenHash);
        entry.detail = { sessions_ended: ended };
        attempt.succeeded();
        return { recovery_codes: codes };
      }),

    renewRecoveryCodes: (person, body) =>
      withProof(person, 'recovery_codes', body, async (stores) => ({
        recovery_codes: await freshRecoveryCodes(stores, person.userId),
      })),

    disableSecondFactor: (person, body) =>
      withProof(person, 'disable', body, async (stores) => {
        await stores.secondFactors.remove(person.userId);
      }),
  };
}
