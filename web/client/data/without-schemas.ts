/**
 * Stands in for typebox in the built console (vite.config.ts): of the contract it needs names, methods and paths, not
 * the schemas, which would be two thirds of the first script. Types come from the real one.
 */

const schema = { properties: {} };
const makeSchema = () => schema;

export const Type = new Proxy({}, { get: () => makeSchema });

/** No schema is ever checked in the browser: a call is a mistake of ours. */
export const Compile = () => {
  throw new Error('the console has no schemas');
};
