using Culvert.Controller.Snapshots;
using Culvert.Protocol.V1;

namespace Culvert.Controller.Tests;

/// <summary>Responses as agents read them.</summary>
internal static class ReceivedSnapshots
{
    /// <summary>What an agent makes of the bytes.</summary>
    public static SnapshotResponse Received(this OutgoingSnapshot response)
    {
        var received = SnapshotResponse.Parser.ParseFrom([.. response.Pieces.SelectMany(p => p.ToArray())]);
        Assert.Equal(response.Resources, received.Upserts.Count + received.Removals.Count);
        return received;
    }
}
