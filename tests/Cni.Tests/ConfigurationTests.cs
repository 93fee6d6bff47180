using System.Text;

namespace Culvert.Cni.Tests;

/// <summary>Configurations on standard input, good and bad.</summary>
public sealed class ConfigurationTests
{
    [Fact]
    public void WhatARuntimeSendsIsRead()
    {
        var read = CniConfiguration.Parse(Calls.Configuration(more: """ "agentSocket":"/x/cni.sock","timeoutSeconds":1.5,"capabilities":{},"runtimeConfig":{"a":1} """), CniCommand.Add);
        Assert.Equal(("1.0.0", "/x/cni.sock", TimeSpan.FromSeconds(1.5)), (read.Version, read.Socket, read.Timeout));
        Assert.Equal(["10.1.0.5", "fd00::5"], read.Previous!.Addresses.Select(a => a.ToString()));
        Assert.Equal(["cni0 ", "veth1 ", "eth0 /run/netns/x"], read.Previous.Interfaces.Select(i => $"{i.Name} {i.Sandbox}"));
    }

    [Fact]
    public void WithoutKeysOfItsOwnTheDefaultsHold()
    {
        var read = CniConfiguration.Parse(Calls.Configuration(), CniCommand.Add);
        Assert.Equal(("/run/culvert/cni.sock", TimeSpan.FromSeconds(30)), (read.Socket, read.Timeout));
    }

