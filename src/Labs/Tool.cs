using System.ComponentModel;
using System.Diagnostics;

namespace Culvert.Labs;

/// <summary>Runs programs to their end and collects their output. Thread-safe.</summary>
public static class Tool
{
    /// <summary>Deadline of <see cref="RunAsync"/> when none is given.</summary>
    public static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(30);

    /// <summary>Runs a program and returns its status and output, whatever the status is.</summary>
    /// <param name="program">Name looked up in PATH, or a path.</param>
    /// <param name="arguments">Arguments, passed as they are, without a shell.</param>
    /// <param name="input">Text for standard input; null for none.</param>
    /// <param name="timeout">Deadline; the program is killed when it passes.</param>
    /// <param name="cancellationToken">Kills the program.</param>
    /// <exception cref="ToolFailedException">The program cannot be started or passed its deadline.</exception>
    public static async Task<ToolResult> RunAsync(
        string program,
        IReadOnlyList<string> arguments,
        string? input = null,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(program);
        ArgumentNullException.ThrowIfNull(arguments);
        var start = new ProcessStartInfo(program, arguments)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = new Process { StartInfo = start };
        try
        {
            process.Start();
        }
        catch (Win32Exception e)
        {
            throw new ToolFailedException($"cannot start {program}: {e.Message}", e);
        }

        var limit = (timeout ?? DefaultTimeout) * LabWait.Patience;
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(limit);
        StringWriter output = new(), error = new();
        try
        {
            var read = Task.WhenAll(CopyAsync(process.StandardOutput, output, deadline.Token), CopyAsync(process.StandardError, error, deadline.Token));
            await WriteInputAsync(process, input, deadline.Token);
            await process.WaitForExitAsync(deadline.Token);
            await read;
            return new ToolResult(process.ExitCode, output.ToString(), error.ToString());
        }
        catch (OperationCanceledException e)
        {
            process.Kill(entireProcessTree: true);
            cancellationToken.ThrowIfCancellationRequested();
            throw new ToolFailedException($"did not end within {limit.TotalSeconds:0.#} s: {Describe(program, arguments)}: {LastOf(output)} {LastOf(error)}".TrimEnd(), e);
        }
    }

    /// <summary>Like <see cref="RunAsync"/>, and a status other than 0 is an error.</summary>
    /// <returns>Standard output.</returns>
    /// <exception cref="ToolFailedException">As for <see cref="RunAsync"/>, or the status is not 0.</exception>
    public static async Task<string> RequireAsync(
        string program,
        IReadOnlyList<string> arguments,
        string? input = null,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default)
    {
        var result = await RunAsync(program, arguments, input, timeout, cancellationToken);
        if (!result.Succeeded)
        {
            throw new ToolFailedException(
                $"status {result.ExitCode} from {Describe(program, arguments)}: {result.Error.Trim()}");
        }

        return result.Output;
    }

    private static async Task WriteInputAsync(Process process, string? input, CancellationToken cancellationToken)
    {
        try
        {
            if (input is not null)
            {
                await process.StandardInput.WriteAsync(input.AsMemory(), cancellationToken);
            }

            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // The program ended without reading all of its input; its status says whether that matters.
        }
    }

    private static async Task CopyAsync(StreamReader from, StringWriter to, CancellationToken cancellationToken)
    {
        var buffer = new char[4096];
        while (await from.ReadAsync(buffer, cancellationToken) is > 0 and var count)
        {
            lock (to) to.Write(buffer, 0, count);
        }
    }

    // Of a program that does not end, what it said last tells what it waits for.
    private static string LastOf(StringWriter output)
    {
        const int Most = 2000;
        lock (output)
        {
            var said = output.GetStringBuilder();
            return said.ToString(Math.Max(0, said.Length - Most), Math.Min(Most, said.Length)).Trim();
        }
    }

    private static string Describe(string program, IReadOnlyList<string> arguments) => program + " " + string.Join(' ', arguments);
}
