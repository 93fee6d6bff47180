namespace Culvert.CniPlugin;

/// <summary>The agent has not answered.</summary>
/// <param name="message">Why: the end of a sentence that begins with the agent.</param>
internal sealed class AgentCallException(string message) : Exception(message);
