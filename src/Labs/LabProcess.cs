using System.Diagnostics;

namespace Culvert.Labs;

/// <summary>
/// A program running in a namespace of the lab, leader of its own session and process group so that it and its children
/// are ended together and a terminal's Ctrl-C does not reach it. Output goes to a file, so it outlives the lab's owner when the lab is kept.
/// </summary>
public sealed class LabProcess : IAsyncDisposable
{
    private const string Launcher = "log=$1; shift; exec setsid \"$@\" >>\"$log\" 2>&1 </dev/null";
    private readonly Process _process;

    private LabProcess(Process process, string name, string logFile)
    {
        _process = process;
        Id = process.Id;
        Name = name;
        LogFile = logFile;
    }

    /// <summary>Process id.</summary>
    public int Id { get; }

    /// <summary>Name of the program in messages and of its log.</summary>
    public string Name { get; }

    /// <summary>File with everything it wrote.</summary>
    public string LogFile { get; }

    /// <summary>Whether it has ended.</summary>
    public bool HasExited => _process.HasExited;

    /// <summary>Its exit status; throws while it runs.</summary>
    public int ExitCode => _process.ExitCode;

    internal static LabProcess Start(LabNamespace place, string name, string logFile, string program, IReadOnlyList<string> arguments)
    {
        var process = new Process
        {
            StartInfo = new ProcessStartInfo(
                "sh",
                ["-c", Launcher, "sh", logFile, "nsenter", "--net=" + place.NamespacePath, program, .. arguments]),
        };
        process.Start();
        return new LabProcess(process, name, logFile);
    }

    /// <summary>Waits for its end, at most for the given time and <see cref="LabWait.Patience"/>.</summary>
    /// <exception cref="TimeoutException">It still runs.</exception>
    public async Task<int> WaitForExitAsync(TimeSpan timeout, CancellationToken cancellationToken = default)
    {
        await _process.WaitForExitAsync(cancellationToken).WaitAsync(timeout * LabWait.Patience, cancellationToken);
        return _process.ExitCode;
    }

    /// <summary>Sends a signal to the program and its children.</summary>
    /// <param name="signal">Name without SIG, e.g. <c>TERM</c>.</param>
    public async Task SignalAsync(string signal)
    {
        if (!_process.HasExited)
        {
            // Status 1 means that it ended in between.
            await Tool.RunAsync("sh", ["-c", $"kill -s {signal} -- -{Id}"]);
        }
    }

    /// <summary>Kills it at once, as kill -9 does, and waits for its end.</summary>
    public async Task KillAsync()
    {
        await SignalAsync("KILL");
        await WaitForExitAsync(TimeSpan.FromSeconds(10));
    }

    /// <summary>Asks it to end, and kills it when it has not within the grace period.</summary>
    public async Task StopAsync(TimeSpan grace)
    {
        await SignalAsync("TERM");
        try
        {
            await WaitForExitAsync(grace);
        }
        catch (TimeoutException)
        {
            await KillAsync();
        }
    }

    /// <summary>Everything it wrote so far.</summary>
    public string ReadLog() => File.Exists(LogFile) ? File.ReadAllText(LogFile) : "";

    /// <summary>The last lines it wrote.</summary>
    public string LogTail(int lines = 20) => string.Join('\n', ReadLog().TrimEnd().Split('\n').TakeLast(lines));

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await StopAsync(TimeSpan.FromSeconds(5));
}
