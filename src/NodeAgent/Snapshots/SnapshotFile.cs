using Culvert.Core;
using Culvert.NodeAgent.State;
using Culvert.Protocol;
using Culvert.Protocol.V1;
using Google.Protobuf;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Snapshots;

/// <summary>
/// Keeps the last good snapshot on disk, so that an agent starts with policy in force while the controller is away. Written
/// whole beside the old file and renamed, so that a crash leaves one or the other. While the disk takes nothing, the snapshot is in
/// another folder, which is in memory most often: an agent that dies meanwhile must not come back with a policy that has been withdrawn. One writer at a time.
/// </summary>
/// <param name="folder">Where it belongs.</param>
/// <param name="fallbackFolder">Where it is while it can't be there.</param>
/// <param name="node">This node's name.</param>
/// <param name="logger">Told of files that can't be used.</param>
internal sealed class SnapshotFile(string folder, string fallbackFolder, string node, ILogger logger)
{
    private const string Name = "snapshot.pb";

    private readonly string _path = Path.Combine(folder, Name);
    private readonly string _fallbackPath = Path.Combine(fallbackFolder, Name);

    /// <summary>Saves a snapshot and the controller epoch that its version counts in.</summary>
    /// <exception cref="IOException">It is not where it belongs; the message says whether it is in the other folder.</exception>
    internal void Save(NodeSnapshot snapshot, string epoch)
    {
        byte[] content = snapshot.ToFullResponse(epoch).ToByteArray();
        try
        {
            StateFile.Write(_path, content);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"{e.Message.TrimEnd('.')}; {SaveToFallback(content)}", e);
        }

        RemoveFallback();
    }

    /// <summary>Loads what was saved; null when there is nothing or it can't be read, in which case the file is set aside.</summary>
    internal (NodeSnapshot Snapshot, string Epoch)? Load()
    {
        (NodeSnapshot Snapshot, string Epoch)? saved = Load(_path), fallback = Load(_fallbackPath);
        if (saved is not { } a || fallback is not { } b) return saved ?? fallback;

        // Both are there when an agent died between writing one and removing the other.
        bool isFallbackNewer = a.Epoch == b.Epoch ? b.Snapshot.Version > a.Snapshot.Version : File.GetLastWriteTimeUtc(_fallbackPath) > File.GetLastWriteTimeUtc(_path);
        return isFallbackNewer ? fallback : saved;
    }

    private void RemoveFallback()
    {
        try
        {
            File.Delete(_fallbackPath);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            SnapshotLog.FallbackStays(logger, _fallbackPath, e.Message);
        }
    }

    private string SaveToFallback(byte[] content)
    {
        try
        {
            StateFile.Write(_fallbackPath, content);
            return $"an agent that starts meanwhile has it from {_fallbackPath}";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"nor can it be in {_fallbackPath} ({e.Message.TrimEnd('.')}): an agent that starts meanwhile begins with an older one";
        }
    }

    private (NodeSnapshot Snapshot, string Epoch)? Load(string path)
    {
        try
        {
            if (StateFile.Read(path) is not { } content) return null;
            SnapshotResponse saved = SnapshotResponse.Parser.ParseFrom(content.Span);
            return (SnapshotMapping.Apply(new NodeSnapshot { Node = node }, node, saved), saved.Epoch);
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or MappingException or IOException or UnauthorizedAccessException or InvalidDataException or FormatException)
        {
            SnapshotLog.FileCorrupt(logger, path, e.Message, StateFile.SetAside(path, DateTimeOffset.UtcNow));
            return null;
        }
    }
}
