using System.ComponentModel;
using System.Diagnostics;

namespace Culvert.Bench.Running;

/// <summary>Runs short commands to their end, on the machine or inside a network namespace.</summary>
internal static class Command
{
    /// <summary>Runs a command and returns what it wrote to standard output.</summary>
    /// <exception cref="CommandFailedException">It ended with another code than 0, or could not be started.</exception>
    public static async Task<string> RunAsync(
        string? netns, IReadOnlyList<string> command, string? input = null, CancellationToken cancellationToken = default)
    {
        using Process process = Start(netns, command, input is not null);
        try
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync(cancellationToken);
            Task<string> error = process.StandardError.ReadToEndAsync(cancellationToken);
            if (input is not null)
            {
                await process.StandardInput.WriteAsync(input.AsMemory(), cancellationToken);
                process.StandardInput.Close();
            }
            await process.WaitForExitAsync(cancellationToken);
            string text = await output;
            if (process.ExitCode == 0) return text;
            throw new CommandFailedException(
                $"`{string.Join(' ', command)}` ended with code {process.ExitCode}: {(await error).Trim()} {text.Trim()}".TrimEnd());
        }
        catch (OperationCanceledException)
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
            throw;
        }
    }

    /// <summary>Starts a command with redirected output; `nsenter` becomes the command itself, so the process id is the command's.</summary>
    internal static Process Start(
        string? netns, IReadOnlyList<string> command, bool redirectInput = false, IReadOnlyDictionary<string, string>? environment = null)
    {
        // nsenter and not `ip netns exec`: the latter mounts a new /sys, in which pinned BPF objects are not seen.
        List<string> all = netns is null ? [.. command] : ["nsenter", $"--net=/run/netns/{netns}", "--", .. command];
        ProcessStartInfo info = new(all[0])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = redirectInput,
            UseShellExecute = false,
        };
        foreach (string argument in all.Skip(1)) info.ArgumentList.Add(argument);
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>(StringComparer.Ordinal)) info.Environment[name] = value;
        try
        {
            return Process.Start(info) ?? throw new CommandFailedException($"`{all[0]}` could not be started.");
        }
        catch (Win32Exception e)
        {
            throw new CommandFailedException($"`{all[0]}` could not be started: {e.Message}. Is it installed?");
        }
    }
}
