/** What both AWS clients share: where, how patient, and what to say when the optional package is not there. */

export interface AwsConnection {
  readonly region: string;
  /** Null = AWS's own. */
  readonly endpoint: string | null;
}

const MAX_ATTEMPTS = 3;
const CONNECTION_TIMEOUT_MS = 2000;
const REQUEST_TIMEOUT_MS = 5000;

/** Credentials come from the SDK's own chain: environment, web identity, instance role. */
export const clientOptions = ({ region, endpoint }: AwsConnection) => ({
  region,
  ...(endpoint === null ? {} : { endpoint }),
  maxAttempts: MAX_ATTEMPTS,
  requestHandler: { connectionTimeout: CONNECTION_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS },
});

/** An optional package that is asked for and missing; the message is one sentence with the remedy. */
export class MissingPackageError extends Error {
  override readonly name = 'MissingPackageError';
}

/** @throws MissingPackageError */
export async function importOptional<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : null;
    if (code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new MissingPackageError(`The package ${name} is needed and not installed: npm install ${name}.`, {
      cause,
    });
  }
}

/** The SDK's name of an error, such as `ThrottlingException`; never its message, which may hold what we sent. */
export const awsErrorName = (error: unknown): string => (error instanceof Error ? error.name : 'unknown');
