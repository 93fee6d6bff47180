using Culvert.Core;
using Culvert.Protocol;
using Culvert.Protocol.V1;
using Google.Protobuf;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Snapshots;

/// <summary>
/// Keeps the last good snapshot on disk, so that an agent starts with policy in force while the controller is away. Written
/// whole beside the old file and renamed, so that a crash leaves one or the other. One writer at a time.
/// </summary>
internal sealed class SnapshotFile(string folder, string node, ILogger logger)
{
    private readonly string _path = Path.Combine(folder, "snapshot.pb");

    /// <summary>Saves a snapshot and the controller epoch that its version counts in.</summary>
    internal void Save(NodeSnapshot snapshot, string epoch)
    {
        string next = _path + ".new";
        using (FileStream file = new(next, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }))
        {
            snapshot.ToFullResponse(epoch).WriteTo(file);
            file.Flush(flushToDisk: true);
        }
        File.Move(next, _path, overwrite: true);
    }

    /// <summary>Loads what was saved; null when there is nothing or it can't be read, in which case the file is set aside.</summary>
    internal (NodeSnapshot Snapshot, string Epoch)? Load()
    {
        if (!File.Exists(_path)) return null;
        try
        {
            using FileStream file = File.OpenRead(_path);
            SnapshotResponse saved = SnapshotResponse.Parser.ParseFrom(file);
            return (SnapshotMapping.Apply(new NodeSnapshot { Node = node }, node, saved), saved.Epoch);
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or MappingException or IOException or FormatException)
        {
            string aside = $"{_path}.corrupt-{DateTime.UtcNow:yyyyMMddHHmmss}";
            File.Move(_path, aside, overwrite: true);
            SnapshotLog.FileCorrupt(logger, _path, e.Message, aside);
            return null;
        }
    }
}
