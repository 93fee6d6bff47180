using System.Diagnostics;

namespace Culvert.Kubernetes.Tests.Cluster;

/// <summary>
/// A server of the tests, in a session of its own. It dies with the process of the tests, whatever ends that: a guardian reads from a pipe that only the tests hold, and at
/// its end kills the server and removes its folder.
/// </summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private const string Launcher = """
        log=$1; folder=$2; shift 2
        exec 3<&0
        server=$$
        setsid sh -c 'read -r _ <&3; kill -s KILL "$0" 2>/dev/null; rm -rf "$1"' "$server" "$folder" >/dev/null 2>&1 </dev/null &
        exec "$@" >>"$log" 2>&1 </dev/null 3<&-
        """;

    private readonly Process _process;
    private readonly string _log;

    private ServerProcess(Process process, string name, string log) => (_process, Name, _log) = (process, name, log);

    internal string Name { get; }

    internal bool HasExited => _process.HasExited;

    /// <param name="folder">Removed with the server when the tests die; a folder of this server's own.</param>
    /// <param name="program">Its path.</param>
    /// <param name="arguments">Its arguments.</param>
    internal static ServerProcess Start(string folder, string program, IEnumerable<string> arguments)
    {
        string name = Path.GetFileName(program), log = Path.Combine(folder, name + ".log");
        Directory.CreateDirectory(folder);
        var start = new ProcessStartInfo("setsid", ["sh", "-c", Launcher, "sh", log, folder, program, .. arguments]) { UseShellExecute = false, RedirectStandardInput = true };
        return new(Process.Start(start)!, name, log);
    }

    internal string LogTail() => File.Exists(_log) ? string.Join('\n', File.ReadAllText(_log).TrimEnd().Split('\n').TakeLast(15)) : "";

    /// <summary>Kills it, as a crash would.</summary>
    internal async Task KillAsync()
    {
        if (!_process.HasExited) _process.Kill();
        await _process.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _process.StandardInput.Close();
        _process.Dispose();
    }
}
