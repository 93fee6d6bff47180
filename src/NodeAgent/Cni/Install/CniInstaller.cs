using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Hosting;
using Culvert.NodeAgent.State;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Cni.Install;

/// <summary>
/// Puts the plugin where a node's container runtime finds it, and at the end of the list of plugins of the network that counts, the first file by name; and again, whenever others have written that file anew or another one comes
/// first. It stays when the agent stops: then no pod starts that nobody would guard. While it is nowhere pods start that may send before they are captured, and the agent is not ready. Every file appears whole, by rename. Thread-safe.
/// </summary>
/// <param name="folders">Where.</param>
/// <param name="plugin">The plugin's program, which runs by itself.</param>
/// <param name="socket">The agent's socket, as the plugin is to find it.</param>
/// <param name="runFolder">Where it is remembered that it was put there.</param>
/// <param name="health">Says that the agent is not ready while the plugin is nowhere.</param>
/// <param name="logger">The agent's log.</param>
internal sealed class CniInstaller(CniFolders folders, string plugin, string socket, string runFolder, HealthState health, ILogger logger) : IDisposable
{
    private const string Part = "CNI plugin";
    private const string Saved = ".culvert-saved";
    private const string Unfinished = ".culvert-new";
    private static readonly string[] SingleExtensions = [".conf", ".json"];
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private readonly Channel<bool> _changes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly Lock _lock = new();
    private FileSystemWatcher? _watcher;
    private volatile string? _failure;
    private bool _isRemembered, _isUnwatched, _ended;
    private ((long Length, DateTime Written, UnixFileMode Mode)? Installed, (long Length, DateTime Written, UnixFileMode Mode)? Built) _good;

    /// <summary>Why it is not where a runtime finds it, or may not be, or is not kept as it should be; null: all is well.</summary>
    internal string? Failure => _failure;

    /// <summary>Says that it is to be installed: until then the agent is not ready.</summary>
    internal void Announce()
    {
        _failure = "it is not installed yet";
        health.Block(Part, _failure);
    }

    /// <summary>Installs it, and keeps it installed until cancelled.</summary>
    internal Task RunAsync(TimeProvider time, CancellationToken stop)
    {
        _changes.Writer.TryWrite(true);
        return ChangeFollower.RunAsync(_changes.Reader, Interval, Look, time, stop);
    }

