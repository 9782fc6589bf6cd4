/** The certificate room's door. */
export type { Arrangement, GenerationState } from './arrangement.ts';
export { FIRST_GENERATION, newGenerationId } from './arrangement.ts';
export * from './authority.ts';
export * from './csr.ts';
export * from './pkcs12.ts';
export * from './verify.ts';
