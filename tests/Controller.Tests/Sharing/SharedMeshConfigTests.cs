using System.Text;
using System.Text.Json;
using Culvert.Controller.Objects;
using Culvert.Controller.Sharing;
using Culvert.Controller.Sources.Folder;
using Culvert.Controller.Sources.Kubernetes;
using Culvert.Controller.Store;
using Culvert.Core;
using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Controller.Tests;

/// <summary>What is in force by the Secret in which the MeshConfig is kept.</summary>
public sealed class SharedMeshConfigTests
{
    private readonly SharedMeshConfig _shared = new("the Secret culvert-system/culvert-controller", NullLogger.Instance);

    [Fact]
    public void OneOfAnApiServerIsTheSameWhenItIsReadAgain()
    {
        ObjectSet before = Given("""{"trustDomain":"mesh.example","defaultAction":"DENY","mtls":{"mode":"STRICT"},"excludePorts":[53],"excludeCidrs":["10.0.0.0/8"],"certificate":{"lifetime":"36h","jitter":0.2}}""");
        _shared.Save(before);
        ObjectSet after = _shared.Load(Exchanged(Empty()));
        Assert.Equal(MeshConfigState.Given, after.Mesh.State);
        Assert.Equal(before.Mesh.Settings, after.Mesh.Settings);

        // It is gone from the server.
        ObjectSet read = ObjectSetReader.Read([], after);
        Assert.Equal(before.Mesh.Settings, read.Mesh.Settings);
        Assert.Equal(
            "the Secret culvert-system/culvert-controller (mesh-config.yaml): MeshConfig default: is gone; the one that was here stays in force until there is another good one: give a MeshConfig named 'default' (with 'spec: {}' for the defaults)",
            Assert.Single(read.Errors).ToString());
    }

    [Fact]
    public void AMeshThatIsClosedStaysClosed()
    {
        _shared.Save(ObjectSetReader.Read([new("mesh.yaml", "apiVersion: culvert.dev/v1alpha1\nkind: MeshConfig\nmetadata: {name: default}\nspec: {trustDomain: mesh.example, defaultAction: MAYBE}\n")], ObjectSet.Empty));
        MeshConfigInForce after = ObjectSetReader.Read([], _shared.Load(Exchanged(Empty()))).Mesh;
        Assert.Equal((MeshConfigState.Closed, MeshConfigInForce.Closing("mesh.example")), (after.State, after.Settings));
    }

    [Theory]
    [InlineData("{")]
    [InlineData("")]
    [InlineData("kind: Workload")]
    [InlineData("""{"apiVersion":"culvert.dev/v1alpha1","kind":"MeshConfig","metadata":{"name":"default"},"spec":{"defaultAction":"MAYBE"}}""")]
    public void WhatCannotBeReadAgainClosesTheMesh(string kept)
    {
        ObjectSet after = _shared.Load(new() { Data = new Dictionary<string, byte[]> { [SharedMeshConfig.Key] = Encoding.UTF8.GetBytes(kept) } });
        Assert.True(ObjectSetReader.Read([], after).Mesh.IsClosed);
    }

    [Fact]
    public void NothingIsWrittenWhereThereNeverWasOneAndWhereItIsKeptAlready()
    {
        _shared.Save(ObjectSetReader.Read([], ObjectSet.Empty));
        Assert.Empty(_shared.Exchange(Empty()));
        _shared.Save(Given("""{"defaultAction":"DENY"}"""));
        Assert.Empty(_shared.Exchange(Exchanged(Empty())));
        V1Secret earlier = Exchanged(Empty());
        _shared.Save(Given("""{"defaultAction":"ALLOW"}"""));
        Assert.Single(_shared.Exchange(earlier));
    }

    /// <summary>As two versions of the controller may, of which one does not take what the other does.</summary>
    [Fact]
    public void TwoThatReadItDifferentlyWriteOnceEach()
    {
        SharedMeshConfig other = new("the Secret culvert-system/culvert-controller", NullLogger.Instance);
        _shared.Save(Given("""{"defaultAction":"ALLOW"}"""));
        V1Secret kept = Exchanged(Empty());
        Assert.Empty(_shared.Exchange(kept));
        other.Save(Given("""{"defaultAction":"DENY"}"""));
        kept = kept with { Data = other.Exchange(kept).ToDictionary(d => d.Key, d => d.Value!) };
        Assert.Empty(other.Exchange(kept));
        Assert.Empty(_shared.Exchange(kept));

        // One that was emptied is filled again.
        Assert.Single(_shared.Exchange(Empty()));
    }

    private static V1Secret Empty() => new() { Data = new Dictionary<string, byte[]>() };

    private V1Secret Exchanged(V1Secret read) => read with { Data = _shared.Exchange(read).ToDictionary(d => d.Key, d => d.Value!) };

    private static ObjectSet Given(string spec)
    {
        using var document = JsonDocument.Parse($$"""{"metadata":{"name":"default","annotations":{"note":"☂"} },"spec":{{spec}} }""");
        ApiKind kind = ApiKind.All.Single(k => k.Kind == ObjectKind.MeshConfig);
        var mesh = (MeshConfigObject)kind.Read(ApiDocumentConverter.Of(document.RootElement), new("apis/x", "7")).Object!;
        return ObjectSet.Empty with { Objects = ObjectSet.Empty.Objects.Add(mesh.Key, mesh), Mesh = new(MeshConfigState.Given, mesh.Settings) };
    }
}
