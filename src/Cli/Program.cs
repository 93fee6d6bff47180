using Culvert.Cli.CommandLine;
using Culvert.Controller;

namespace Culvert.Cli;

/// <summary>
/// The native command line is also the controller: `culvert up` contains one anyway, so a hard link costs no compile and no space. The name of the file that runs says
/// which of the two it is. The agent is a program of its own: a third of the code, 17 MB less memory on every node (agent.rss of make bench).
/// Builds for the runtime have a program of its own for each name.
/// </summary>
internal static class Program
{
    private static Task<int> Main(string[] args) => Path.GetFileName(Environment.ProcessPath) == "culvert-controller"
        ? ControllerCommand.MainAsync(args)
        : CommandLineRunner.RunAsync(args, Console.Out, Console.Error);
}
