/** The certificate room's door. */
export * from './authority.ts';
export * from './csr.ts';
export * from './pkcs12.ts';
export * from './verify.ts';
