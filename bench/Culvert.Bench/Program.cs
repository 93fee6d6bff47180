using System.Runtime.InteropServices;
using Culvert.Bench.Datagrams;
using Culvert.Bench.Http;
using Culvert.Bench.Measuring;
using Culvert.Labs;

namespace Culvert.Bench;

internal static class Program
{
    private const int Failed = 1;
    private const int WrongUsage = 2;
    private const int MustMissed = 3;

    private static async Task<int> Main(string[] args)
    {
        BenchOptions options;
        try
        {
            if ((DatagramProgram.Run(args) ?? GrpcApplication.Run(args)) is { } status) return status;
            options = BenchOptions.Parse(args);
        }
        catch (Exception e) when (e is ArgumentException or BenchInvalidException)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return WrongUsage;
        }
        if (options.Help)
        {
            Console.WriteLine(BenchOptions.Usage);
            return 0;
        }

        // Interrupted or not, the namespaces and programs of the run are removed.
        using CancellationTokenSource stop = new();
        void Stop(PosixSignalContext context)
        {
            context.Cancel = true;
            stop.Cancel();
        }
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        try
        {
            IReadOnlyList<Result> results = await new BenchRun(options).RunAsync(stop.Token);
            string[] failed = [.. results.Where(r => r.Error is not null).Select(r => r.Name)];
            if (failed.Length > 0)
            {
                await Console.Error.WriteLineAsync($"{failed.Length} of {results.Count} rows failed: {string.Join(", ", failed)}.");
                return Failed;
            }
            return options.Enforce && results.Any(r => r.Ratio < r.Must) ? MustMissed : 0;
        }
        catch (Exception e) when (e is ToolFailedException or BenchInvalidException or IOException or FormatException)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return Failed;
        }
        catch (OperationCanceledException)
        {
            await Console.Error.WriteLineAsync("Interrupted.");
            return Failed;
        }
    }
}
