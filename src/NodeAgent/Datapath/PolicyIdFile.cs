using System.Text;
using Culvert.Core;
using Culvert.Logging;
using Culvert.NodeAgent.State;
using Culvert.NodeAgent.Telemetry;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Datapath;

/// <summary>
/// Keeps the numbers of classes, target policy sets and rules over restarts, so that pinned counters and flows keep their meaning. The reconciler's.
/// </summary>
/// <remarks>
/// Policy does not wait for the disk, and still no number may come to mean something else after a restart, as flows in the kernel name classes by number. So the
/// file sets numbers aside for what could not be written, and an agent that finds no file, or one that it can't use, begins far away from wherever the one before has been.
/// </remarks>
internal sealed class PolicyIdFile
{
    /// <summary>Numbers of each kind that may be given out before they must be on disk.</summary>
    internal const uint Reserve = 4096;

    private readonly string _path;
    private readonly ILogger _logger;
    private readonly AgentMetrics? _metrics;
    private string _saved = "";
    private bool _failed;
    private PolicyIdLimits? _reserved;

    internal PolicyIdFile(string stateFolder, ILogger logger, AgentMetrics? metrics = null)
    {
        (_path, _logger, _metrics) = (Path.Combine(stateFolder, "ids"), logger, metrics);
        Ids = Load();
    }

    /// <summary>The numbers.</summary>
    internal PolicyIds Ids { get; }

    /// <summary>Writes them down when they changed; before the kernel sees them.</summary>
    /// <exception cref="IOException">They can't be written, and those set aside are used up, and the file can't be removed either.</exception>
    internal void Save()
    {
        string text = Ids.Serialize();
        if (text == _saved) return;
        try
        {
            StateFile.Write(_path, Encoding.UTF8.GetBytes(Ids.Serialize(Reserve)));
            (_saved, _reserved) = (text, Ids.Limits(Reserve));
            if (_failed) PolicyIdLog.Saved(_logger, _path);
            _failed = false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _metrics?.StateWritesFailed.With("ids").Increment();
            if (!_failed) PolicyIdLog.NotSaved(_logger, _path, e.Message);
            _failed = true;
            if (_reserved is not { } reserved || reserved.Covers(Ids.Limits(0))) return;

            // The next agent must not find a file that says less than was given out; without one it begins elsewhere.
            File.Delete(_path);
            _reserved = null;
        }
    }

    private PolicyIds Load()
    {
        try
        {
            if (StateFile.Read(_path) is not { } content) return PolicyIds.Elsewhere(Random.Shared);
            PolicyIds ids = PolicyIds.Parse(Encoding.UTF8.GetString(content.Span));
            _saved = ids.Serialize();

            // What was set aside may have been given out: it begins behind that, and has nothing set aside until it is written.
            _reserved = ids.Limits(0);
            return ids;
        }
        catch (Exception e) when (e is FormatException or InvalidDataException or IOException or UnauthorizedAccessException)
        {
            PolicyIdLog.Corrupt(_logger, _path, e.Message, StateFile.SetAside(_path, DateTimeOffset.UtcNow));
            return PolicyIds.Elsewhere(Random.Shared);
        }
    }
}

internal static partial class PolicyIdLog
{
    [LoggerMessage(EventId = LogEventIds.Corrupt, Level = LogLevel.Error, Message = "{Path} can't be used ({Reason}); set aside as {Aside}, numbers start anew")]
    internal static partial void Corrupt(ILogger logger, string path, string reason, string aside);

    [LoggerMessage(EventId = LogEventIds.PolicyIdFileNotSaved, Level = LogLevel.Error, Message = "{Path} can't be written, which is tried again with each snapshot; policy is in force without it: {Reason}")]
    internal static partial void NotSaved(ILogger logger, string path, string reason);

    [LoggerMessage(EventId = LogEventIds.PolicyIdFileSaved, Level = LogLevel.Information, Message = "{Path} is written, as it could not be before")]
    internal static partial void Saved(ILogger logger, string path);
}
