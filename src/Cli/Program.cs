using Culvert.Cli.CommandLine;

namespace Culvert.Cli;

internal static class Program
{
    private static Task<int> Main(string[] args) => CommandLineRunner.RunAsync(args, Console.Out, Console.Error);
}
