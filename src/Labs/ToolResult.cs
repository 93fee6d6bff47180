namespace Culvert.Labs;

/// <summary>What a finished program left behind.</summary>
/// <param name="ExitCode">Exit status; 128 + n when signal n ended it.</param>
/// <param name="Output">Standard output.</param>
/// <param name="Error">Standard error.</param>
public sealed record ToolResult(int ExitCode, string Output, string Error)
{
    /// <summary>Whether the program ended with status 0.</summary>
    public bool Succeeded => ExitCode == 0;
}
