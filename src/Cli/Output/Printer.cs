using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Culvert.Cli.CommandLine;
using Spectre.Console;

namespace Culvert.Cli.Output;

/// <summary>Writes a command's answer in the form the user asked for.</summary>
internal sealed class Printer
{
    private readonly TextWriter _output;

    /// <param name="result">The command line, which says the form.</param>
    /// <param name="output">Where to; null: standard output.</param>
    public Printer(ParseResult result, TextWriter? output = null)
    {
        _output = output ?? result.InvocationConfiguration.Output;
        IsJson = result.GetValue(GlobalOptions.Output) == GlobalOptions.Json;
        var terminal = ReferenceEquals(_output, System.Console.Out) && !System.Console.IsOutputRedirected;
        Console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(_output),
            Ansi = terminal ? AnsiSupport.Detect : AnsiSupport.No,
        });
        if (!terminal)
        {
            // Spectre assumes 80 columns where there is no terminal; programs that read the text want whole lines.
            Console.Profile.Width = 400;
        }
    }

    public bool IsJson { get; }

    /// <summary>For people.</summary>
    public IAnsiConsole Console { get; }

    /// <summary>Writes a document as JSON, or calls back for text.</summary>
    public void Print<T>(T report, Func<CliJson, JsonTypeInfo<T>> type, Action<IAnsiConsole> text)
    {
        if (IsJson)
        {
            _output.WriteLine(JsonSerializer.Serialize(report, type(CliJson.Document)));
        }
        else
        {
            text(Console);
        }
    }

    /// <summary>Writes one of a stream of documents: a line of JSON, or calls back for text.</summary>
    public void PrintLine<T>(T report, Func<CliJson, JsonTypeInfo<T>> type, Action<IAnsiConsole> text)
    {
        if (IsJson)
        {
            _output.WriteLine(JsonSerializer.Serialize(report, type(CliJson.Lines)));
            _output.Flush();
        }
        else
        {
            text(Console);
        }
    }
}
