using Culvert.Controller.Snapshots;
using Culvert.Protocol.V1;

namespace Culvert.Controller.Tests;

/// <summary>What all nodes are told is encoded once, and each node's own is left out of it.</summary>
public sealed class EncodedResourcesTests
{
    private static readonly string[] Names = ["a", "b", "c", "d"];

    [Theory]
    [InlineData("", "a b c d", 1)]
    [InlineData("a", "b c d", 1)]
    [InlineData("d", "a b c", 1)]
    [InlineData("b", "a c d", 2)]
    [InlineData("c b", "a d", 2)]
    [InlineData("c a", "b d", 2)]
    [InlineData("a b c d", "", 0)]
    [InlineData("z", "a b c d", 1)]
    public void WhatIsLeftOutIsCutOut(string without, string left, int pieces)
    {
        EncodedResources encoded = new([.. Names.Select(n => KeyValuePair.Create(Key(n), new Resource { Workload = new Workload { Uid = n, Node = new string('x', 300) } }))]);
        IReadOnlyList<ReadOnlyMemory<byte>> found = [.. encoded.Pieces(without.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Key))];
        Assert.Equal(pieces, found.Count);
        Assert.Equal(left, string.Join(' ', SnapshotResponse.Parser.ParseFrom([.. found.SelectMany(p => p.ToArray())]).Upserts.Select(u => u.Workload.Uid)));
        Assert.Equal(4, encoded.Count);
    }

    private static ResourceKey Key(string name) => new(ResourceKind.Workload, name);
}
