using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Culvert.Bench.Measuring;
using Culvert.Labs;

namespace Culvert.Bench.Scale;

/// <summary>
/// The controller as a process of its own, so that its memory is its own. It ends with the bench, whatever ends that: a guardian reads from a pipe that only the bench holds, and kills it at its end.
/// A session of its own keeps a terminal's Ctrl-C from both.
/// </summary>
internal sealed class ScaleController : IAsyncDisposable
{
    private const string Launcher = """
        log=$1; shift
        exec 3<&0
        server=$$
        setsid sh -c 'read -r _ <&3; kill -s KILL "$0" 2>/dev/null' "$server" >/dev/null 2>&1 </dev/null &
        exec "$@" >>"$log" 2>&1 </dev/null 3<&-
        """;

    private static readonly TimeSpan ListenDeadline = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan StopDeadline = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(5);

    private readonly Process _process;
    private readonly string _log;

    private ScaleController(Process process, IPEndPoint endPoint, string log) => (_process, EndPoint, _log) = (process, endPoint, log);

    /// <summary>Where it serves agents.</summary>
    public IPEndPoint EndPoint { get; }

    /// <summary>Most memory that it had resident so far, in megabytes (10^6 bytes).</summary>
    public double PeakMegabytes() => ProcFile.PeakResidentKilobytes(_process.Id) * 1024 / 1e6;

    /// <summary>Memory that it has resident now, in megabytes.</summary>
    public double ResidentMegabytes() => ProcFile.ResidentKilobytes(_process.Id) * 1024 / 1e6;

    /// <summary>Processor time that it has used so far.</summary>
    public TimeSpan ProcessorTime()
    {
        _process.Refresh();
        return _process.TotalProcessorTime;
    }

    /// <summary>Starts it and waits until it listens, which it does when it has read and compiled its world.</summary>
    /// <param name="program">The controller.</param>
    /// <param name="world">The folder of objects.</param>
    /// <param name="state">Its state folder.</param>
    /// <param name="log">Where its output goes.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="BenchInvalidException">It has ended, or does not listen in time.</exception>
    public static async Task<ScaleController> StartAsync(string program, string world, string state, string log, CancellationToken cancellationToken)
    {
        IPEndPoint endPoint = new(IPAddress.Loopback, FreePort());
        ProcessStartInfo start = new("setsid", ["sh", "-c", Launcher, "sh", log, program, "run", "--folder", world, "--listen", endPoint.ToString(), "--state-dir", state])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
        };
        ScaleController controller = new(Process.Start(start)!, endPoint, log);
        try
        {
            long since = Stopwatch.GetTimestamp();
            while (!ProcFile.Listens(controller._process.Id, (ushort)endPoint.Port))
            {
                if (controller._process.HasExited || Stopwatch.GetElapsedTime(since) > ListenDeadline) throw new BenchInvalidException($"{program} does not serve:\n{controller.LogTail()}");
                await Task.Delay(Poll, cancellationToken);
            }
            return controller;
        }
        catch
        {
            await controller.DisposeAsync();
            throw;
        }
    }

    /// <summary>The last lines of its output.</summary>
    public string LogTail() => File.Exists(_log) ? string.Join('\n', File.ReadLines(_log).TakeLast(15)) : "";

    /// <summary>Asks it to end, and kills it when it does not.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) await Tool.RunAsync("kill", ["-s", "TERM", _process.Id.ToString(CultureInfo.InvariantCulture)]);
        using CancellationTokenSource deadline = new(StopDeadline);
        try
        {
            await _process.WaitForExitAsync(deadline.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill();
            await _process.WaitForExitAsync(CancellationToken.None);
        }
        _process.StandardInput.Close();
        _process.Dispose();
    }

    private static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
