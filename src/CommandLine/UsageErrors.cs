using System.CommandLine;
using System.CommandLine.Parsing;

namespace Culvert.CommandLine;

/// <summary>
/// Says what is wrong with a command line in one line for each mistake: option, value and what the option takes. The library's own words name .NET types, go over several lines or leave the option out.
/// Compiled into each of the three programs.
/// </summary>
internal static class UsageErrors
{
    /// <summary>The mistakes, without a full stop.</summary>
    internal static IReadOnlyList<string> Of(ParseResult parsed) => [.. parsed.Errors.Select(Describe).Distinct(StringComparer.Ordinal)];

    /// <summary>Where the user finds what there is.</summary>
    internal static string Hint(ParseResult parsed)
    {
        List<string> path = [];
        for (SymbolResult? at = parsed.CommandResult; at is not null; at = at.Parent)
        {
            // The library names the root after the file that runs; the program is what this was compiled into.
            if (at is CommandResult command) path.Insert(0, command.Command is RootCommand ? typeof(UsageErrors).Assembly.GetName().Name! : command.Command.Name);
        }
        return $"see `{string.Join(' ', path)} --help`";
    }

    private static string Describe(ParseError error)
    {
        if ((error.SymbolResult as OptionResult ?? error.SymbolResult?.Parent as OptionResult) is not { } result) return OneLine(error.Message);
        Option option = result.Option;

        // What our own parsers say begins with the option's name already.
        if (error.Message.StartsWith($"{option.Name}:", StringComparison.Ordinal)) return OneLine(error.Message);
        if (result.IdentifierTokenCount > 1 && option.Arity.MaximumNumberOfValues <= 1) return $"{option.Name}: given {result.IdentifierTokenCount} times, and can be given once";
        if (result.Tokens.Count == 0) return $"{option.Name}: a value is missing; it has to be {Takes(option)}";
        return $"{option.Name}: '{result.Tokens[^1].Value}' is not {Takes(option)}";
    }

    private static string Takes(Option option)
    {
        if (option.HelpName is { } form && form.Contains('|', StringComparison.Ordinal)) return $"one of {string.Join(", ", form.Split('|'))}";
        Type type = Nullable.GetUnderlyingType(option.ValueType) ?? option.ValueType;
        return Type.GetTypeCode(type) switch
        {
            TypeCode.UInt16 when option.HelpName == "PORT" => "a port, 1 to 65535",
            TypeCode.Double => "a number",
            TypeCode.Int32 or TypeCode.Int64 => "a whole number",
            TypeCode.UInt16 or TypeCode.UInt32 or TypeCode.UInt64 => "a whole number, 0 or more",
            TypeCode.Boolean => "true or false",
            _ => option.HelpName is { } name ? $"of the form {name}" : "a text",
        };
    }

    private static string OneLine(string message) => string.Join(' ', message.Split(['\r', '\n', '\t'], StringSplitOptions.RemoveEmptyEntries)).TrimEnd('.');
}
