namespace Culvert.NodeAgent.Options;

/// <summary>An agent could not start. The message is one line that names the option or object, the reason and what to do.</summary>
public sealed class AgentStartException : Exception
{
    /// <summary>Makes the exception.</summary>
    /// <param name="what">Option and value, or object.</param>
    /// <param name="reason">Why it cannot be used.</param>
    /// <param name="remedy">What the user can do.</param>
    /// <param name="innerException">What the system said.</param>
    public AgentStartException(string what, string reason, string remedy, Exception? innerException = null)
        : base($"{what}: {reason.TrimEnd('.')}; {remedy}", innerException)
    {
    }
}
