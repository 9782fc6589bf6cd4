/** Version of the agent, as it reports itself; a test keeps it equal to package.json. */
export const AGENT_VERSION = '0.1.0';
