using System.Text.Json;
using Culvert.Controller.Nodes;
using Culvert.Controller.Progress;

namespace Culvert.Controller.Tests.Progress;

/// <summary>Where a version of an object is in force, by what nodes have acknowledged at this controller and at others.</summary>
public sealed class MeshProgressTests
{
    private const string Kind = "authorizationpolicies.culvert.dev";
    private readonly MeshProgress _progress = new();

    [Fact]
    public void ANodeHasWhatWasReadBeforeTheWorldThatItHas()
    {
        Publish(1, "a", "b");
        Read(100);
        Has("a", 1);
        Assert.Equal("in force on 1 of 2 nodes that have workloads of the mesh; not yet on b (no agent is connected)", Text(100));
        Publish(2, "a", "b");
        Read(105);
        Has("b", 2);
        Assert.Equal("in force on 1 of 2 nodes that have workloads of the mesh; not yet on a", Text(101));
        Assert.Equal("in force on all 2 nodes that have workloads of the mesh", Text(100));

        // Nothing that was read since has made another world.
        Has("a", 2);
        Read(110);
        Assert.True(_progress.Of(Kind, 110).IsWhole);
        Assert.False(_progress.Of(Kind, 111).IsWhole);
        Assert.False(_progress.Of("meshconfigs.culvert.dev", 1).IsWhole);

        // One that is there, and has taken up nothing yet.
        _progress.Take(new NodeStatus("c") { Connected = true });
        Publish(3, "a", "b", "c");
        Assert.EndsWith("not yet on c", Text(110), StringComparison.Ordinal);
    }

    [Fact]
    public void NodesWithoutWorkloadsDoNotCount()
    {
        Assert.Equal("not yet told to nodes", Text(7));
        Publish(1);
        Read(7);
        Assert.Equal("in force; no node has workloads of the mesh", Text(7));
        Assert.False(_progress.Of(Kind, 8).IsWhole);
        Assert.False(_progress.Of(Kind, 0).IsWhole);
        Publish(2, "a");
        Read(7);
        Has("b", 2);
        Assert.Equal((1, 0), (_progress.Of(Kind, 7).All, _progress.Of(Kind, 7).Having));
        Has("a", 2);
        Assert.Equal("in force on the 1 node that has workloads of the mesh", Text(7));
    }

    [Fact]
    public void WhatOthersTellCountsAndTheBetterOfTwo()
    {
        Publish(1, "a", "b");
        Read(100);
        Has("a", 1);
        MeshProgress other = new();
        other.Publish(77, ["a", "b"]);
        other.Read(new Dictionary<string, ulong> { [Kind] = 90 });
        other.Has("a", 77);
        other.Has("b", 77);
        Hear(other);
        Assert.Equal((2, 1), (_progress.Of(Kind, 95).All, _progress.Of(Kind, 95).Having));
        Assert.True(_progress.Of(Kind, 90).IsWhole);
        other.Read(new Dictionary<string, ulong> { [Kind] = 100 });
        Hear(other);
        Assert.True(_progress.Of(Kind, 100).IsWhole);
        _progress.Hear([]);
        Assert.False(_progress.Of(Kind, 1).IsWhole);
    }

    [Fact]
    public void WhyANodeIsBehindIsSaidWhereverItIsKnown()
    {
        Publish(1, "a", "b", "c");
        Read(100);
        Has("a", 1);
        Publish(2, "a", "b", "c");
        Read(101);
        _progress.Take(new NodeStatus("a") { Connected = true, NackedVersion = 2, NackReason = "the map is full" });
        MeshProgress other = new();
        other.Take(new NodeStatus("b") { Connected = true, NackedVersion = 9, NackReason = "no memory" });
        Hear(other);
        Assert.Equal("in force on 0 of 3 nodes that have workloads of the mesh; not yet on a (it refuses: the map is full), b (it refuses: no memory), c (no agent is connected)", Text(101));
        _progress.Take(new NodeStatus("a") { Connected = true });
        Has("a", 2);
        Assert.Equal(1, _progress.Of(Kind, 101).Having);

        // Nobody knows any more.
        _progress.Take(new NodeStatus("a"));
        Assert.Contains("a (no agent is connected)", Text(101), StringComparison.Ordinal);
    }

    [Fact]
    public void OfManyNodesAFewAreNamed()
    {
        Publish(1, [.. Enumerable.Range(1, 9).Select(n => $"n{n}")]);
        Read(1);
        Assert.EndsWith("n1 (no agent is connected), n2 (no agent is connected), n3 (no agent is connected), n4 (no agent is connected), n5 (no agent is connected) and 4 more", Text(1), StringComparison.Ordinal);
    }

    [Fact]
    public void AWorldThatIsToldLateIsNotTheLast()
    {
        Publish(2, "a");
        Publish(1, "a", "b");
        Read(100);
        Has("a", 1);
        Assert.Equal((1, 0), (_progress.Of(Kind, 100).All, _progress.Of(Kind, 100).Having));
    }

    [Fact]
    public void ANodeFarBehindDoesNotKeepAllThatWasRead()
    {
        Has("a", 1);
        for (ulong version = 1; version < 2000; version++)
        {
            Publish(version, "a", "b");
            Read(1000 + version);
            Has("b", version);
        }
        Assert.Equal(1, _progress.Of(Kind, 2999).Having);
        Assert.Equal(1, _progress.Of(Kind, 1001).Having);
        Has("a", 1999);
        Assert.True(_progress.Of(Kind, 2999).IsWhole);
    }

    [Fact]
    public void NodesThatAreAsFarAreToldTogether()
    {
        Publish(1, "a", "b", "c");
        Read(100);
        Has("b", 1);
        Has("a", 1);
        Publish(2, "a", "b", "c");
        Read(101);
        Has("c", 2);
        ProgressDocument own = _progress.Own(DateTimeOffset.UnixEpoch);
        Assert.Equal([("a b", 100), ("c", 101)], own.Levels.Select(l => (string.Join(' ', l.Nodes), l.Read[Kind])));
        string json = JsonSerializer.Serialize(own, ProgressJson.Default.ProgressDocument);
        ProgressDocument read = ProgressDocument.Read(json);
        Assert.True(read.SaysTheSameAs(_progress.Own(DateTimeOffset.MaxValue)));
        Has("a", 2);
        Assert.False(read.SaysTheSameAs(_progress.Own(DateTimeOffset.UnixEpoch)));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("""{"written":"2026-01-01T00:00:00Z","levels":null,"refused":{}}""")]
    [InlineData("""{"written":"2026-01-01T00:00:00Z","levels":[{"read":{"a":-1},"nodes":[]}],"refused":{}}""")]
    [InlineData("""{"written":"2026-01-01T00:00:00Z","levels":[null],"refused":{}}""")]
    [InlineData("""{"written":"2026-01-01T00:00:00Z","levels":[{"read":{},"nodes":[null]}],"refused":{}}""")]
    [InlineData("""{"written":"2026-01-01T00:00:00Z","levels":[],"refused":{"a":null}}""")]
    public void WhatIsNoDocumentIsNotRead(string json) => Assert.Throws<JsonException>(() => ProgressDocument.Read(json));

    private string Text(ulong version) => _progress.Of(Kind, version).Text();

    private void Publish(ulong version, params string[] nodes) => _progress.Publish(version, nodes);

    private void Read(ulong version) => _progress.Read(new Dictionary<string, ulong> { [Kind] = version });

    private void Has(string node, ulong version) => _progress.Has(node, version);

    private void Hear(MeshProgress other) => _progress.Hear([other.Own(DateTimeOffset.UnixEpoch)]);
}
