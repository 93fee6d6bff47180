using System.Diagnostics;
using System.Globalization;

namespace Culvert.Bench.Running;

/// <summary>A long-running program of the bench: its output is kept for error messages, and it is stopped on disposal.</summary>
internal sealed class Daemon : IAsyncDisposable
{
    private const int KeptLines = 60;
    private static readonly TimeSpan StopGrace = TimeSpan.FromSeconds(10);

    private readonly Process _process;
    private readonly string _name;
    private readonly Lock _lock = new();
    private readonly Queue<string> _tail = new();
    private readonly List<(string Text, TaskCompletionSource Seen)> _awaited = [];

    private Daemon(string name, Process process)
    {
        _name = name;
        _process = process;
        process.OutputDataReceived += (_, e) => OnLine(e.Data);
        process.ErrorDataReceived += (_, e) => OnLine(e.Data);
        process.EnableRaisingEvents = true;
        process.Exited += (_, _) => OnExited();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>Process id.</summary>
    public int Id => _process.Id;

    /// <summary>Whether the program has ended.</summary>
    public bool HasExited => _process.HasExited;

    /// <summary>The last lines the program wrote.</summary>
    public string Tail
    {
        get
        {
            lock (_lock) return string.Join('\n', _tail);
        }
    }

    public static Daemon Start(
        string name, string? netns, IReadOnlyList<string> command, IReadOnlyDictionary<string, string>? environment = null) =>
        new(name, Command.Start(netns, command, environment: environment));

    /// <summary>Completes when the program writes a line that contains <paramref name="text"/>.</summary>
    /// <exception cref="CommandFailedException">The program ended first, or the time ran out.</exception>
    public async Task WaitForLineAsync(string text, TimeSpan timeout, CancellationToken cancellationToken)
    {
        TaskCompletionSource seen = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (_tail.Any(line => line.Contains(text, StringComparison.Ordinal))) return;
            _awaited.Add((text, seen));
        }
        if (_process.HasExited) OnExited();
        try
        {
            await seen.Task.WaitAsync(timeout, cancellationToken);
        }
        catch (TimeoutException)
        {
            throw new CommandFailedException($"{_name} did not write \"{text}\" within {timeout.TotalSeconds:0} s:\n{Tail}");
        }
    }

    /// <summary>Throws with the program's last lines when it has ended.</summary>
    public void ThrowIfExited()
    {
        if (_process.HasExited) throw new CommandFailedException($"{_name} ended with code {_process.ExitCode}:\n{Tail}");
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            try
            {
                await Command.RunAsync(null, ["kill", "-TERM", _process.Id.ToString(CultureInfo.InvariantCulture)]);
                using CancellationTokenSource grace = new(StopGrace);
                await _process.WaitForExitAsync(grace.Token);
            }
            catch (Exception e) when (e is OperationCanceledException or CommandFailedException)
            {
                Console.Error.WriteLine($"{_name} (pid {_process.Id}) did not stop on SIGTERM; killing it.");
                if (!_process.HasExited) _process.Kill(entireProcessTree: true);
            }
        }
        _process.Dispose();
    }

    private void OnLine(string? line)
    {
        if (line is null) return;
        lock (_lock)
        {
            _tail.Enqueue(line);
            if (_tail.Count > KeptLines) _tail.Dequeue();
            foreach ((string text, TaskCompletionSource seen) in _awaited)
            {
                if (line.Contains(text, StringComparison.Ordinal)) seen.TrySetResult();
            }
        }
    }

    private void OnExited()
    {
        lock (_lock)
        {
            foreach ((_, TaskCompletionSource seen) in _awaited)
            {
                seen.TrySetException(new CommandFailedException($"{_name} ended with code {_process.ExitCode}:\n{string.Join('\n', _tail)}"));
            }
        }
    }
}
