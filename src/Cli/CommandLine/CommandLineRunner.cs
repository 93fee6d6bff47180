using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using Culvert.Cli.Output;
using Culvert.CommandLine;
using Culvert.Labs;

namespace Culvert.Cli.CommandLine;

/// <summary>Parses the command line, runs the command and turns its end into an exit code.</summary>
internal static class CommandLineRunner
{
    /// <summary>Runs one command line.</summary>
    /// <returns>The exit code; see <see cref="ExitCode"/>.</returns>
    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter error)
    {
        var root = CreateRoot();
        var result = root.Parse(args);
        var configuration = new InvocationConfiguration
        {
            Output = output,
            Error = error,
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = result.CommandResult.Command is ExampleCommand { HandlesSignals: true } ? null : TimeSpan.FromSeconds(20),
        };
        if (result.Action is ParseErrorAction)
        {
            return ErrorWriter.Write(error, GlobalOptions.AskForJson(args), ExitCode.Usage, string.Join("; ", UsageErrors.Of(result)), UsageErrors.Hint(result));
        }

        var json = result.GetValue(GlobalOptions.Output) == GlobalOptions.Json;
        try
        {
            return await result.InvokeAsync(configuration);
        }
        catch (CliException e)
        {
            return ErrorWriter.Write(error, json, e.Code, e.Message, e.Remedy);
        }
        catch (ToolFailedException e)
        {
            return ErrorWriter.Write(error, json, ExitCode.Unsupported, e.Message, "run `culvert check`");
        }
        catch (TimeoutException e)
        {
            return ErrorWriter.Write(error, json, ExitCode.Failed, e.Message, null);
        }
        catch (OperationCanceledException)
        {
            return ErrorWriter.Write(error, json, ExitCode.Interrupted, "interrupted", null);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            return ErrorWriter.Write(error, json, ExitCode.Internal, e.ToString(), "this is an error of Culvert; please report it");
        }
    }

    /// <summary>The whole tree of commands.</summary>
    public static RootCommand CreateRoot()
    {
        var root = new RootCommand("Culvert: a service mesh without sidecars. Shows, checks and operates the mesh of this machine.");
        root.Options.Add(GlobalOptions.Output);
        root.Options.Add(GlobalOptions.AdminSocket);
        foreach (var command in Commands.CommandList.Create())
        {
            root.Subcommands.Add(command);
        }

        var help = root.Options.OfType<HelpOption>().Single();
        help.Action = new ExtendedHelpAction((HelpAction)help.Action!);
        return root;
    }
}
