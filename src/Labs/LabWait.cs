using System.Globalization;

namespace Culvert.Labs;

/// <summary>Waits for what programs of a lab bring about, with a deadline that says what was missing.</summary>
public static class LabWait
{
    /// <summary>Multiplies every deadline of a lab, for machines in emulation; set by <c>CULVERT_PATIENCE</c>, 1 to 100.</summary>
    public static int Patience { get; } =
        int.TryParse(Environment.GetEnvironmentVariable("CULVERT_PATIENCE"), CultureInfo.InvariantCulture, out var factor) ? Math.Clamp(factor, 1, 100) : 1;

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(15) * Patience;

    /// <summary>Waits until a condition holds; it is looked at every 15 ms, less often where patience is asked for.</summary>
    /// <param name="what">The condition in words, for the message.</param>
    /// <param name="condition">Looked at until it returns true.</param>
    /// <param name="timeout">Deadline.</param>
    /// <param name="process">A program whose end makes waiting pointless; null for none.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="TimeoutException">The deadline passed.</exception>
    /// <exception cref="ToolFailedException">The program ended.</exception>
    public static async Task UntilAsync(
        string what,
        Func<Task<bool>> condition,
        TimeSpan timeout,
        LabProcess? process = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(condition);
        timeout *= Patience;
        var clock = TimeProvider.System;
        var start = clock.GetTimestamp();
        while (!await condition())
        {
            if (process is { HasExited: true })
            {
                throw new ToolFailedException(
                    $"{process.Name} ended with status {process.ExitCode} before {what}:\n{process.LogTail()}");
            }

            if (clock.GetElapsedTime(start) > timeout)
            {
                var log = process is null ? "" : $"; last output of {process.Name}:\n{process.LogTail()}";
                throw new TimeoutException($"not within {timeout.TotalSeconds:0.#} s: {what}{log}");
            }

            await Task.Delay(Interval, cancellationToken);
        }
    }

    /// <summary>Waits until a condition holds; see the other overload.</summary>
    public static Task UntilAsync(
        string what, Func<bool> condition, TimeSpan timeout, LabProcess? process = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(condition);
        return UntilAsync(what, () => Task.FromResult(condition()), timeout, process, cancellationToken);
    }

    /// <summary>Waits until something in the program's namespace listens on a TCP port, IPv4 or IPv6.</summary>
    /// <exception cref="TimeoutException">Nothing listened in time.</exception>
    /// <exception cref="ToolFailedException">The program ended.</exception>
    public static Task ForListenerAsync(
        LabProcess process, int port, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(process);
        return UntilAsync(
            $"listening on port {port}",
            () => Listens(process.Id, "tcp", port) || Listens(process.Id, "tcp6", port),
            timeout ?? TimeSpan.FromSeconds(10),
            process,
            cancellationToken);
    }

    // Columns: sl local_address rem_address st …; state 0A is LISTEN.
    private static bool Listens(int pid, string table, int port)
    {
        var path = string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/net/{table}");
        var suffix = string.Create(CultureInfo.InvariantCulture, $":{port:X4}");
        try
        {
            return File.ReadLines(path).Skip(1)
                .Select(line => line.Split(' ', 5, StringSplitOptions.RemoveEmptyEntries))
                .Any(columns => columns.Length == 5 && columns[3] == "0A" && columns[1].EndsWith(suffix, StringComparison.Ordinal));
        }
        catch (IOException)
        {
            return false; // ended in between; the caller notices
        }
    }
}
