using Culvert.Cli.CommandLine;
using Culvert.Controller;
using Culvert.NodeAgent.Hosting;

namespace Culvert.Cli;

/// <summary>
/// The native installation is one program under three names: it compiles once, its pages are shared, and an image holds it once. The name of the file that runs
/// says which program it is. Builds for the runtime have a program of its own for each name.
/// </summary>
internal static class Program
{
    private static Task<int> Main(string[] args) => Path.GetFileName(Environment.ProcessPath) switch
    {
        "culvert-agent" => AgentCommand.MainAsync(args),
        "culvert-controller" => ControllerCommand.MainAsync(args),
        _ => CommandLineRunner.RunAsync(args, Console.Out, Console.Error),
    };
}
