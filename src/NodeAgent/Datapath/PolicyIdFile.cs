using Culvert.Core;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Datapath;

/// <summary>Keeps the numbers of classes, subjects and rules over restarts, so that pinned counters keep their meaning. The reconciler's.</summary>
internal sealed class PolicyIdFile
{
    private readonly string _path;
    private string _saved = "";

    internal PolicyIdFile(string stateFolder, ILogger logger)
    {
        _path = Path.Combine(stateFolder, "ids");
        Ids = Load(logger);
    }

    /// <summary>The numbers.</summary>
    internal PolicyIds Ids { get; }

    /// <summary>Writes them down when they changed; before the kernel sees them.</summary>
    internal void Save()
    {
        string text = Ids.Serialize();
        if (text == _saved) return;
        File.WriteAllText(_path + ".new", text);
        File.Move(_path + ".new", _path, overwrite: true);
        _saved = text;
    }

    private PolicyIds Load(ILogger logger)
    {
        if (!File.Exists(_path)) return new PolicyIds();
        try
        {
            _saved = File.ReadAllText(_path);
            return PolicyIds.Parse(_saved);
        }
        catch (FormatException e)
        {
            string aside = $"{_path}.corrupt-{DateTime.UtcNow:yyyyMMddHHmmss}";
            File.Move(_path, aside, overwrite: true);
            PolicyIdLog.Corrupt(logger, _path, e.Message, aside);
            return new PolicyIds();
        }
    }
}

internal static partial class PolicyIdLog
{
    [LoggerMessage(EventId = 112, Level = LogLevel.Error, Message = "{Path} can't be used ({Reason}); set aside as {Aside}, numbers start anew")]
    internal static partial void Corrupt(ILogger logger, string path, string reason, string aside);
}
