using System.Text;
using System.Text.Json;

namespace Culvert.Cni.Tests;

/// <summary>Requests as the agent reads them.</summary>
public sealed class RequestTests
{
    internal static readonly CniRequest Add = new()
    {
        Command = CniCommand.Add,
        ContainerId = "c1",
        Interface = "eth0",
        NetworkNamespace = "/run/netns/x",
        PodNamespace = "shop",
        PodName = "web-0",
        PodUid = "11aa",
        WaitMilliseconds = 1000,
        Addresses = ["10.1.0.5", "fd00::5"],
        Interfaces = [new() { Name = "veth1", Mac = "aa:bb:cc:dd:ee:02" }],
    };

    [Fact]
    public void ARequestArrivesWhole()
    {
        var read = CniRequest.Parse(JsonSerializer.SerializeToUtf8Bytes(Add, CniJson.Default.CniRequest));
        Assert.Equal(Add with { Addresses = read.Addresses, Interfaces = read.Interfaces, Valid = read.Valid }, read);
        Assert.Equal(Add.Addresses, read.Addresses);
        Assert.Equal(Add.Interfaces, read.Interfaces);
    }

    [Theory]
    [InlineData("", "$")]
    [InlineData("null", "$")]
    [InlineData("{}", "$")]
    [InlineData("{\"command\":0}", "command: ")]
    [InlineData("{\"command\":77}", "command: ")]
    [InlineData("{\"command\":\"Add\"}", "$.command")]
    [InlineData("{\"command\":4,\"other\":1}", "$.other")]
    [InlineData("{\"command\":4,\"waitMs\":-1}", "waitMs: ")]
    [InlineData("{\"command\":4,\"waitMs\":300001}", "waitMs: ")]
    [InlineData("{\"command\":4,\"addresses\":[\"1\"]}", "addresses: ")]
    [InlineData("{\"command\":4,\"addresses\":[\"fe80::1%1\"]}", "addresses: ")]
    [InlineData("{\"command\":4,\"addresses\":[null]}", "addresses: ")]
    [InlineData("{\"command\":4,\"interfaces\":[null]}", "interfaces: ")]
    [InlineData("{\"command\":4,\"interfaces\":[{\"name\":\"\"}]}", "interfaces.name: ")]
    [InlineData("{\"command\":4,\"netns\":\"x\"}", "netns: ")]
    [InlineData("{\"command\":5}", "valid: is missing")]
    [InlineData("{\"command\":5,\"valid\":null}", "valid: is missing")]
    [InlineData("{\"command\":5,\"valid\":[{\"containerID\":\"/\",\"ifname\":\"a\"}]}", "valid.containerID: ")]
    [InlineData("{\"command\":5,\"valid\":[{\"containerID\":\"a\"}]}", "valid.ifname: ")]
    [InlineData("{\"command\":2}", "containerId: ")]
    [InlineData("{\"command\":2,\"containerId\":\"../../etc\",\"ifname\":\"a\"}", "containerId: ")]
    [InlineData("{\"command\":1,\"containerId\":\"a\",\"ifname\":\"a\"}", "podNamespace: ")]
    [InlineData("{\"command\":1,\"containerId\":\"a\",\"ifname\":\"a\",\"podNamespace\":\"a\"}", "podName: ")]
    [InlineData("{\"command\":1,\"containerId\":\"a\",\"ifname\":\"a\",\"podNamespace\":\"a\",\"podName\":\"b\",\"podUid\":\"/\"}", "podUid: ")]
    public void WhatIsWrongIsNamed(string json, string begin) =>
        Assert.StartsWith(begin, Assert.Throws<CniException>(() => CniRequest.Parse(Encoding.UTF8.GetBytes(json))).Message, StringComparison.Ordinal);
}
