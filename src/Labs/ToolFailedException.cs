namespace Culvert.Labs;

/// <summary>A program the lab depends on is missing, failed or did not end in time; the message carries its command line and error output.</summary>
public sealed class ToolFailedException : Exception
{
    /// <summary>Creates the exception without a message.</summary>
    public ToolFailedException()
    {
    }

    /// <summary>Creates the exception with a message for the operator.</summary>
    public ToolFailedException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception with a message for the operator and its cause.</summary>
    public ToolFailedException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
