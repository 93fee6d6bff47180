using System.Diagnostics;
using Culvert.Kubernetes.Tests.Support;

namespace Culvert.Kubernetes.Tests.Cluster;

/// <summary>Runs a program to its end.</summary>
internal static class Tool
{
    internal static async Task<string> RunAsync(string program, string input, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        try
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
            await process.StandardInput.WriteAsync(input);
            process.StandardInput.Close();
            await Soon.Ends(process.WaitForExitAsync());
            Assert.True(process.ExitCode == 0, $"{Path.GetFileName(program)} ended with {process.ExitCode}: {await error}");
            return await output;
        }
        finally
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
    }
}