    [Theory]
    [InlineData("", CniErrorCode.DecodingFailure, "standard input: ")]
    [InlineData("[]", CniErrorCode.DecodingFailure, "standard input: ")]
    [InlineData("{\"cniVersion\":\"1.0.0\"", CniErrorCode.DecodingFailure, "standard input: ")]
    [InlineData("{\"cniVersion\":\"1.0.0\",\"cniVersion\":\"1.1.0\"}", CniErrorCode.DecodingFailure, "standard input: ")]
    [InlineData("{}", CniErrorCode.InvalidConfiguration, "cniVersion: ")]
    [InlineData("{\"cniVersion\":1}", CniErrorCode.InvalidConfiguration, "cniVersion: ")]
    [InlineData("{\"cniVersion\":\"0.2.0\"}", CniErrorCode.IncompatibleVersion, "cniVersion: ")]
    [InlineData("{\"cniVersion\":\"2.0.0\"}", CniErrorCode.IncompatibleVersion, "cniVersion: ")]
    [InlineData("{\"cniVersion\":\"1.0.0\"}", CniErrorCode.InvalidConfiguration, "prevResult: is missing")]
    [InlineData("{\"cniVersion\":\"1.0.0\",\"prevResult\":[]}", CniErrorCode.InvalidConfiguration, "prevResult: ")]
    [InlineData("{\"cniVersion\":\"1.0.0\",\"prevResult\":{\"cniVersion\":\"9\"} }", CniErrorCode.IncompatibleVersion, "prevResult.cniVersion: ")]
    [InlineData("{\"cniVersion\":\"1.0.0\",\"prevResult\":{\"interfaces\":{} } }", CniErrorCode.InvalidConfiguration, "prevResult.interfaces: ")]
    [InlineData("{\"cniVersion\":\"1.0.0\",\"prevResult\":{\"interfaces\":[1]} }", CniErrorCode.InvalidConfiguration, "prevResult.interfaces: ")]
    [InlineData("{\"cniVersion\":\"1.0.0\",\"prevResult\":{\"interfaces\":[{}]} }", CniErrorCode.InvalidConfiguration, "prevResult.interfaces.name: ")]
    [InlineData("{\"cniVersion\":\"1.0.0\",\"prevResult\":{\"interfaces\":[{\"name\":\"a/b\"}]} }", CniErrorCode.InvalidConfiguration, "prevResult.interfaces.name: ")]
    [InlineData("{\"cniVersion\":\"1.0.0\",\"prevResult\":{\"interfaces\":[{\"name\":\"a\",\"mac\":1}]} }", CniErrorCode.InvalidConfiguration, "prevResult.interfaces.mac: ")]
    [InlineData("{\"cniVersion\":\"1.0.0\",\"prevResult\":{\"interfaces\":[{\"name\":\"a\",\"sandbox\":\"x\"}]} }", CniErrorCode.InvalidConfiguration, "prevResult.interfaces.sandbox: ")]
    [InlineData("{\"cniVersion\":\"1.0.0\",\"prevResult\":{\"ips\":[{}]} }", CniErrorCode.InvalidConfiguration, "prevResult.ips.address: ")]
    [InlineData("{\"cniVersion\":\"1.0.0\",\"prevResult\":{\"ips\":[{\"address\":\"10.0.0.1\"}]} }", CniErrorCode.InvalidConfiguration, "prevResult.ips.address: ")]
    [InlineData("{\"cniVersion\":\"1.0.0\",\"prevResult\":{\"ips\":[{\"address\":\"10.0.0.1/33\"}]} }", CniErrorCode.InvalidConfiguration, "prevResult.ips.address: ")]
    [InlineData("{\"cniVersion\":\"1.0.0\",\"prevResult\":{\"ips\":[{\"address\":\"10.1/24\"}]} }", CniErrorCode.InvalidConfiguration, "prevResult.ips.address: ")]
    [InlineData("{\"cniVersion\":\"1.0.0\",\"prevResult\":{\"ips\":[{\"address\":\"fe80::1%1/64\"}]} }", CniErrorCode.InvalidConfiguration, "prevResult.ips.address: ")]
    [InlineData("{\"cniVersion\":\"1.0.0\",\"prevResult\":{\"ips\":[{\"address\":\"10.0.0.1/24\",\"interface\":0}]} }", CniErrorCode.InvalidConfiguration, "prevResult.ips.interface: ")]
    [InlineData("{\"cniVersion\":\"1.0.0\",\"prevResult\":{\"routes\":[{}]} }", CniErrorCode.InvalidConfiguration, "prevResult.routes.dst: ")]
    [InlineData("{\"cniVersion\":\"1.0.0\",\"agentSocket\":\"x\",\"prevResult\":{} }", CniErrorCode.InvalidConfiguration, "agentSocket: ")]
    [InlineData("{\"cniVersion\":\"1.0.0\",\"agentSocket\":7,\"prevResult\":{} }", CniErrorCode.InvalidConfiguration, "agentSocket: ")]
    [InlineData("{\"cniVersion\":\"1.0.0\",\"timeoutSeconds\":0,\"prevResult\":{} }", CniErrorCode.InvalidConfiguration, "timeoutSeconds: ")]
    [InlineData("{\"cniVersion\":\"1.0.0\",\"timeoutSeconds\":301,\"prevResult\":{} }", CniErrorCode.InvalidConfiguration, "timeoutSeconds: ")]
    [InlineData("{\"cniVersion\":\"1.0.0\",\"timeoutSeconds\":\"30\",\"prevResult\":{} }", CniErrorCode.InvalidConfiguration, "timeoutSeconds: ")]
    [InlineData("{\"cniVersion\":\"\\ud800\"}", CniErrorCode.DecodingFailure, "standard input: a text")]
    public void WhatIsWrongIsNamed(string json, CniErrorCode code, string begin)
    {
        CniException refused = Assert.Throws<CniException>(() => CniConfiguration.Parse(Encoding.UTF8.GetBytes(json), CniCommand.Add));
        Assert.Equal(code, refused.Code);
        Assert.StartsWith(begin, refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "cni.dev/valid-attachments: is missing")]
    [InlineData("\"cni.dev/valid-attachments\":{}", "cni.dev/valid-attachments: is not a list")]
    [InlineData("\"cni.dev/valid-attachments\":[1]", "cni.dev/valid-attachments: has something that is not an object")]
    [InlineData("\"cni.dev/valid-attachments\":[{\"ifname\":\"a\"}]", "cni.dev/valid-attachments.containerID: is missing")]
    [InlineData("\"cni.dev/valid-attachments\":[{\"containerID\":\"a\"}]", "cni.dev/valid-attachments.ifname: is missing")]
    [InlineData("\"cni.dev/valid-attachments\":[{\"containerID\":\"..\",\"ifname\":\"a\"}]", "cni.dev/valid-attachments.containerID: is not")]
    public void WithoutAListOfWhatIsLeftNothingIsForgotten(string field, string expected)
    {
        CniException refused = Assert.Throws<CniException>(() => CniConfiguration.Parse(Calls.Configuration("1.1.0", field, previous: null), CniCommand.Gc));
        Assert.StartsWith(expected, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void GcIsToldWhatIsLeft() => Assert.Equal(
        [new CniAttachmentName("a", "eth0")],
        CniConfiguration.Parse(Calls.Configuration("1.1.0", "\"cni.dev/valid-attachments\":[{\"containerID\":\"a\",\"ifname\":\"eth0\"}]", previous: null), CniCommand.Gc).Valid);

    [Fact]
    public void WhatIsWrongWithAnOldResultKeepsNobodyFromLeaving() => Assert.Null(CniConfiguration.Parse(Calls.Configuration(previous: "[]"), CniCommand.Del).Previous);

    [Fact]
    public void MoreThanAMebibyteIsRefused() => Assert.Contains("more than", Assert.Throws<CniException>(() => CniConfiguration.Parse(new byte[CniConfiguration.LongestInput + 1], CniCommand.Add)).Message, StringComparison.Ordinal);
}