    /// <summary>Makes all as it should be; what can't be is logged once.</summary>
    internal void Look()
    {
        lock (_lock)
        {
            if (_ended) return;
            try
            {
                Watch();
                if (!_isRemembered || !CniFolders.IsRemembered(runFolder)) folders.Remember(runFolder);
                _isRemembered = true;
                InstallProgram();
                (bool isIn, string wrong) = InstallEntry();
                Say(wrong, isIn);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
            {
                // What can't be renewed may be in place all the same, as where the disk is full.
                Say(e.Message, IsInPlace());
            }
        }
    }

    /// <summary>Takes it away, and puts it back no more.</summary>
    /// <returns>What was removed, one line each.</returns>
    internal IReadOnlyList<string> End()
    {
        lock (_lock)
        {
            IReadOnlyList<string> removed = Remove(folders, runFolder);
            _ended = true;
            return removed;
        }
    }

    /// <summary>Puts it back after all: the agent stays.</summary>
    internal void Resume()
    {
        lock (_lock) (_ended, _isRemembered) = (false, false);
        _changes.Writer.TryWrite(true);
    }

    /// <summary>Takes away what an agent has put there: first what names the plugin, then the plugin.</summary>
    /// <exception cref="IOException">A file can't be written or removed.</exception>
    internal static IReadOnlyList<string> Remove(CniFolders folders, string runFolder)
    {
        List<string> removed = [];
        foreach (string path in Directory.Exists(folders.Configuration) ? Directory.EnumerateFiles(folders.Configuration).Order(StringComparer.Ordinal).ToArray() : [])
        {
            if (path.EndsWith(Unfinished, StringComparison.Ordinal)) File.Delete(path);
            if (Path.GetExtension(path) is not ".conflist") continue;
            string text, without;
            try
            {
                text = Read(path);
                if (CniNetworkFile.WithoutPlugin(text) is not { } left) continue;
                without = left;
            }
            catch (FormatException)
            {
                continue; // others' affair: the plugin is not in it
            }
            string? saved = SavedOf(path);
            if (saved is not null && IsWrapped(text, saved))
            {
                File.Move(saved, saved[..^Saved.Length], overwrite: true);
                File.Delete(path);
            }
            else
            {
                // Others have written the list since, so that what was saved is of the past.
                Write(path, Encoding.UTF8.GetBytes(without), File.GetUnixFileMode(path));
                if (saved is not null) File.Delete(saved);
            }
            removed.Add($"CNI plugin from {path}");
        }
        foreach (string path in new[] { folders.Program + Unfinished, folders.Program }.Where(File.Exists))
        {
            File.Delete(path);
            if (path == folders.Program) removed.Add($"CNI plugin {path}");
        }
        CniFolders.Forget(runFolder);
        return removed;
    }

    public void Dispose()
    {
        lock (_lock) _watcher?.Dispose();
    }

    private void InstallProgram()
    {
        // As it was found to be good, and as what it is made from was then.
        var now = (StateOf(folders.Program), StateOf(plugin));
        if (now.Item1 is not null && now.Item2 is not null && now == _good) return;
        byte[] program = File.ReadAllBytes(plugin);
        if (now.Item1?.Length != program.Length || now.Item1?.Mode != Executable || !SHA256.HashData(File.ReadAllBytes(folders.Program)).AsSpan().SequenceEqual(SHA256.HashData(program)))
        {
            Write(folders.Program, program, Executable);
            CniLog.ProgramInstalled(logger, folders.Program);
        }
        _good = (StateOf(folders.Program), now.Item2);
    }

    private static (long Length, DateTime Written, UnixFileMode Mode)? StateOf(string path) => new FileInfo(path) is { Exists: true } file ? (file.Length, file.LastWriteTimeUtc, file.UnixFileMode) : null;

    private static string? SavedOf(string list) => SingleExtensions.Select(e => Path.ChangeExtension(list, e) + Saved).FirstOrDefault(File.Exists);

    private static bool IsWrapped(string list, string single)
    {
        try
        {
            return CniNetworkFile.IsWrapped(list, Read(single));
        }
        catch (FormatException)
        {
            return false;
        }
    }

    private bool IsInPlace()
    {
        try
        {
            return File.Exists(folders.Program) && CniConfiguration.FilesOf(folders.Configuration).FirstOrDefault() is { } first && CniNetworkFile.WithoutPlugin(Read(first)) is not null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            return false; // said already
        }
    }

    // Whether it is in the list that counts, and what speaks against that one, or any.
    private (bool IsIn, string Wrong) InstallEntry()
    {
        List<string> wrong = [];
        bool mayCount = false;
        foreach (string path in CniConfiguration.FilesOf(folders.Configuration))
        {
            try
            {
                InstallInto(path);
                return (!mayCount, wrong.Count == 0 ? "" : $"{string.Join("; ", wrong)}. It is in {path}, which counts where the runtime can't read what comes before");
            }
            catch (FormatException e)
            {
                // Runtimes pass over what they can't read, and take the next; they may be less strict.
                wrong.Add($"{path}: {e.Message}");
                mayCount |= MayBeRead(path);
            }
        }
        return (false, wrong.Count == 0 ? $"{folders.Configuration} has no network configuration yet; waiting for one" : string.Join("; ", wrong));
    }

    private static bool MayBeRead(string path)
    {
        try
        {
            return CniNetworkFile.IsJson(Read(path));
        }
        catch (FormatException)
        {
            return true;
        }
    }

    private void InstallInto(string path)
    {
        string text = Read(path);
        JsonObject entry = new() { ["type"] = Culvert.Cni.CniConfiguration.PluginType, [Culvert.Cni.CniConfiguration.SocketKey] = socket };
        UnixFileMode mode = File.GetUnixFileMode(path);
        if (Path.GetExtension(path) == ".conflist")
        {
            string with = CniNetworkFile.WithPlugin(text, entry);
            if (with == text) return;
            Write(path, Encoding.UTF8.GetBytes(with), mode);
            CniLog.EntryInstalled(logger, path);
            return;
        }

        // The list first: runtimes take the single plugin, which comes before it by name, until that is out of the way.
        string list = Path.ChangeExtension(path, ".conflist");
        if (File.Exists(list) && !IsWrapped(Read(list), path)) throw new FormatException($"{list} is there as well, in whose place a list with this plugin would be");
        Write(list, Encoding.UTF8.GetBytes(CniNetworkFile.Wrap(text, entry)), mode);
        File.Move(path, path + Saved, overwrite: true);
        CniLog.EntryInstalled(logger, list);
    }

    private static string Read(string path)
    {
        if (new FileInfo(path).Length > CniConfiguration.LongestFile) throw new FormatException($"it is longer than {CniConfiguration.LongestFile} bytes");
        try
        {
            return new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true).GetString(File.ReadAllBytes(path));
        }
        catch (DecoderFallbackException e)
        {
            throw new FormatException("it is not UTF-8", e);
        }
    }

    private static UnixFileMode Executable => UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    // Beside the old one by a name that no runtime reads.
    private static void Write(string path, byte[] content, UnixFileMode mode) => WholeFile.Write(path, Unfinished, content, mode);

    // A folder that comes, or comes again, later is found by the clock.
    private void Watch()
    {
        if (_watcher is not null && Directory.Exists(folders.Configuration)) return;
        _watcher?.Dispose();
        _watcher = null;
        if (!Directory.Exists(folders.Configuration)) return;
        FileSystemWatcher? watcher = null;
        try
        {
            watcher = new FileSystemWatcher(folders.Configuration) { NotifyFilter = NotifyFilters.FileName | NotifyFilters.LastWrite | NotifyFilters.Attributes };
            watcher.Changed += (_, _) => _changes.Writer.TryWrite(true);
            watcher.Created += (_, _) => _changes.Writer.TryWrite(true);
            watcher.Deleted += (_, _) => _changes.Writer.TryWrite(true);
            watcher.Renamed += (_, _) => _changes.Writer.TryWrite(true);
            watcher.Error += (_, _) => _changes.Writer.TryWrite(true);
            watcher.EnableRaisingEvents = true;
            _watcher = watcher;
            _isUnwatched = false;
        }
        catch (Exception e) when (e is IOException or ArgumentException)
        {
            // No inotify instance is left, or the folder has just gone: the clock does.
            watcher?.Dispose();
            if (!_isUnwatched) CniLog.NotWatched(logger, folders.Configuration, Interval.TotalSeconds, e.Message);
            _isUnwatched = true;
        }
    }

    private void Say(string what, bool isIn)
    {
        if (isIn) health.Clear(Part);
        else health.Block(Part, what);
        string? failure = what.Length > 0 ? what : null;
        if (failure == _failure) return;
        _failure = failure;
        if (failure is not null) CniLog.NotInstalled(logger, what);
    }
}
