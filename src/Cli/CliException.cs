namespace Culvert.Cli;

/// <summary>Ends the command with an exit code and a message for the user.</summary>
internal sealed class CliException : Exception
{
    public CliException(ExitCode code, string message, string? remedy = null, Exception? innerException = null)
        : base(message, innerException)
    {
        Code = code;
        Remedy = remedy;
    }

    /// <summary>What the process ends with.</summary>
    public ExitCode Code { get; }

    /// <summary>What the user can do about it.</summary>
    public string? Remedy { get; }
}
