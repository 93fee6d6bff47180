using System.Text.Json;

namespace Culvert.Cli.Output;

/// <summary>Writes the error a command ended with to standard error.</summary>
internal static class ErrorWriter
{
    public static int Write(TextWriter error, bool json, ExitCode code, string message, string? remedy)
    {
        if (json)
        {
            var report = new ErrorReport((int)code, message, remedy);
            error.WriteLine(JsonSerializer.Serialize(report, CliJson.Lines.ErrorReport));
        }
        else
        {
            error.WriteLine("culvert: " + message);
            if (remedy is not null)
            {
                error.WriteLine("  " + remedy);
            }
        }

        return (int)code;
    }
}
