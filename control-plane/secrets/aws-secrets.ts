/** Secrets of organisations in AWS Secrets Manager. */
import { type AwsConnection, awsErrorName, clientOptions, importOptional } from './aws-connection.ts';
import { fieldOf, SecretFault } from './secret-fault.ts';

const DENIED: ReadonlySet<string> = new Set([
  ...['AccessDeniedException', 'UnrecognizedClientException', 'CredentialsProviderError'],
  ...['InvalidSignatureException', 'ExpiredTokenException'],
]);

export interface AwsSecrets {
  /** @param field of a JSON object; null = the whole text. @throws SecretFault */
  read(id: string, field: string | null): Promise<string>;
  stop(): void;
}

/** The SDK is loaded with the first secret that needs it. */
export function createAwsSecrets(connection: AwsConnection): AwsSecrets {
  let opened: ReturnType<typeof open> | null = null;
  return {
    async read(id, field) {
      try {
        opened ??= open(connection);
        const text = await (await opened).get(id);
        if (text === undefined) throw new SecretFault('not_text');
        return fieldOf(field === null ? text : parseJson(text), field);
      } catch (cause) {
        if (cause instanceof SecretFault) throw cause;
        throw new SecretFault(faultOf(awsErrorName(cause)), { cause });
      }
    },
    stop() {
      void opened?.then(
        ({ close }) => close(),
        () => undefined,
      );
    },
  };
}

async function open(connection: AwsConnection) {
  const { SecretsManagerClient, GetSecretValueCommand } = await importOptional(
    '@aws-sdk/client-secrets-manager',
    () => import('@aws-sdk/client-secrets-manager'),
  );
  const client = new SecretsManagerClient(clientOptions(connection));
  return {
    get: async (id: string) => (await client.send(new GetSecretValueCommand({ SecretId: id }))).SecretString,
    close: () => client.destroy(),
  };
}

function faultOf(name: string): 'not_found' | 'denied' | 'unavailable' | 'not_set_up' {
  if (name === 'MissingPackageError') return 'not_set_up';
  // Also says that the secret is marked for deletion.
  if (name === 'ResourceNotFoundException' || name === 'InvalidRequestException') return 'not_found';
  return DENIED.has(name) ? 'denied' : 'unavailable';
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
