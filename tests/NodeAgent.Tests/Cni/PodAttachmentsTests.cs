using System.Net;
using Culvert.Cni;
using Culvert.Core;
using Culvert.NodeAgent.Cni;
using Culvert.NodeAgent.Tests.Datapath;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.NodeAgent.Tests.Cni;

/// <summary>What container runtimes have told, on disk and joined with what the controller has told.</summary>
public sealed class PodAttachmentsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("culvert-attachments").FullName;

    private string Files => Path.Combine(_folder, "cni");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void TheyOutliveTheAgent()
    {
        PodAttachment told = Of("web", "10.7.0.2", "c1") with { HostInterface = "veth1", NetworkNamespace = "/run/netns/x", ToldBefore = [IPAddress.Parse("fd00::1")] };
        Load().Add(told);
        Assert.Equal(told, Assert.Single(Load().All));
        Assert.Equal("/run/netns/x", Load().NetworkNamespaceOf(Starting("web")));
        Assert.Null(Load().NetworkNamespaceOf(Starting("web") with { PodUid = "another" }));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Assert.Single(Directory.GetFiles(Files))));
        Load().Remove(told.Name);
        Assert.Empty(Load().All);
        Assert.Empty(Directory.GetFiles(Files));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("{\"ContainerId\":\"../x\"}")]
    [InlineData("{\"ContainerId\":\"c2\",\"Interface\":\"eth0\",\"PodNamespace\":\"a\",\"PodName\":\"b\",\"PodUid\":null,\"NetworkNamespace\":null,\"HostInterface\":null,\"Addresses\":[\"x\"],\"ToldBefore\":[],\"Added\":\"2030-01-01T00:00:00+00:00\"}")]
    [InlineData("{\"ContainerId\":\"other\",\"Interface\":\"eth0\",\"PodNamespace\":\"a\",\"PodName\":\"b\",\"PodUid\":null,\"NetworkNamespace\":null,\"HostInterface\":null,\"Addresses\":[],\"ToldBefore\":[],\"Added\":\"2030-01-01T00:00:00+00:00\"}")]
    public void GarbageIsSetAsideAndTheOthersStay(string garbage)
    {
        Load().Add(Of("web", "10.7.0.2", "c1"));
        File.WriteAllText(Path.Combine(Files, "c2:eth0.json"), garbage);
        File.WriteAllText(Path.Combine(Files, "c3:eth0.json.new"), "half");
        Assert.Equal("c1", Assert.Single(Load().All).Name.ContainerId);
        Assert.Contains(Directory.GetFiles(Files), f => f.Contains("c2:eth0.json.corrupt-", StringComparison.Ordinal));
        Assert.DoesNotContain(Directory.GetFiles(Files), f => f.EndsWith(".new", StringComparison.Ordinal));
    }

    [Fact]
    public void AFlippedBitIsNoticed()
    {
        Load().Add(Of("web", "10.7.0.2", "c1"));
        string path = Path.Combine(Files, "c1:eth0.json");
        byte[] bytes = File.ReadAllBytes(path);
        bytes[^20] ^= 1;
        File.WriteAllBytes(path, bytes);
        Assert.Empty(Load().All);
    }

    [Fact]
    public void APodWithoutAnAddressHasItsRuntimes()
    {
        PodAttachments attachments = Load();
        attachments.Add(Of("web", "10.7.0.2", "c1") with { HostInterface = "veth1" });
        WorkloadInfo pod = attachments.Join(Told(Starting("web"))).Workloads["shop/web"];
        Assert.Equal(("10.7.0.2", "veth1", false), (string.Join(' ', pod.Addresses), pod.HostInterface, pod.IsStarting));
    }

    [Fact]
    public void WhatTheControllerTellsLaterCountsMore()
    {
        PodAttachments attachments = Load();
        attachments.Add(Of("web", "10.7.0.2", "c1") with { HostInterface = "veth1" });
        NodeSnapshot same = attachments.Join(Told(Starting("web") with { Addresses = [IPAddress.Parse("10.7.0.2")] }));
        Assert.Equal("10.7.0.2", string.Join(' ', same.Workloads["shop/web"].Addresses));
        NodeSnapshot other = attachments.Join(Told(Starting("web") with { Addresses = [IPAddress.Parse("10.7.0.3")] }, Starting("api") with { Addresses = [IPAddress.Parse("10.7.0.2")] }));
        Assert.Equal("10.7.0.3", string.Join(' ', other.Workloads["shop/web"].Addresses));
        Assert.Equal("10.7.0.2", string.Join(' ', other.Workloads["shop/api"].Addresses));
    }

    [Fact]
    public void WhatItHadToldBeforeIsOlderThanTheRuntimesWord()
    {
        PodAttachments attachments = Load();
        attachments.Add(Of("web", "10.7.0.2", "c1") with { ToldBefore = [IPAddress.Parse("10.7.0.9")] });
        Assert.Equal("10.7.0.2", string.Join(' ', attachments.Join(Told(Starting("web") with { Addresses = [IPAddress.Parse("10.7.0.9")] })).Workloads["shop/web"].Addresses));
    }

    [Fact]
    public void AnotherPodOfItsNameHasNothingOfIt()
    {
        PodAttachments attachments = Load();
        attachments.Add(Of("web", "10.7.0.2", "c1"));
        Assert.True(attachments.Join(Told(Starting("web") with { PodUid = "another" })).Workloads["shop/web"].IsStarting);
        Assert.True(attachments.Join(Told(Starting("web") with { Node = "n2" })).Workloads["shop/web"].IsStarting);
    }

    [Fact]
    public void AnAddressIsThatPodsWhoseRuntimeToldItLastAndNeverOfTwo()
    {
        PodAttachments attachments = Load();
        attachments.Add(Of("old", "10.7.0.2", "c1"));
        attachments.Add(Of("new", "10.7.0.2", "c2", later: 1));
        WorkloadInfo gone = TestMesh.Workload("gone", "n2", "10.7.0.2"), two = TestMesh.Workload("two", "n2", "10.7.0.2") with { Addresses = [IPAddress.Parse("10.7.0.2"), IPAddress.Parse("fd00::2")] };
        NodeSnapshot joined = attachments.Join(Told(Starting("old"), Starting("new"), gone, two));
        Assert.Equal("10.7.0.2", string.Join(' ', joined.Workloads["shop/new"].Addresses));
        Assert.True(joined.Workloads["shop/old"].IsStarting);
        Assert.DoesNotContain("shop/gone", joined.Workloads.Keys);
        Assert.Equal("fd00::2", string.Join(' ', joined.Workloads["shop/two"].Addresses));
    }

    [Fact]
    public void OfTwoContainersOfAPodTheLaterOneCounts()
    {
        PodAttachments attachments = Load();
        attachments.Add(Of("web", "10.7.0.3", "c2", later: 1));
        attachments.Add(Of("web", "10.7.0.2", "c1"));
        Assert.Equal("10.7.0.3", string.Join(' ', attachments.Join(Told(Starting("web"))).Workloads["shop/web"].Addresses));
        attachments.Remove(new("c1", "eth0"));
        Assert.Equal("10.7.0.3", string.Join(' ', attachments.Join(Told(Starting("web"))).Workloads["shop/web"].Addresses));
    }

    [Fact]
    public void OneThatAnotherHasTakenThePlaceOfTakesNothingAlong()
    {
        PodAttachments attachments = Load();
        PodAttachment first = Of("web", "10.7.0.2", "c1"), second = Of("web", "10.7.0.3", "c1", later: 1);
        attachments.Add(first);
        attachments.Add(second);
        attachments.Withdraw(first);
        Assert.Same(second, Assert.Single(attachments.All));
        attachments.Withdraw(second);
        Assert.Empty(attachments.All);
    }

    [Fact]
    public void WithoutAnyASnapshotIsTheSame()
    {
        NodeSnapshot told = Told(Starting("web"));
        Assert.Same(told, Load().Join(told));
    }

    internal static WorkloadInfo Starting(string name) => TestMesh.Workload(name, "n1", "10.7.0.2") with { Addresses = [], PodUid = "uid-" + name };

    internal static PodAttachment Of(string pod, string address, string container, int later = 0) => new()
    {
        Name = new(container, "eth0"),
        Pod = new("shop", pod),
        PodUid = "uid-" + pod,
        Addresses = [IPAddress.Parse(address)],
        Added = new DateTimeOffset(2030, 1, 1, 0, 0, later, TimeSpan.Zero),
    };

    private static NodeSnapshot Told(params WorkloadInfo[] workloads) => TestMesh.Snapshot(workloads);

    private PodAttachments Load() => new(_folder, TimeProvider.System, NullLogger.Instance);
}
