/** Keeps the first admin's password until it has been shown: a start that fails half-way must not lose it. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

export interface OneTimePassword {
  keep(password: string): void;
  /** null where there is nothing left to show. */
  read(): string | null;
  forget(): void;
}

export function openOneTimePassword(file: string): OneTimePassword {
  return {
    keep: (password) => writeFileSync(file, password, { mode: 0o600 }),
    read: () => (existsSync(file) ? readFileSync(file, 'utf8') : null),
    forget: () => rmSync(file, { force: true }),
  };
}
