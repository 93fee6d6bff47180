using Culvert.Core;
using Culvert.NodeAgent.State;
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
    internal void Save(NodeSnapshot snapshot, string epoch) => StateFile.Write(_path, snapshot.ToFullResponse(epoch).ToByteArray());

    /// <summary>Loads what was saved; null when there is nothing or it can't be read, in which case the file is set aside.</summary>
    internal (NodeSnapshot Snapshot, string Epoch)? Load()
    {
        try
        {
            if (StateFile.Read(_path) is not { } content) return null;
            SnapshotResponse saved = SnapshotResponse.Parser.ParseFrom(content.Span);
            return (SnapshotMapping.Apply(new NodeSnapshot { Node = node }, node, saved), saved.Epoch);
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or MappingException or IOException or UnauthorizedAccessException or InvalidDataException or FormatException)
        {
            SnapshotLog.FileCorrupt(logger, _path, e.Message, StateFile.SetAside(_path, DateTimeOffset.UtcNow));
            return null;
        }
    }
}
