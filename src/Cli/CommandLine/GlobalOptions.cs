using System.CommandLine;
using System.CommandLine.Parsing;

namespace Culvert.Cli.CommandLine;

/// <summary>Options that every command takes.</summary>
internal static class GlobalOptions
{
    /// <summary>Names the admin socket when the option does not.</summary>
    public const string AdminSocketVariable = "CULVERT_ADMIN_SOCKET";

    /// <summary>Where an agent of this machine listens unless told otherwise.</summary>
    public const string DefaultAdminSocket = "/run/culvert/agent.sock";

    /// <summary>Value of <see cref="Output"/> for programs: one JSON document, or one per line for streams.</summary>
    public const string Json = "json";

    private static readonly string[] JsonWords = ["-ojson", "-o=json", "-o:json", "--output=json", "--output:json"];

    public static readonly Option<string> Output = new Option<string>("--output", "-o")
    {
        Description = "Form of the output.",
        HelpName = "text|json",
        Recursive = true,
        DefaultValueFactory = _ => "text",
    }.AcceptOnlyFromAmong("text", Json);

    public static readonly Option<string> AdminSocket = new("--admin-socket")
    {
        Description = $"The agent's admin socket; also by {AdminSocketVariable}.",
        HelpName = "PATH",
        Recursive = true,
        DefaultValueFactory = _ =>
            Environment.GetEnvironmentVariable(AdminSocketVariable) is { Length: > 0 } path ? path : DefaultAdminSocket,
        Validators = { RefuseEmpty },
    };

    /// <summary>Says that an empty path is none: the shell makes one of a variable that is not set.</summary>
    public static void RefuseEmpty(OptionResult result)
    {
        if (result.Tokens is [{ Value: "" }])
        {
            result.AddError($"{result.Option.Name}: '' is not of the form {result.Option.HelpName}");
        }
    }

    /// <summary>Says that a number is not between two others.</summary>
    public static void RequireRange(OptionResult result, int least, int most)
    {
        if (result.Tokens is [{ Value: var value }] && int.TryParse(value, out var number) && (number < least || number > most))
        {
            result.AddError($"{result.Option.Name}: '{value}' is not between {least} and {most}");
        }
    }

    /// <summary>
    /// Whether words of a command line ask for JSON; for one that could not be understood, whose parsed values are nothing to go by.
    /// </summary>
    public static bool AskForJson(IReadOnlyList<string> args)
    {
        for (var i = 0; i < args.Count && args[i] != "--"; i++)
        {
            if ((args[i] is "-o" or "--output" && i + 1 < args.Count && args[i + 1] == Json) || JsonWords.Contains(args[i], StringComparer.Ordinal))
            {
                return true;
            }
        }

        return false;
    }
}
