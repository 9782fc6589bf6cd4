/** The certificate room's door. */
export * from './authority.ts';
export * from './csr.ts';
export * from './verify.ts';
