namespace Culvert.Cni;

/// <summary>A call that can't be served, with what the runtime is told of it.</summary>
/// <param name="code">The specification's number.</param>
/// <param name="message">One line for people, which names the field or variable.</param>
/// <param name="details">More of it; may be empty.</param>
public sealed class CniException(CniErrorCode code, string message, string details = "") : Exception(message)
{
    /// <summary>The specification's number.</summary>
    public CniErrorCode Code { get; } = code;

    /// <summary>More of it; may be empty.</summary>
    public string Details { get; } = details;
}
